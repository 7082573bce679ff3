"""A trace's gist: what MLflow's charts show of a run whose whole trace lies beside them in Parquet."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from experiments.runs.summary import slo_names

ALWAYS = ("qoe", "reward", "decision_ms", "learning_ms", "metrics.live_workers", "metrics.delivered_fps")
FAMILIES = ("ratios.", "settings.")


@dataclass(frozen=True, slots=True)
class Gist:
    """Means of some columns over bins of equal length (the last may be shorter).

    Attributes:
        columns: their names.
        means: shape (n_bins, n_columns); NaN where nothing was measured in all of a bin.
        steps: the last step of each bin, shape (n_bins,).
        ended_s: when that step ended, shape (n_bins,).
        width: steps in a bin.
    """

    columns: tuple[str, ...]
    means: NDArray[np.float64]
    steps: NDArray[np.int64]
    ended_s: NDArray[np.float64]
    width: int

    @property
    def words(self) -> str:
        """What became of the trace, and where all of it is."""
        kept = f"{len(self.columns)} columns"
        if self.width > 1:
            kept += f", thinned to every {self.width} steps (means)"
        return f"{kept}; whole: trace.parquet"


def gist_columns(trace: pd.DataFrame) -> tuple[str, ...]:
    """What is looked at first: QoE, reward, times, settings, each SLO's ratio and its metric."""
    wanted = {*ALWAYS, *(f"metrics.{name}" for name in slo_names(trace))}
    names = [str(name) for name in trace.columns if is_numeric_dtype(trace[name])]
    return tuple(name for name in names if name in wanted or name.startswith(FAMILIES))


def gist_of(trace: pd.DataFrame, n_values: int) -> Gist:
    """The gist of a trace in no more than so many values (but one for each column at least).

    Args:
        trace: one row per control interval, at least one; columns as `runs.trace.row_of` has them.
        n_values: >= 1.
    """
    columns = gist_columns(trace)
    n_bins = max(1, n_values // max(1, len(columns)))
    width = -(-len(trace) // n_bins)
    starts = np.arange(0, len(trace), width)
    last = np.append(starts[1:], len(trace)) - 1
    values = trace[list(columns)].to_numpy(dtype=np.float64)
    counted = np.isfinite(values)
    sums = np.add.reduceat(np.where(counted, values, 0.0), starts, axis=0)
    counts = np.add.reduceat(counted.astype(np.int64), starts, axis=0)
    return Gist(
        columns=columns,
        means=np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0),
        steps=trace["step"].to_numpy(dtype=np.int64)[last],
        ended_s=trace["ended_s"].to_numpy(dtype=np.float64)[last],
        width=width,
    )
