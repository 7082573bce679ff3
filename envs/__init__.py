"""Gymnasium environments around the pipeline, and the spec that agents see of them.

Importing this registers the ids and nothing more: neither sockets nor models are loaded.
"""

import gymnasium as gym

PIPELINE_ID = "elasticbench/Pipeline-v0"

gym.register(PIPELINE_ID, entry_point="envs.pipeline_env:PipelineEnv", nondeterministic=True)
