"""Runs of agents on environments, and what they leave: configuration, records, pictures."""

import pipeline  # noqa: F401 - whose first lines are about Ctrl-C
