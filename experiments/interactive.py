"""A run from Python, in a notebook say, instead of from the command line: arranged, and played step by step.

    run = arrange("agent=aif", "env=simulator", "hardware=rpi5", "scenario=worker_loss")
    trace = play(run.make_agent(), run.make_env(), seed=0)

The overrides are those of `python -m experiments.run`; nothing is recorded.
"""

from collections.abc import Callable

import gymnasium as gym
import pandas as pd
from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from agents.base import Agent
from experiments.config.composing import composed
from experiments.config.schemas import CONF
from experiments.execution.resolve import ResolvedRun, resolve
from experiments.program.errors import ConfigError, sentence
from experiments.runs.episode import Step
from experiments.runs.trace import traced


def arrange(*overrides: str) -> ResolvedRun:
    """Compose a run from overrides, as `python -m experiments.run` does, and check it; starts nothing.

    A learned agent that never was is trained first.

    Raises:
        ConfigError: something in it is wrong; one sentence says what.
        ExecutionError: a training broke.
    """
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return resolve(*composed(overrides), Console())
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(sentence(error)) from error


def play(
    agent: Agent, env: gym.Env, seed: int, watch: Callable[[Step], None] = lambda step: None
) -> pd.DataFrame:
    """Play one episode, from its reset to its end.

    Args:
        agent: anyone's, for the env's spec.
        env: one of ours, wrapped by Gymnasium or not; it is not closed.
        seed: of both.
        watch: sees every step as it ends, when the agent has learned from it.

    Returns:
        The trace: one row per control interval, columns as `experiments.runs.trace.row_of` has them.

    Raises:
        ClusterError: a real pipeline broke.
    """
    agent.warm_up()
    return traced(agent, env, seed, watch)
