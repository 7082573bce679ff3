"""Measuring this machine, and how far the worlds are apart: `python -m experiments.calibrate`.

One call is a `session`. It calibrates: `measuring` goes through what is missing on a `rig`, a real pipeline
of which every frame is recorded, and reads service times, saturation and start-up off it; `measured` keeps it
all, `fits` and `profile` make a file of conf/hardware of it.

With what=accuracy (`accuracy`) it looks at `scenes` whose truth is known, and makes a `stream_profile` of
what is found there: a file of conf/accuracy.

With validate=true it validates: `validation` holds held-out settings (`open_loop`) in the native, emulated
and simulated world at equal speeds; `errors` compares, `report` shows. How the worlds rank agents is a study
with env=pipeline.
"""
