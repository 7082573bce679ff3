"""Many episodes: which an evaluation needs, which are there already, and processes that play the others."""
