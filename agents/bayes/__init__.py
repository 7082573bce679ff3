"""Bayesian model predictive control with NumPyro on JAX, kept to one core."""

import agents.common.jax_cpu  # noqa: F401 - before anything here imports JAX
