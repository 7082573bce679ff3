"""An episode as a Rerun recording: what of a run's files becomes which entity, and how it is laid out."""
