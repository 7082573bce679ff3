"""A run from Python, in a notebook say, instead of from the command line: arranged, and played step by step.

    run = arrange("agent=aif", "env=simulator", "hardware=rpi5", "scenario=worker_loss")
    trace = play(run.make_agent(), run.make_env(), seed=0)

The overrides are those of `python -m experiments.run`; nothing is recorded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import gymnasium as gym
import pandas as pd
from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from agents.base import Agent
from envs.spec import ElasticitySpec
from experiments.config.composing import composed
from experiments.config.schemas import CONF, RunConfig
from experiments.config.world_schemas import PipelineSchema
from experiments.execution.resolve import ResolvedRun, resolve
from experiments.program.errors import ConfigError, sentence
from experiments.runs import episode
from experiments.runs.episode import Step, Steps
from experiments.runs.record import LOGS
from experiments.runs.trace import trace_of
from experiments.statistics.disturbances import change_points_of
from experiments.statistics.episode import EVERYWHERE, Episode, episode_of
from experiments.worlds.plan import Plan

if TYPE_CHECKING:
    from experiments.worlds.plan import WorldEnv

HYDRA = "1.3"  # whose defaults are meant


@dataclass(frozen=True)
class Session:
    """A run that was composed and checked; it makes its world and its agent as often as it is asked to.

    Attributes:
        resolved: what it stands for: plan, identity and configuration.
    """

    resolved: ResolvedRun

    @property
    def plan(self) -> Plan:
        """What is to be carried out."""
        return self.resolved.plan

    @property
    def spec(self) -> ElasticitySpec:
        """What the agent sees."""
        return self.plan.spec

    @property
    def config(self) -> RunConfig:
        """Every key and its value."""
        return self.plan.config

    def make_env(self, directory: Path = Path(), say: Callable[[str], None] = lambda _: None) -> "WorldEnv":
        """The Gymnasium environment; close it when a real pipeline is behind it.

        Args:
            directory: of a real pipeline's logs, which go to its folder `logs`.
            say: told what start-up waits for.
        """
        if isinstance(self.config.env, PipelineSchema):
            (directory / LOGS).mkdir(parents=True, exist_ok=True)
        return self.plan.make_env(directory, say)

    def make_agent(self) -> Agent:
        """A new agent, shown its world if it must see it. Raises ConfigError."""
        return self.resolved.make_agent()

    def episode(self, trace: pd.DataFrame, agent: str, cell: str, seed: int) -> Episode:
        """A trace that was played here, for the statistics of `experiments.statistics`.

        Args:
            trace: as `play` returns it.
            agent, cell: what they are to be called; episodes of one cell are compared under equal seeds.
            seed: it was played under.
        """
        return episode_of(trace, agent, cell, EVERYWHERE, seed, change_points_of(self.plan, seed))


def arrange(*overrides: str) -> Session:
    """Compose a run from overrides, as `python -m experiments.run` does, and check it; starts nothing.

    A learned agent that never was is trained first.

    Raises:
        ConfigError: something in it is wrong; one sentence says what.
        ExecutionError: a training broke.
    """
    try:
        with initialize_config_dir(str(CONF), version_base=HYDRA):
            cfg, choices = composed(overrides)
            return Session(resolve(cfg, choices, Console()))
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
    kept = Steps(watch)
    episode.play(agent, env, seed, [kept])
    return trace_of(kept.seen, agent.spec)
