"""What a run came to: pure functions from its trace to the figures of `summary.json`."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.slos import RATIO_CAP, SloState

SETTLED_AFTER = 20  # steps; an agent may need them to find its way from the highest setting
DEPTH_CAP = RATIO_CAP - 1
FRAME_COUNTS = ("offered", "delivered", "dropped", "lost", "late")
LATENCIES = ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms")

Truths = NDArray[np.bool_]
Values = NDArray[np.float64]


def summarise(trace: pd.DataFrame) -> dict[str, Any]:
    """The figures of one run.

    Args:
        trace: one row per control interval, at least one; columns as `experiments.trace.row_of` has them. A
            published log has neither metrics, frames nor overruns, and NaN for the times.

    Returns:
        Plain values, None where nothing was measured. Latencies are the intervals' own percentiles,
        averaged with the frames delivered in each interval as weights.
    """
    names = slo_names(trace)
    broken = broken_slos(trace, names)
    any_broken = np.any(broken, axis=1)
    return {
        "steps": len(trace),
        "slo_fulfilment": _share_kept(any_broken),
        f"slo_fulfilment_after_{SETTLED_AFTER}": _share_kept(any_broken[SETTLED_AFTER:]),
        "slo_fulfilment_by_slo": {name: _share_kept(broken[:, i]) for i, name in enumerate(names)},
        "slo_depth": depth(ratios(trace, names), broken),
        "longest_violation": longest_run(any_broken),
        "qoe_mean": float(column(trace, "qoe").mean()),
        "reward_mean": float(column(trace, "reward").mean()),
        "switches_per_min": switches_per_min(trace),
        **{name: _weighted_mean(trace, f"metrics.{name}") for name in LATENCIES},
        **_times(trace),
        "overruns": int(column(trace, "overrun").sum()) if "overrun" in trace else None,
        "frames": {name: _last_count(trace, f"frames.{name}") for name in FRAME_COUNTS},
    }


def column(trace: pd.DataFrame, name: str) -> Values:
    """One column as numbers, shape (n_steps,); NaN where a value is missing."""
    return np.asarray(trace[name], dtype=np.float64)


def slo_names(trace: pd.DataFrame) -> list[str]:
    """The SLOs that a trace has, in its order."""
    return [str(name).removeprefix("slos.") for name in trace.columns if str(name).startswith("slos.")]


def broken_slos(trace: pd.DataFrame, names: list[str]) -> Truths:
    """Whether each SLO was broken, shape (n_steps, n_slos)."""
    return np.stack([column(trace, f"slos.{name}") == SloState.CRITICAL for name in names], axis=1)


def ratios(trace: pd.DataFrame, names: list[str]) -> Values:
    """Each SLO's ratio, shape (n_steps, n_slos)."""
    return np.stack([column(trace, f"ratios.{name}") for name in names], axis=1)


def _share_kept(broken: Truths) -> float | None:
    return float(1 - broken.mean()) if broken.size else None


def depth(ratios: Values, broken: Truths) -> float:
    """Mean of min(ratio − 1, DEPTH_CAP) over the pairs of step and SLO that were broken; 0 if none was."""
    excess = np.minimum(ratios - 1, DEPTH_CAP)[broken]
    return float(excess.mean()) if excess.size else 0.0


def longest_run(truths: Truths) -> int:
    """Length of the longest unbroken run of True in a vector."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], truths, [False]]).astype(int)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def switches_per_min(trace: pd.DataFrame) -> float:
    """Joint changes of the setting per minute; any number of knobs moved at once is one change."""
    knobs = [str(name) for name in trace.columns if str(name).startswith("action.")]
    actions = np.stack([column(trace, knob) for knob in knobs], axis=1)
    changes = int((np.diff(actions, axis=0) != 0).any(axis=1).sum())
    elapsed_s = float(column(trace, "interval_s").sum())
    return 60.0 * changes / elapsed_s if elapsed_s else 0.0


def _weighted_mean(trace: pd.DataFrame, name: str) -> float | None:
    if name not in trace:
        return None
    values, weights = column(trace, name), np.diff(column(trace, "frames.delivered"), prepend=0.0)
    counted = np.isfinite(values) & (weights > 0)
    return float(np.average(values[counted], weights=weights[counted])) if counted.any() else None


def _last_count(trace: pd.DataFrame, name: str) -> int | None:
    return int(column(trace, name)[-1]) if name in trace else None


def _times(trace: pd.DataFrame) -> dict[str, float | None]:
    return {
        f"{name}_p{share}": _percentile(column(trace, name), share)
        for name in ("decision_ms", "learning_ms")
        for share in (50, 99)
    }


def _percentile(values: Values, share: int) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.percentile(known, share)) if known.size else None
