"""A procedural traffic scene as a source, drawn picture by picture from a seed, with the truth about each.

`source` is the way in. `flow` drives the vehicles that `vehicles` and `bodywork` describe; `perspective` and
`placement` say where they are in the picture; `scenery`, `sprites` and `daylight` draw it.
"""

from pipeline.sources.traffic.source import TrafficSource

__all__ = ["TrafficSource"]
