"""Scores: where an agent's reward lies between random decisions (0) and the best that is known (1)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.statistics.disturbances import Disturbances
from experiments.statistics.episode import Episode

RANDOM, ORACLE = "random", "oracle"  # names of those between whom scores are measured
LEAST_SPREAD = 0.1  # between random and oracle; with less, a score would magnify noise
TOLERANCE = 0.01  # by which an agent may exceed the best that is known, in mean reward per step

Values = NDArray[np.float64]
Episodes = Any  # a frame as of `episode_table`; type checkers do not know what selecting from a frame gives


class Reference(NamedTuple):
    """What scores of a cell are measured against.

    Attributes:
        random: mean over its seeds of the mean reward per step of random decisions.
        oracle: mean reward per step of the best that is known, by seed.
        curves: its reward of each step, by seed, shape (n_steps,); none where that is not known.
        disturbances: those under which its setting before them would have broken an SLO, by seed.
    """

    random: float
    oracle: Mapping[int, float]
    curves: Mapping[int, Values] = MappingProxyType({})
    disturbances: Mapping[int, Disturbances] = MappingProxyType({})

    def best(self, seed: int) -> float:
        """Return the oracle's reward under this seed, or its mean where it has not played this one."""
        return self.oracle[seed] if seed in self.oracle else float(np.mean(list(self.oracle.values())))

    def spread(self, seed: int) -> float:
        """Return the reward between both."""
        return self.best(seed) - self.random

    @property
    def is_normal(self) -> bool:
        """Whether every seed has enough between both for a score to mean something."""
        return bool(self.oracle) and all(self.spread(seed) >= LEAST_SPREAD for seed in self.oracle)

    def score(self, reward: float, seed: int) -> float:
        """Return (R − R_random) / (R_oracle − R_random), not clipped; NaN in a cell that is not normal."""
        return (reward - self.random) / self.spread(seed) if self.is_normal else np.nan

    def score_by_step(self, rewards: Values, seed: int) -> Values:
        """Return 1 − (r_oracle − r) / (R_oracle − R_random) at each step; its mean is the score.

        r_oracle is the oracle's reward of the same step and seed, or its mean where that is not known: so
        what nobody can help, as a burst of load, is nobody's loss. Shapes (n_steps,).
        """
        if not self.is_normal:
            return np.full(len(rewards), np.nan)
        best = self.curves.get(seed)
        if best is None or len(best) < len(rewards):
            best = np.full(len(rewards), self.best(seed))
        return 1.0 - (best[: len(rewards)] - rewards) / self.spread(seed)


References = Mapping[str, Reference]  # by cell; one that is not there has no scores
UNSCORED = Reference(np.nan, {})


def references_of(episodes: Sequence[Episode]) -> dict[str, Reference]:
    """Return what RANDOM and ORACLE earned, by cell; a cell that lacks one of them is left out."""
    played: dict[str, dict[str, dict[int, Episode]]] = {}
    for episode in episodes:
        played.setdefault(episode.cell, {}).setdefault(episode.agent, {})[episode.seed] = episode
    return {
        cell: Reference(
            float(np.mean([episode.figures["reward_mean"] for episode in by_agent[RANDOM].values()])),
            {seed: episode.figures["reward_mean"] for seed, episode in by_agent[ORACLE].items()},
            {seed: episode.rewards for seed, episode in by_agent[ORACLE].items()},
            {seed: episode.disturbances for seed, episode in by_agent[ORACLE].items()},
        )
        for cell, by_agent in played.items()
        if RANDOM in by_agent and ORACLE in by_agent
    }


def episode_table(episodes: Sequence[Episode], references: References) -> Episodes:
    """Return a row per episode: block, stratum, cell, agent, seed, score, its figures, and the `episode`.

    Its answers are to the oracle's disturbances, where there is one of that cell and seed: so all who are
    compared answer the same ones.
    """
    return pd.DataFrame(
        {
            "block": episode.block,
            "stratum": episode.stratum,
            "cell": episode.cell,
            "agent": episode.agent,
            "seed": episode.seed,
            "score": references.get(episode.cell, UNSCORED).score(
                episode.figures["reward_mean"], episode.seed
            ),
            **episode.figures,
            "episode": disturbed(episode, references.get(episode.cell, UNSCORED)),
        }
        for episode in episodes
    )


def disturbed(episode: Episode, reference: Reference) -> Episode:
    """Return an episode with the disturbances of the reference, if that knows them."""
    common = reference.disturbances.get(episode.seed)
    return episode if common is None else replace(episode, disturbances=common)


def cumulative_regret(scores: Values) -> Values:
    """Return Σ (1 − score) of the steps so far: the reward lost against the oracle.

    Its unit is what a step of random decisions loses on average: these have a regret of n after n steps.

    Args:
        scores: by step along the last axis, as `Reference.score_by_step`.
    """
    return np.cumsum(1.0 - scores, axis=-1)
