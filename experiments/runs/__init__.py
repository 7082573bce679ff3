"""An episode and its record: the one loop, the directory that a run leaves, and reading it back."""
