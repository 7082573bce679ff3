"""A trace's gist: what MLflow's charts show of a run whose whole trace lies beside them in Parquet."""

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from experiments.runs.summary import slo_names

ALWAYS = ("qoe", "reward", "decision_ms", "learning_ms", "metrics.live_workers", "metrics.delivered_fps")
FAMILIES = ("ratios.", "settings.")


def gist_columns(trace: pd.DataFrame) -> list[str]:
    """Return what is looked at first: QoE, reward, times, settings, each SLO's ratio and its metric."""
    wanted = {*ALWAYS, *(f"metrics.{name}" for name in slo_names(trace))}
    names = [str(name) for name in trace.columns if is_numeric_dtype(trace[name])]
    return [name for name in names if name in wanted or name.startswith(FAMILIES)]


def gist_of(trace: pd.DataFrame, n_values: int) -> tuple[pd.DataFrame, str]:
    """Return a trace's gist in at most so many values (but one for each column at least), and what it is.

    Args:
        trace: one row per control interval, at least one; columns as `runs.trace.row_of` has them.
        n_values: >= 1.

    Returns:
        Means of some columns over bins of equal length (the last may be shorter), NaN where nothing was
        measured in all of a bin; `step` and `ended_s` are those of a bin's last step. And in words, what
        became of the trace, and where all of it is.
    """
    columns = gist_columns(trace)
    width = -(-len(trace) // max(1, n_values // max(1, len(columns))))
    starts = np.arange(0, len(trace), width)
    values = trace[columns].to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts, axis=0)
    counts = np.add.reduceat(known.astype(np.int64), starts, axis=0)
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    gist = pd.DataFrame(means, columns=columns)
    for name in ("step", "ended_s"):
        gist[name] = trace[name].to_numpy()[np.append(starts[1:], len(trace)) - 1]
    thinned = f", thinned to every {width} steps (means)" if width > 1 else ""
    return gist, f"{len(columns)} columns{thinned}; whole: trace.parquet"
