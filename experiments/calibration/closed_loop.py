"""Agents in every world: made once, and played under the same seed."""

from typing import Any

import pandas as pd
from hydra import compose
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from agents.base import Agent
from experiments.calibration.errors import SCORES
from experiments.config.agents import make_agent, typed_values
from experiments.program.errors import ConfigError
from experiments.runs.episode import Steps, play
from experiments.runs.summary import summarise
from experiments.runs.trace import row_of
from experiments.training.first_use import ready
from experiments.worlds.run_spec import Plan
from experiments.worlds.twin import show_world

STATIC = "static-"  # prefix of an agent's name: static-lowest, static-middle, static-highest
ALSO_KEPT = ("decision_ms_p50", "switches_per_min", "slo_depth")


def values_of(name: str, results: str) -> DictConfig:
    """Compose the values of an agent of conf/agent, or of `static-lowest`, `-middle`, `-highest`.

    Args:
        name: of the agent.
        results: the folder that checkpoints are in.

    Raises:
        ConfigError: there is no such agent.
    """
    try:
        cfg = compose(f"agent/{option_of(name)}")
    except MissingConfigException as error:
        raise ConfigError(f"agent {name}: there is no conf/agent/{option_of(name)}.yaml") from error
    OmegaConf.set_struct(cfg, False)
    cfg.results = results  # that paths of checkpoints name
    if name.startswith(STATIC):
        cfg.agent.levels = name.removeprefix(STATIC)
    return typed_values(cfg.agent, f"agent {name}")


def option_of(name: str) -> str:
    """Return the name of an agent's file in conf/agent."""
    return STATIC.rstrip("-") if name.startswith(STATIC) else name


def agent_for(name: str, plan: Plan, console: Console) -> Agent:
    """Make an agent for a run, trained first if it never was, and warm; `figures_of` shows it its world.

    Args:
        name: as for `values_of`.
        plan: of the run; only what agents see of it counts, so any of its worlds will do.
        console: shows the training.

    Raises:
        ConfigError: there is no such agent, or it cannot be made or trained for this.
        TrainingError: the training broke.
    """
    config = plan.config
    values = values_of(name, config.results)
    values = ready(option_of(name), values, plan, config.trained_on, console, config.live)
    agent = make_agent(values, plan.spec, f"agent {name}")
    agent.warm_up()
    return agent


def figures_of(agent: Agent, env: Any, twin: Plan, seed: int) -> dict[str, Any]:
    """Let an agent play an episode; returns its SCORES and more.

    Args:
        agent: for the environment's spec; warm.
        env: any world; it is not closed.
        twin: its like that can be calculated in advance, for an agent that must see it before.
        seed: of the episode.

    Raises:
        ClusterError: the pipeline broke.
        ConfigError: the twin cannot be calculated in advance.
    """
    show_world(agent, twin, lambda _: None)
    kept, knobs = Steps(), [knob.name for knob in agent.spec.knobs]
    play(agent, env, seed, [kept])
    figures = summarise(pd.DataFrame([row_of(step, knobs) for step in kept.seen]))
    return {name: figures[name] for name in (*SCORES, *ALSO_KEPT)}
