"""Bayesian model predictive control with NumPyro on JAX, kept to one core as `agents.aif` keeps it."""

import agents.aif  # noqa: F401 - sets JAX up before anything here imports it
