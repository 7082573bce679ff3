"""Agents in every world: the same scenario, the same seed, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agents.base import Agent
from envs.spec import ElasticitySpec
from experiments.calibration.errors import rank_correlation, speed_factors
from experiments.calibration.held_out import Levels
from experiments.calibration.open_loop import hold_reference
from experiments.calibration.worlds import World, Worlds
from experiments.runs.episode import Steps, play
from experiments.runs.summary import summarise
from experiments.runs.trace import row_of

SCORES = ("slo_fulfilment", "qoe_mean", "reward_mean")
ALSO_KEPT = ("decision_ms_p50", "switches_per_min", "slo_depth")
MakeAgent = Callable[[str, ElasticitySpec], Agent]


@dataclass(frozen=True, slots=True)
class Contest:
    """Agents that meet the same scenario.

    Attributes:
        scenario: its name.
        agents: their names.
        reference, reference_ms: levels that tell the machine's speed, and the profile's service time there.
        n_reference: control intervals of it.
        seed: of agents and source.
    """

    scenario: str
    agents: Sequence[str]
    reference: Levels
    reference_ms: float
    n_reference: int
    seed: int


def run_contest(
    contest: Contest,
    worlds: Worlds,
    order: Sequence[World],
    make_agent: MakeAgent,
    directory: Path,
    say: Callable[[str], None],
    advance: Callable[[], None],
) -> pd.DataFrame:
    """One row per world and agent: SCORES and more.

    Args:
        order: of the worlds; the first is the truth, whose speed the others are given.
        advance: called after each agent in each world.

    Raises:
        HoldingError, ClusterError, ControlError: a pipeline broke.
    """
    rows: list[dict[str, Any]] = []
    factors = [1.0] * len(contest.agents)
    decisions_ms = [0.0] * len(contest.agents)
    for place, world in enumerate(order):
        say(f"agents, {contest.scenario}, {world}")
        if world is World.SIMULATED:
            of_world = _simulated(contest, worlds, make_agent, factors, decisions_ms, say, advance)
        else:
            factor = 1.0 if place == 0 else float(np.median(factors))
            env = worlds.make_env(world, directory / contest.scenario / world, say, factor)
            of_world = _real(contest, env, make_agent, advance)
        if place == 0:
            factors = speed_factors([row["reference_ms"] for row in of_world], contest.reference_ms)
            decisions_ms = [row["decision_ms_p50"] for row in of_world]
        rows += [{"scenario": contest.scenario, "world": str(world), **row} for row in of_world]
    return pd.DataFrame(rows)


def _real(
    contest: Contest, env: Any, make_agent: MakeAgent, advance: Callable[[], None]
) -> list[dict[str, Any]]:
    """Every agent, one after the other, in one environment; the reference before each."""
    rows = []
    try:
        for name in contest.agents:
            env.reset(seed=contest.seed)
            reference_ms = hold_reference(env, contest.reference, contest.n_reference)
            rows.append({**_run(contest, env, name, make_agent), "reference_ms": reference_ms})
            advance()
    finally:
        env.close()
    return rows


def _simulated(
    contest: Contest,
    worlds: Worlds,
    make_agent: MakeAgent,
    factors: Sequence[float],
    decisions_ms: Sequence[float],
    say: Callable[[str], None],
    advance: Callable[[], None],
) -> list[dict[str, Any]]:
    rows = []
    for name, factor, decision_ms in zip(contest.agents, factors, decisions_ms, strict=True):
        env = worlds.make_env(World.SIMULATED, Path(), say, factor, decision_ms)
        reference_ms = factor * contest.reference_ms
        rows.append({**_run(contest, env, name, make_agent), "reference_ms": reference_ms})
        env.close()
        advance()
    return rows


def _run(contest: Contest, env: Any, name: str, make_agent: MakeAgent) -> dict[str, Any]:
    """One agent's episode, in figures."""
    agent = make_agent(name, env.elasticity)
    knobs = [knob.name for knob in env.elasticity.knobs]
    agent.warm_up()
    kept = Steps()
    play(agent, env, contest.seed, [kept])
    figures = summarise(pd.DataFrame([row_of(step, knobs) for step in kept.seen]))
    return {"agent": name, **{score: figures[score] for score in (*SCORES, *ALSO_KEPT)}}


def ranks(loops: pd.DataFrame, true_world: str) -> dict[str, dict[str, dict[str, float | None]]]:
    """Rank correlation of the agents with the true world's, by scenario, world and score.

    Args:
        loops: as `run_contest` returns it, of one or several scenarios.
    """
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for scenario, rows in loops.groupby("scenario"):
        by_world = {str(world): of_world.set_index("agent") for world, of_world in rows.groupby("world")}
        true = by_world.pop(true_world)
        found[str(scenario)] = {
            world: {score: _rank(true, other, score) for score in SCORES} for world, other in by_world.items()
        }
    return found


def _rank(true: pd.DataFrame, other: pd.DataFrame, score: str) -> float | None:
    agents = true.index
    return rank_correlation(true[score].to_numpy().tolist(), other.loc[agents, score].to_numpy().tolist())


def labels(loops: pd.DataFrame) -> Mapping[str, list[str]]:
    """Scenarios, worlds and agents in the order in which they were run."""
    return {name: list(dict.fromkeys(loops[name])) for name in ("scenario", "world", "agent")}
