"""What agents are ranked by: scores, or rewards where nothing is known that scores could be measured by."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.statistics.aggregates import Values
from experiments.statistics.episode import Episode
from experiments.statistics.leaderboard import Yardsticks, score_of


class Measure(NamedTuple):
    """A figure of an episode, and how it is written and drawn.

    Attributes:
        column: of the standings, an interquartile mean.
        figure: of an episode, as `standings.figure_of` knows it.
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


SCORE = Measure(
    "score",
    "score",
    "score: 0 = random, 1 = best known",
    ((0.0, ":"), (1.0, "-")),
    -3.0,
    np.linspace(-0.5, 1.05, 156),
)
REWARD = Measure(
    "reward", "reward_mean", "mean reward per step", ((0.0, ":"),), -1.0, np.linspace(-1.0, 1.0, 201)
)


def measure_of(episodes: Sequence[Episode], yardsticks: Yardsticks) -> Measure:
    """Scores if any episode has one."""
    return SCORE if any(np.isfinite(score_of(episode, yardsticks)) for episode in episodes) else REWARD
