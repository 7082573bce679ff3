"""What agents take to decide, to learn and to start."""
