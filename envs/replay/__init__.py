"""A world that replays what was measured at each setting, instead of simulating it."""
