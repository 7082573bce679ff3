"""What a table of measurements would have earned on average: replay has no draws to be foreseen."""

import numpy as np
from numpy.typing import NDArray

from agents.clairvoyant import Course
from envs.replay.env import Replay


class Hindsight:
    """Means over all that was measured at each setting.

    Args:
        world: whose table and scenario are read.
    """

    def __init__(self, world: Replay) -> None:
        n_levels = world.elasticity.n_levels
        self._settings = np.stack(np.unravel_index(np.arange(np.prod(n_levels)), n_levels), axis=1)
        self._rewards = world.prospects()

    def best_static(self, seed: int) -> Course:
        """Return the setting that earns most if it never changes; the same for every seed."""
        return self._course(np.full(len(self._rewards), self._rewards.mean(axis=0).argmax()))

    def best(self, seed: int) -> Course:
        """Return the best setting of each step: thresholds may change, and nothing else does."""
        static, best = self.best_static(seed), self._course(self._rewards.argmax(axis=1))
        figures = {"static": float(static.rewards.mean()), "phases": float(best.rewards.mean())}
        return best._replace(figures=figures)

    def _course(self, chosen: NDArray[np.int64]) -> Course:
        return Course(self._settings[chosen], self._rewards[np.arange(len(chosen)), chosen], {})
