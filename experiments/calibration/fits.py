"""From measured times to the figures of a profile: pure functions, robust where outliers are noise.

Frames are rows as `pipeline.collector.frames.SCHEMA` has them; ns of a monotonic clock are exact as floats up
to 2^53, which is 104 days.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from envs.hardware import Link

N_QUANTILES = 21  # at probabilities 0, 0.05, ..., 1
MS_PER_NS = 1e-6
LONGEST_DELAY_MS = 200.0  # that a link may have


def service_quantiles(times_ms: ArrayLike) -> list[float]:
    """Return N_QUANTILES quantiles in ms between which linear interpolation has the sample's very mean.

    The mean counts: it makes the load. Between the last quantile but one and the maximum, interpolation would
    make of a single outlier as many as 5 % of all frames, so the last quantile is set to where the mean is
    right (if the one before it lets it).

    Args:
        times_ms: shape (n_frames,), n_frames >= 1, each > 0.

    Raises:
        ValueError: no times, or one that is not > 0.
    """
    times = np.asarray(times_ms, dtype=float)
    if times.size == 0 or not np.all(times > 0):
        raise ValueError(f"expected service times > 0 ms, got {times.size}, the least {times.min(initial=0)}")
    quantiles = np.quantile(times, np.linspace(0.0, 1.0, N_QUANTILES))
    others = quantiles[0] / 2 + quantiles[1:-1].sum()  # of the trapezoids' sum, all but the last
    quantiles[-1] = max(2 * (times.mean() * (N_QUANTILES - 1) - others), quantiles[-2])
    return quantiles.tolist()


def fit_link(n_bytes: Any, forward_ms: Any, back_ms: Any) -> Link:
    """Fit delay and bandwidth of a link to medians of several sizes of frames.

    There, a frame takes delay + bytes / bandwidth (Theil and Sen's line through the medians); back, a result
    without its picture takes the delay. The two delays are averaged, for a link has one.

    Args:
        n_bytes, forward_ms, back_ms: per size; same length, at least one.
    """
    mbit_s, out_ms = np.inf, float(np.median(forward_ms))
    if np.unique(n_bytes).size > 1:
        line: Any = stats.theilslopes(forward_ms, n_bytes, method="joint")
        if line.slope > 0:
            mbit_s, out_ms = 8e-3 / float(line.slope), float(line.intercept)
    delay_ms = (max(out_ms, 0.0) + max(float(np.median(back_ms)), 0.0)) / 2
    return Link(min(delay_ms, LONGEST_DELAY_MS), mbit_s)


def handling_ms(frames: pd.DataFrame) -> float:
    """Return the median time from a frame's end to the next one's start where the worker had that already.

    Args:
        frames: columns worker, received_ns, started_ns, done_ns.

    Returns:
        NaN if no worker ever was so busy.
    """
    ordered: Any = frames.sort_values(["worker", "started_ns"])
    done_ns = ordered.groupby("worker")["done_ns"].shift()  # of the worker's frame before
    gaps_ns = (ordered["started_ns"] - done_ns)[ordered["received_ns"] <= done_ns]
    return float(gaps_ns.median()) * MS_PER_NS


def stalls_ms(frames: pd.DataFrame, changed_ns: int, is_new: NDArray[np.bool_]) -> pd.Series:
    """Return how long each worker stood still before its first frame of a new kind, by worker.

    From the change, or from the end of its last frame before that if this is later, to the start of its
    first new one.

    Args:
        frames: columns worker, started_ns, done_ns.
        changed_ns: when the setting was changed.
        is_new: whether a frame is of the new kind, shape (n_frames,).
    """
    first_ns: Any = rows_at(frames, is_new).groupby("worker")["started_ns"].min()
    is_before = ~is_new & (frames["done_ns"] <= frames["worker"].map(first_ns)).to_numpy()
    before_ns: Any = rows_at(frames, is_before).groupby("worker")["done_ns"].max()
    before_ns = before_ns.reindex(first_ns.index)
    return (first_ns - before_ns.clip(lower=changed_ns).fillna(changed_ns)).clip(lower=0.0) * MS_PER_NS


def first_beyond_others_ms(frames: pd.DataFrame) -> pd.Series:
    """Return by how much each worker's first frame took longer than the median of its others, by worker.

    Args:
        frames: columns worker, started_ns, service_ns; two or more of each worker.
    """
    service_ns: Any = frames.sort_values("started_ns").groupby("worker")["service_ns"]
    return service_ns.agg(lambda ns: ns.iloc[0] - ns.iloc[1:].median()) * MS_PER_NS


def rows_at(frames: pd.DataFrame, mask: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the rows at which the mask is True."""
    return pd.DataFrame(frames.loc[mask])


def significant(value: float, digits: int = 4) -> float:
    """Round to so many significant digits: a profile is read by people."""
    return float(f"{value:.{digits}g}")
