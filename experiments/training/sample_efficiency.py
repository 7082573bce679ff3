"""How fast something was learned: steps to 90 % of its own plateau, measured above random decisions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.training import Worlds
from envs.spec import ElasticitySpec

PLATEAU = 0.2  # share of the evaluations, the last ones, whose mean is the plateau
REACHED = 0.9  # share of the way from random decisions to the plateau


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One evaluation during training.

    Attributes:
        steps: made by then.
        wall_s: passed since training began, evaluations included.
        reward: mean per step.
    """

    steps: int
    wall_s: float
    reward: float


def plateau_of(curve: Sequence[Evaluated]) -> float:
    """Mean reward of the last evaluations; the curve has at least one."""
    last = max(1, round(PLATEAU * len(curve)))
    return float(np.mean([evaluated.reward for evaluated in curve[-last:]]))


def reaching(curve: Sequence[Evaluated], random_reward: float) -> Evaluated:
    """The first evaluation that has come most of the way from random decisions to the plateau."""
    needed = random_reward + REACHED * (plateau_of(curve) - random_reward)
    return next((evaluated for evaluated in curve if evaluated.reward >= needed), curve[-1])


def random_reward(spec: ElasticitySpec, worlds: Worlds, seed: int) -> float:
    """Mean per step of random decisions in the held-out episodes."""
    seeds = list(worlds.held_out_seeds)
    envs, rng = worlds.held_out(len(seeds)), np.random.default_rng(seed)
    try:
        envs.reset(seed=seeds)  # pyright: ignore[reportArgumentType] - one each
        is_running, total, n_steps = np.ones(len(seeds), dtype=bool), 0.0, 0
        while is_running.any():
            actions = rng.integers(spec.n_levels, size=(len(seeds), len(spec.knobs)))
            _, rewards, terminated, truncated, _ = envs.step(actions)
            total += float(np.sum(rewards, where=is_running))
            n_steps += int(is_running.sum())
            is_running &= ~(terminated | truncated)
        return total / n_steps
    finally:
        envs.close()
