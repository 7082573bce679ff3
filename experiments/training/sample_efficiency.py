"""What a learning curve is of: evaluations during training, and the reward of random decisions below them."""

from dataclasses import dataclass

import numpy as np

from agents.training import Worlds
from envs.spec import ElasticitySpec


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
