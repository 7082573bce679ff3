"""From measured times to the figures of a profile: pure functions, robust where outliers are noise."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from envs.hardware import Link

N_QUANTILES = 21  # at probabilities 0, 0.05, ..., 1
MS_PER_NS = 1e-6
LONGEST_DELAY_MS = 200.0  # that a link may have


class ServiceFit(NamedTuple):
    """Mean service time and its quantiles at N_QUANTILES equally spaced probabilities, in ms."""

    mean_ms: float
    quantiles_ms: tuple[float, ...]


def fit_service(times_ms: ArrayLike) -> ServiceFit:
    """The sample mean, and quantiles between which linear interpolation has that very mean.

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
    mean_ms = float(times.mean())
    others = quantiles[0] / 2 + quantiles[1:-1].sum()  # of the trapezoids' sum, all but the last
    quantiles[-1] = max(2 * (mean_ms * (N_QUANTILES - 1) - others), quantiles[-2])
    return ServiceFit(mean_ms, tuple(float(ms) for ms in quantiles))


def fit_link(n_bytes: Sequence[float], forward_ms: Sequence[float], back_ms: Sequence[float]) -> Link:
    """Delay and bandwidth of a link from medians of several sizes of frames.

    There, a frame takes delay + bytes / bandwidth (Theil and Sen's line through the medians); back, a result
    without its picture takes the delay. The two delays are averaged, for a link has one.

    Args:
        n_bytes, forward_ms, back_ms: per size; same length, at least one.
    """
    sizes, forward = np.asarray(n_bytes, dtype=float), np.asarray(forward_ms, dtype=float)
    slope_ms, intercept_ms = 0.0, float(np.median(forward))
    if np.unique(sizes).size > 1:
        slope_ms, intercept_ms = np.asarray(stats.theilslopes(forward, sizes, method="joint"))[:2].tolist()
    mbit_s = 8e-3 / slope_ms if slope_ms > 0 else np.inf
    if slope_ms <= 0:
        intercept_ms = float(np.median(forward))
    delay_ms = (max(intercept_ms, 0.0) + max(float(np.median(back_ms)), 0.0)) / 2
    return Link(min(delay_ms, LONGEST_DELAY_MS), mbit_s)


def handling_ms(frames: pd.DataFrame) -> float:
    """Median time from a frame's end to the next one's start where the worker had that next one already.

    Args:
        frames: columns worker, received_ns, started_ns, done_ns.

    Returns:
        NaN if no worker ever was so busy.
    """
    gaps_ns: list[NDArray[np.float64]] = []
    for _, of_worker in frames.groupby("worker"):
        ordered = of_worker.sort_values("started_ns")
        done_ns = column(ordered, "done_ns")[:-1]
        is_waiting = column(ordered, "received_ns")[1:] <= done_ns
        gaps_ns.append((column(ordered, "started_ns")[1:] - done_ns)[is_waiting])
    gaps = np.concatenate(gaps_ns) if gaps_ns else np.empty(0)
    return float(np.median(gaps)) * MS_PER_NS if gaps.size else np.nan


def median_ms(frames: pd.DataFrame, begin: str, end: str) -> float:
    """Median time in ms between two stamps of a frame, columns in ns."""
    return float(np.median(column(frames, end) - column(frames, begin))) * MS_PER_NS


def stalls_ms(frames: pd.DataFrame, changed_ns: int, is_new: NDArray[np.bool_]) -> list[float]:
    """Per worker, how long it stood still before its first frame of a new kind.

    From the change, or from the end of its last frame before that if this is later, to the start of its
    first new one.

    Args:
        frames: columns worker, started_ns, done_ns.
        changed_ns: when the setting was changed.
        is_new: whether a frame is of the new kind, shape (n_frames,).
    """
    workers = frames["worker"].to_numpy()
    started_ns, done_ns = column(frames, "started_ns"), column(frames, "done_ns")
    stalls: list[float] = []
    for worker in sorted(set(workers[is_new])):
        first_ns = started_ns[is_new & (workers == worker)].min()
        before = done_ns[~is_new & (workers == worker) & (done_ns <= first_ns)]
        stalls.append(max(first_ns - before.max(initial=changed_ns), 0.0) * MS_PER_NS)
    return stalls


def where(frames: pd.DataFrame, mask: NDArray[np.bool_]) -> pd.DataFrame:
    """The rows at which the mask is True."""
    return pd.DataFrame(frames.loc[mask])


def column(frames: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """One column as numbers; ns of a monotonic clock are exact up to 2^53, which is 104 days."""
    return np.asarray(frames[name], dtype=np.float64)


def significant(value: float, digits: int = 4) -> float:
    """Rounded to so many significant digits: a profile is read by people."""
    return float(f"{value:.{digits}g}")
