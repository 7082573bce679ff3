"""Agents that must learn first: trainings, their checkpoints, and the search for an agent's figures."""
