"""From a composed configuration to a run that can begin: checked, and trained first if need be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from agents.base import Agent
from envs.spec import ElasticitySpec
from experiments.config.agents import make_agent, typed_values
from experiments.config.composing import checked
from experiments.config.schemas import CustomSchema, PipelineSchema, ReplaySchema, RunConfig, SimulatorSchema
from experiments.execution.counterfactual import change_points_of
from experiments.execution.this_machine import fetch_weights, with_own_hardware
from experiments.program.errors import ConfigError
from experiments.runs.provenance import Identity, identify
from experiments.runs.record import LOGS
from experiments.statistics.episode import EVERYWHERE, Episode, episode_of
from experiments.training.first_use import ensure_trained
from experiments.worlds.drawn import with_world
from experiments.worlds.plan import Plan, plan_run, show_world

CUSTOM = "custom"  # of agent and video: a class of somebody else's, without a name of its own in conf/


@dataclass(frozen=True)
class ResolvedRun:
    """A run that can begin; it makes its world and its agent as often as it is asked to."""

    plan: Plan  # what is to be carried out
    identity: Identity  # what it is
    agent: DictConfig  # what the agent is made of: if it needs a checkpoint, one that is there

    @property
    def spec(self) -> ElasticitySpec:
        """What the agent sees."""
        return self.plan.spec

    @property
    def config(self) -> RunConfig:
        """Every key and its value."""
        return self.plan.config

    def make_env(self, directory: Path = Path(), say: Callable[[str], None] = lambda _: None) -> Any:
        """Make the Gymnasium environment; a real pipeline logs to `directory`, and must be closed."""
        if isinstance(self.config.env, PipelineSchema):
            (directory / LOGS).mkdir(parents=True, exist_ok=True)
        return self.plan.make_env(directory, say)

    def make_agent(self, say: Callable[[str], None] = lambda _: None) -> Agent:
        """Make a new agent for it, which was shown its world if it must be. Raises ConfigError."""
        agent = make_agent(self.agent, self.spec)
        show_world(agent, self.plan, say)
        return agent

    def episode(self, trace: pd.DataFrame, agent: str, cell: str, seed: int) -> Episode:
        """Return what a trace that was played in its world tells, for `experiments.statistics`.

        `trace` is as `interactive.play` returns it, under `seed`; `agent` and `cell` are what they are to be
        called: episodes of one cell are compared under equal seeds.
        """
        return episode_of(trace, agent, cell, EVERYWHERE, seed, change_points_of(self.plan, seed))

    def under_seed(self, seed: int) -> "ResolvedRun":
        """Return the same under another seed: nothing else is composed or checked again."""
        config = replace(self.config, seed=seed)
        if isinstance(config.env, SimulatorSchema):  # what is simulated knows no seed
            plan = replace(self.plan, config=config)
        else:
            plan = plan_run(config)
        return ResolvedRun(plan, self.identity.having(seed=seed), self.agent)

    def of_agent(
        self, choice: str, values: DictConfig, trained_on: str | None, console: Console
    ) -> "ResolvedRun":
        """Return the same of another agent: the world is neither composed nor planned again.

        `choice` is its file in conf/agent, `values` what it is made of; `trained_on`, of conf/training, is
        None where it learns nothing beforehand. Raises the same as `resolve`.
        """
        values = ensure_trained(choice, typed_values(values), self.plan, trained_on, console)
        plain: Any = OmegaConf.to_container(values, resolve=True, enum_to_str=True)
        config = replace(self.config, agent=plain, trained_on=trained_on)
        identity = self.identity.having(agent=plain, trained_on=trained_on)
        choices = named({**identity.choices, "agent": choice}, config)
        return ResolvedRun(replace(self.plan, config=config), replace(identity, choices=choices), values)


def resolve(cfg: DictConfig, choices: Mapping[str, str], console: Console) -> ResolvedRun:
    """Check everything, fetch weights that are missing, and train whoever must be trained first.

    `cfg` is composed, without Hydra's own part, and is not changed; `choices` are the options it chose, by
    group; the console shows the training. Raises ConfigError: something is wrong; ExecutionError,
    KeyboardInterrupt: as `first_use.ensure_trained`.
    """
    cfg, choices = with_own_hardware(*with_world(cfg, choices), console)
    config = checked(cfg, RunConfig)
    if not 0 <= config.output.golden_share <= 1:
        raise ConfigError(f"output.golden_share must be in [0, 1], got {config.output.golden_share}")
    weights = fetch_weights(config)
    plan = plan_run(config)
    cfg = cfg.copy()
    cfg.qoe.by = plan.config.qoe.by  # what is recorded is what it is judged by
    values = typed_values(cfg.agent)
    cfg.agent = ensure_trained(choices["agent"], values, plan, config.trained_on, console)
    identity = identify(cfg, named(choices, config), plan.spec.hash, weights)
    return ResolvedRun(plan, identity, cfg.agent)


def named(choices: Mapping[str, str], config: RunConfig) -> dict[str, str]:
    """The choices: "remote" or "replay" for what a run of that kind has no say in, classes by name."""
    own = dict(choices)
    if own["agent"] == CUSTOM:
        own["agent"] = config.agent["_target_"].rpartition(".")[2]
    if own["video"] == CUSTOM and isinstance(config.video, CustomSchema):
        own["video"] = config.video.factory.rpartition(".")[2]
    if isinstance(config.env, PipelineSchema) and config.env.control:
        own |= dict.fromkeys(("video", "detector", "hardware"), "remote")
    if isinstance(config.env, ReplaySchema):
        own |= dict.fromkeys(("video", "detector", "hardware", "slo"), "replay")
    return own
