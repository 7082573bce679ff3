"""What one episode came to: the run's own summary, and what can only be said with its scenario in hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.runs.summary import column, dotted, slo_names, summarise, together, verdicts
from experiments.statistics.disturbances import (
    Answer,
    ChangePoint,
    Disturbances,
    disturbances_of,
    recoveries,
    restorations,
)

EVERYWHERE = "all"  # the block of all cells
# columns, the same in every row: `Agent.trained_steps`, and how near a run came to the highest grade
TRAINED, GOLDEN = "trained_steps", "golden_f1"
NEEDED = "holding_breaks"  # column: where the world gets worse, whether holding still would break an SLO


@dataclass(frozen=True, slots=True)
class Episode:
    """One agent in one cell under one seed.

    Attributes:
        agent, cell, block, seed: whose it is; cells of one block are reported together.
        figures: by name, of the whole episode; NaN where there is none.
        held: per step, whether all SLOs held, shape (n_steps,); what was not measured did not.
        rewards, qoe: per step, likewise.
        change_points: steps at which the world changed.
        disturbances: those that its answers are of: its own, or the oracle's once there is one.
        stratum: episodes of which are draws of the same, and are resampled together: the cell, whose seeds
            are drawn, or what binds in drawn worlds.
        interval_s: of control.
    """

    agent: str
    cell: str
    block: str
    seed: int
    figures: Mapping[str, float]
    held: NDArray[np.bool_]
    rewards: NDArray[np.float64]
    qoe: NDArray[np.float64]
    change_points: Sequence[ChangePoint]
    disturbances: Disturbances
    interval_s: float
    stratum: str

    @property
    def recoveries(self) -> list[Answer]:
        """Say how long it took until all SLOs held again."""
        return recoveries(self.held, self.change_points, self.disturbances)

    @property
    def restorations(self) -> list[Answer]:
        """Say how long it took until the QoE was back."""
        return restorations(self.qoe, self.change_points, self.disturbances)


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
        needed = {
            point.step: asked[point.step] > 0 for point in change_points if np.isfinite(asked[point.step])
        }
    return Episode(
        agent=agent,
        cell=cell,
        block=block,
        seed=seed,
        figures=figures_of(trace),
        held=held,
        rewards=column(trace, "reward"),
        qoe=qoe,
        change_points=tuple(change_points),
        disturbances=disturbances_of(broken, qoe, change_points, needed),
        interval_s=float(column(trace, "interval_s").mean()),
        stratum=stratum or cell,
    )


def figures_of(trace: pd.DataFrame) -> dict[str, float]:
    """Return the summary's figures under flat names, and the CPU share: thinking time per interval."""
    figures = {
        name: np.nan if value is None else float(value) for name, value in dotted(summarise(trace)).items()
    }
    spent_ms = column(trace, "decision_ms") + column(trace, "learning_ms")
    for name, unknown in ((TRAINED, 0.0), (GOLDEN, np.nan)):
        figures[name] = float(column(trace, name)[0]) if name in trace else unknown
    figures["cpu_share"] = float(spent_ms.sum() / (1e3 * column(trace, "interval_s").sum()))
    return figures
