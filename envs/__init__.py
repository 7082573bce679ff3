"""Gymnasium environments around the pipeline, and the spec that agents see of them.

Importing this registers the ids and nothing more: neither sockets nor models are loaded.
"""

import gymnasium as gym

PIPELINE_ID = "elasticbench/Pipeline-v0"
SIMULATOR_ID = "elasticbench/Simulator-v0"
REPLAY_ID = "elasticbench/Replay-v0"

gym.register(PIPELINE_ID, entry_point="envs.pipeline_env:PipelineEnv", nondeterministic=True)
gym.register(
    SIMULATOR_ID,
    entry_point="envs.procedural.env:make_simulator",
    vector_entry_point="envs.procedural.env:make_simulators",
)
gym.register(REPLAY_ID, entry_point="envs.replay.env:Replay")
