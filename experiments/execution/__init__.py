"""A run from its overrides to its end: resolved, trained for if need be, played, recorded and shown."""
