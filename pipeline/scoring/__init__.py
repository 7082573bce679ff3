"""How well what was emitted shows what is really there, source frame by source frame.

`truth` knows what is in the pictures, `emulated` draws detections from it where workers find nothing, as the
content of the moment has it (`moments`), `matching` holds detections against it, `scorer` adds up over time,
and `scoring` does so in a thread of its own, off the frames' path.
"""
