"""What agents are ranked by: scores, or rewards where nothing is known that scores could be measured by."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.statistics.aggregates import Values
from experiments.statistics.scores import Episodes


class RankingMetric(NamedTuple):
    """A figure of an episode, and how it is written and drawn.

    Attributes:
        column: of the leaderboard, an interquartile mean.
        figure: of an episode, a column of `episode_table`.
        text: for an axis.
        lines: values that are marked, with their styles.
        lowest: where axes begin at the latest, for one far below would hide the others.
        thresholds: of profiles.
    """

    column: str
    figure: str
    text: str
    lines: Sequence[tuple[float, str]]
    lowest: float
    thresholds: Values


SCORE = RankingMetric(
    column="score",
    figure="score",
    text="score: 0 = random, 1 = best known",
    lines=((0.0, ":"), (1.0, "-")),
    lowest=-3.0,
    thresholds=np.linspace(-0.5, 1.05, 156),
)
REWARD = RankingMetric(
    column="reward",
    figure="reward_mean",
    text="mean reward per step",
    lines=((0.0, ":"),),
    lowest=-1.0,
    thresholds=np.linspace(-1.0, 1.0, 201),
)


def ranking_metric_of(episodes: Episodes) -> RankingMetric:
    """Return scores if any episode has one, else rewards."""
    return SCORE if episodes["score"].notna().any() else REWARD
