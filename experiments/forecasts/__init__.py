"""Forecasts of agents with a model against what comes true: `python -m experiments.forecast`.

`questions` asks an agent in the midst of its own simulated episode, and lets copies of that episode answer;
`scores` judges probabilities (Brier score and its parts), in a table and in reliability diagrams.
"""
