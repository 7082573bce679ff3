"""Forecasts of agents with a model against what comes true: `python -m experiments.forecast`."""
