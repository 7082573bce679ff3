"""Measuring this machine, and what detections are worth: `python -m experiments.calibrate`.

One call is a `session`. `measuring` goes through all grades and frame sizes on a real pipeline of which every
frame is recorded, and `profile` makes a file of conf/hardware of that. With what=accuracy, `accuracy` looks
at scenes whose truth is known, and makes a file of conf/accuracy.
"""
