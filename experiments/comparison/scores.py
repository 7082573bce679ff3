"""Scores: where an agent's reward lies between random decisions (0) and the best that is known (1)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST_SPREAD = 0.1  # between random and oracle; with less, a score would magnify noise
TOLERANCE = 0.01  # by which an agent may exceed the best that is known, in mean reward per step


class Yardstick(NamedTuple):
    """What scores of a cell are measured against.

    Attributes:
        random: mean over its seeds of the mean reward per step of random decisions.
        oracle: mean reward per step of the best that is known, by seed.
    """

    random: float
    oracle: Mapping[int, float]

    def spread(self, seed: int) -> float:
        """Reward between both."""
        return self.oracle[seed] - self.random

    @property
    def is_normal(self) -> bool:
        """Whether every seed has enough between both for a score to mean something."""
        return all(self.spread(seed) >= LEAST_SPREAD for seed in self.oracle)

    def score(self, reward: float, seed: int) -> float:
        """(R − R_random) / (R_oracle − R_random), not clipped; NaN in a cell that is not normal."""
        return (reward - self.random) / self.spread(seed) if self.is_normal else float("nan")


def rank_correlation(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Spearman's: Pearson's of the ranks, ties sharing theirs; NaN if all of one are alike. Shapes (n,)."""
    from scipy.stats import rankdata

    x, y = rankdata(ours), rankdata(theirs)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])
