"""What one episode came to: the run's own summary, and what can only be said with its scenario in hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.runs.summary import column, slo_names, summarise, together, verdicts
from experiments.statistics.disturbances import Answer, Turn, recoveries, restorations

TRAINED = "trained_steps"  # column, the same in every row: `Agent.trained_steps`
NEEDED = "holding_breaks"  # column: in a turn's first step, whether holding still would break an SLO


@dataclass(frozen=True, slots=True)
class Episode:
    """One agent in one cell under one seed.

    Attributes:
        agent, cell, block, seed: whose it is; cells of one block are reported together.
        figures: by name, of the whole episode; NaN where there is none.
        recoveries, restorations: of its disturbances.
        held: per step, whether all SLOs held, shape (n_steps,); what was not measured did not.
        rewards: per step, likewise.
        turns: steps at which the world changed.
        interval_s: of control.
    """

    agent: str
    cell: str
    block: str
    seed: int
    figures: Mapping[str, float]
    recoveries: Sequence[Answer]
    restorations: Sequence[Answer]
    held: NDArray[np.bool_]
    rewards: NDArray[np.float64]
    turns: Sequence[Turn]
    interval_s: float


def episode_of(
    rows: pd.DataFrame, agent: str, cell: str, block: str, seed: int, turns: Sequence[Turn]
) -> Episode:
    """From its trace: columns as `experiments.runs.trace.row_of` has them, and NEEDED if it was found out."""
    each = verdicts(rows, slo_names(rows))
    held, broken, _ = together(each.broken, ~each.unknown)
    needed: dict[int, bool] = {}
    if NEEDED in rows:
        asked = column(rows, NEEDED)
        needed = {turn.step: asked[turn.step] > 0 for turn in turns if np.isfinite(asked[turn.step])}
    return Episode(
        agent=agent,
        cell=cell,
        block=block,
        seed=seed,
        figures=figures_of(rows),
        recoveries=recoveries(held, broken, turns, needed),
        restorations=restorations(column(rows, "qoe"), turns),
        held=held,
        rewards=column(rows, "reward"),
        turns=tuple(turns),
        interval_s=float(column(rows, "interval_s").mean()),
    )


def figures_of(rows: pd.DataFrame) -> dict[str, float]:
    """The summary's figures under flat names, and the CPU share: decision and learning time per interval."""
    figures = _flat(summarise(rows))
    spent_ms = column(rows, "decision_ms") + column(rows, "learning_ms")
    figures[TRAINED] = float(column(rows, TRAINED)[0]) if TRAINED in rows else 0.0
    figures["cpu_share"] = float(spent_ms.sum() / (1e3 * column(rows, "interval_s").sum()))
    return figures


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = float("nan") if value is None else float(value)
    return flat
