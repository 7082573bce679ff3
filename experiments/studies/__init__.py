"""Agents in cells under seeds: what must be played for that, and what it came to."""
