"""Agents in every world: made once, and played under the same seed."""

from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from agents.base import Agent
from experiments.calibration.errors import SCORES
from experiments.config.agents import make_agent
from experiments.config.composing import agent_values
from experiments.runs.episode import Steps, play
from experiments.runs.summary import summarise
from experiments.runs.trace import trace_of
from experiments.training.first_use import ensure_trained
from experiments.worlds.plan import Plan, show_world

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
    changed = {"levels": name.removeprefix(STATIC)} if name.startswith(STATIC) else {}
    return agent_values(option_of(name), results, f"agent {name}", changed)


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
    values = ensure_trained(option_of(name), values, plan, config.trained_on, console, config.live)
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
    show_world(agent, twin)
    kept = Steps()
    play(agent, env, seed, [kept])
    figures = summarise(trace_of(kept.seen, agent.spec))
    return {name: figures[name] for name in (*SCORES, *ALSO_KEPT)}
