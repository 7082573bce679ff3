"""An agent in a world over some seeds, and what it came to."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gymnasium as gym
import numpy as np

from agents.base import Agent
from agents.clairvoyant import Clairvoyant
from experiments.runs.episode import Steps, play
from experiments.runs.summary import together
from pipeline.slos import SloState


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


def score(
    world: str, name: str, agent: Agent, make_env: Callable[[], gym.Env], seeds: Sequence[int]
) -> Score:
    """One episode per seed, of agent and world alike."""
    kept = Steps()
    env = make_env()
    try:
        if isinstance(agent, Clairvoyant):
            agent.look(env)
        agent.warm_up()
        for seed in seeds:
            play(agent, env, seed, [kept])
    finally:
        env.close()
    steps = kept.seen
    states, known = (np.array([[*step.info[what].values()] for step in steps]) for what in ("slos", "known"))
    fulfilment = together(states == SloState.CRITICAL, known.astype(bool)).fulfilment
    return Score(
        world,
        name,
        reward_mean=float(np.mean([step.reward for step in steps])),
        slo_fulfilment=math.nan if fulfilment is None else fulfilment,
        qoe_mean=float(np.mean([step.info["qoe"] for step in steps])),
    )
