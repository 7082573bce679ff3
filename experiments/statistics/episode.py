"""What an episode came to, and its score: 0 is what random decisions earn, 1 the best that is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.runs.summary import column, dotted, slo_names, summarise, together, verdicts
from experiments.statistics import disturbances as answering
from experiments.statistics.aggregates import Values
from experiments.statistics.disturbances import Answer, ChangePoint, Disturbances, disturbances_of

RANDOM, ORACLE = "random", "oracle"  # names of those between whom scores are measured
LEAST_SPREAD = 0.1  # between random and oracle; with less, a score would magnify noise
TOLERANCE = 0.01  # by which an agent may exceed the best that is known, in mean reward per step
EVERYWHERE = "all"  # the block of all cells
# columns, the same in every row: `Agent.trained_steps`, and how near a run came to the highest grade
TRAINED, GOLDEN = "trained_steps", "golden_f1"
NEEDED = "holding_breaks"  # column: where the world gets worse, whether holding still would break an SLO

Episodes = Any  # a frame as of `episode_table`; type checkers do not know what selecting from a frame gives


@dataclass(frozen=True, slots=True)
class Episode:
    """One agent in one cell under one seed; figures of steps have the shape (n_steps,)."""

    agent: str
    cell: str
    block: str  # cells of one are reported together
    seed: int
    figures: Mapping[str, float]  # by name, of the whole episode; NaN where there is none
    held: NDArray[np.bool_]  # per step, whether all SLOs held; what was not measured did not
    rewards: Values  # per step
    qoe: Values  # per step
    change_points: Sequence[ChangePoint]  # steps at which the world changed
    disturbances: Disturbances  # that its answers are of: its own, or the oracle's once there is one
    interval_s: float  # of control
    stratum: str  # whose episodes are draws of the same: the cell, or what binds in drawn worlds

    @property
    def recoveries(self) -> list[Answer]:
        """Say how long it took until all SLOs held again."""
        return answering.recoveries(self.held, self.change_points, self.disturbances)

    @property
    def restorations(self) -> list[Answer]:
        """Say how long it took until the QoE was back."""
        return answering.restorations(self.qoe, self.change_points, self.disturbances)


def episode_of(
    trace: pd.DataFrame,
    agent: str,
    cell: str,
    block: str,
    seed: int,
    change_points: Sequence[ChangePoint],
    stratum: str = "",
) -> Episode:
    """Return what a trace tells; columns as `experiments.runs.trace` has them, and NEEDED if it is known.

    The other arguments are the episode's; without a stratum, it is the cell.
    """
    each = verdicts(trace, slo_names(trace))
    held, broken, _ = together(each.broken, ~each.unknown)
    qoe, needed = column(trace, "qoe"), dict[int, bool]()
    if NEEDED in trace:
        asked = column(trace, NEEDED)
        needed = {step: asked[step] > 0 for step, _ in change_points if np.isfinite(asked[step])}
    return Episode(
        agent=agent,
        cell=cell,
        block=block,
        seed=seed,
        figures=trace_figures(trace),
        held=held,
        rewards=column(trace, "reward"),
        qoe=qoe,
        change_points=tuple(change_points),
        disturbances=disturbances_of(broken, qoe, change_points, needed),
        interval_s=float(column(trace, "interval_s").mean()),
        stratum=stratum or cell,
    )


def trace_figures(trace: pd.DataFrame) -> dict[str, float]:
    """Return the summary's figures under flat names, and the CPU share: thinking time per interval."""
    summary = dotted(summarise(trace))
    figures = {name: np.nan if value is None else float(value) for name, value in summary.items()}
    spent_ms = column(trace, "decision_ms") + column(trace, "learning_ms")
    for name, unknown in ((TRAINED, 0.0), (GOLDEN, np.nan)):
        figures[name] = float(column(trace, name)[0]) if name in trace else unknown
    figures["cpu_share"] = float(spent_ms.sum() / (1e3 * column(trace, "interval_s").sum()))
    return figures


# --- scores ---


class Reference(NamedTuple):
    """What scores of a cell are measured against."""

    random: float  # mean over its seeds of the mean reward per step of random decisions
    oracle: Mapping[int, float]  # mean reward per step of the best that is known, by seed
    disturbances: Mapping[int, Disturbances] = MappingProxyType({})  # that the oracle had to answer, by seed

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
    rows = []
    for episode in episodes:
        reference = references.get(episode.cell, UNSCORED)
        row = {name: getattr(episode, name) for name in ("block", "stratum", "cell", "agent", "seed")}
        row["score"] = reference.score(episode.figures["reward_mean"], episode.seed)
        common = reference.disturbances.get(episode.seed, episode.disturbances)
        rows.append({**row, **episode.figures, "episode": replace(episode, disturbances=common)})
    return pd.DataFrame(rows)
