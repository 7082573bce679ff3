"""A run from its first word to its record: playing it, writing its directory, reading and recovering that."""
