"""Scores: where an agent's reward lies between random decisions (0) and the best that is known (1)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.episode import Episode

RANDOM, ORACLE = "random", "oracle"  # names of those between whom scores are measured
LEAST_SPREAD = 0.1  # between random and oracle; with less, a score would magnify noise
TOLERANCE = 0.01  # by which an agent may exceed the best that is known, in mean reward per step

Values = NDArray[np.float64]


class Yardstick(NamedTuple):
    """What scores of a cell are measured against.

    Attributes:
        random: mean over its seeds of the mean reward per step of random decisions.
        oracle: mean reward per step of the best that is known, by seed.
        curves: its reward of each step, by seed, shape (n_steps,); none where that is not known.
    """

    random: float
    oracle: Mapping[int, float]
    curves: Mapping[int, Values] = MappingProxyType({})

    def best(self, seed: int) -> float:
        """The oracle's under this seed, or its mean over seeds where it has not played this one."""
        return self.oracle[seed] if seed in self.oracle else float(np.mean(list(self.oracle.values())))

    def spread(self, seed: int) -> float:
        """Reward between both."""
        return self.best(seed) - self.random

    @property
    def is_normal(self) -> bool:
        """Whether every seed has enough between both for a score to mean something."""
        return bool(self.oracle) and all(self.spread(seed) >= LEAST_SPREAD for seed in self.oracle)

    def score(self, reward: float, seed: int) -> float:
        """(R − R_random) / (R_oracle − R_random), not clipped; NaN in a cell that is not normal."""
        return (reward - self.random) / self.spread(seed) if self.is_normal else float("nan")

    def score_by_step(self, rewards: Values, seed: int) -> Values:
        """1 − (r_oracle − r) / (R_oracle − R_random) at each step; its mean is the score. Shapes (n_steps,).

        r_oracle is the oracle's reward of the same step and seed, or its mean where that is not known: so
        what nobody can help, as a burst of load, is nobody's loss.
        """
        if not self.is_normal:
            return np.full(len(rewards), np.nan)
        best = self.curves.get(seed)
        if best is None or len(best) < len(rewards):
            best = np.full(len(rewards), self.best(seed))
        return 1.0 - (best[: len(rewards)] - rewards) / self.spread(seed)


def yardsticks_of(references: Sequence[Episode]) -> dict[str, Yardstick]:
    """By cell, of the episodes of RANDOM and ORACLE; a cell that lacks one of them has none."""
    played: dict[str, dict[str, dict[int, Episode]]] = {}
    for episode in references:
        played.setdefault(episode.cell, {}).setdefault(episode.agent, {})[episode.seed] = episode
    return {
        cell: Yardstick(
            float(np.mean([episode.figures["reward_mean"] for episode in by_agent[RANDOM].values()])),
            {seed: episode.figures["reward_mean"] for seed, episode in by_agent[ORACLE].items()},
            {seed: episode.rewards for seed, episode in by_agent[ORACLE].items()},
        )
        for cell, by_agent in played.items()
        if RANDOM in by_agent and ORACLE in by_agent
    }


def cumulative_regret(scores: Values) -> Values:
    """Σ (1 − score) of the steps so far: the reward lost against the oracle.

    Its unit is what a step of random decisions loses on average: these have a regret of n after n steps.

    Args:
        scores: by step along the last axis, as `Yardstick.score_by_step`.
    """
    return np.cumsum(1.0 - scores, axis=-1)


def rank_correlation(ours: Values, theirs: Values) -> float:
    """Spearman's: Pearson's of the ranks, ties sharing theirs; NaN if all of one are alike. Shapes (n,)."""
    from scipy.stats import rankdata

    x, y = rankdata(ours), rankdata(theirs)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])
