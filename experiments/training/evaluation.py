"""What an agent comes to in a world over some seeds, and what random decisions would have earned."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import gymnasium as gym
import numpy as np

from agents.base import Agent
from agents.training import Side
from experiments.runs.episode import Steps, play
from experiments.runs.summary import summarise
from experiments.runs.trace import trace_of


@dataclass(frozen=True, slots=True)
class Score:
    """Means over all steps of all seeds.

    Attributes:
        world, agent: whose.
        reward_mean: in [-1, 1].
        slo_fulfilment: share of the steps in which all SLOs held, of those in which that is known; NaN if
            that is none.
        qoe_mean: in [0, 1].
    """

    world: str
    agent: str
    reward_mean: float
    slo_fulfilment: float
    qoe_mean: float


def score(world: str, name: str, agent: Agent, env: gym.Env, seeds: Sequence[int]) -> Score:
    """Play one episode per seed, of agent and world alike; close the world, and return what all come to."""
    kept = Steps()
    try:
        agent.warm_up()
        for seed in seeds:
            play(agent, env, seed, [kept])
    finally:
        env.close()
    figures = summarise(trace_of(kept.seen, agent.spec))
    held = figures["slo_fulfilment"]
    return Score(world, name, figures["reward_mean"], math.nan if held is None else held, figures["qoe_mean"])


def random_reward(side: Side, seeds: Sequence[int], seed: int) -> float:
    """Return the mean reward per step of random decisions in each environment's first episode.

    Args:
        side: as many environments as seeds; they are closed.
        seeds: of the episodes.
        seed: of the decisions.
    """
    rng, n_levels = np.random.default_rng(seed), np.array([spec.n_levels for spec in side.specs])
    try:
        side.envs.reset(seed=list(seeds))  # pyright: ignore[reportArgumentType] - one each
        is_running, total, n_steps = np.ones(len(seeds), dtype=bool), 0.0, 0
        while is_running.any():
            _, rewards, terminated, truncated, _ = side.envs.step(rng.integers(n_levels))
            total += float(np.sum(rewards, where=is_running))
            n_steps += int(is_running.sum())
            is_running &= ~(terminated | truncated)
        return total / n_steps
    finally:
        side.envs.close()
