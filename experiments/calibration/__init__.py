"""Measuring this machine, and how far the worlds are apart: `python -m experiments.calibrate`.

One call is a `session`. It calibrates: `measuring` goes through what is missing on a `rig`, a real pipeline
of which every frame is recorded, and reads service times, saturation and start-up off it; of these, `fits`
and `profile` make a file of conf/hardware.

With what=accuracy (`accuracy`) it looks at `scenes` whose truth is known; of what is found there it makes a
file of conf/accuracy.

With validate=true it validates: `validation` holds held-out settings in the native, emulated and simulated
world at equal speeds; `report` compares and shows. How the worlds rank agents is a study with env=pipeline.
"""
