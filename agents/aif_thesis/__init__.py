"""The active inference of the published predecessor (JohnnyElaine/bsc_aif_parallel_pipeline, 2025)."""

import agents.common.jax_cpu  # noqa: F401 - before anything here imports JAX
