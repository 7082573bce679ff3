"""Runs of agents on environments, and what they leave: configuration, records, pictures."""
