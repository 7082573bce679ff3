"""A run from words to its end: resolved, trained for if need be, played, recorded and shown."""
