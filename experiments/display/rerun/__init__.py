"""An episode as a Rerun recording: what of a run's files becomes which entity, and how it is laid out.

`episode` writes a whole run; `series` the trace's lines and lanes, `events` what happened to the world,
`pictures` the annotated video and its boxes; `layout` names the entities and arranges their views.
"""
