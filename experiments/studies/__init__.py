"""Agents in cells under seeds: the runs that a study is made of, who plays them, and what they came to."""
