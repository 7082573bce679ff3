"""The published predecessor's active inference, as a baseline; JAX is set up as for `agents.aif`."""

import agents.aif as agents_aif  # noqa: F401 - importing it keeps JAX to one core
