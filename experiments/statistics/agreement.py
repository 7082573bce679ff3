"""How far one course of events is from another: targets, errors, sides of thresholds. Pure functions."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from experiments.runs.summary import column, slo_names, together, verdicts

METRICS = ("delivered_fps", "queue_size", "latency_p95_ms", "memory_usage", "drop_rate", "load")
LEAST_WITHIN = 0.9  # of the intervals that chance allows, of each metric with a target: less is poor
LEAST_SIDES = 0.95  # of the intervals, of each SLO
MOST_QOE = 0.05  # between the means: more is a poor agreement, as where other things are in the pictures


class Target(NamedTuple):
    """A figure is within it if it differs from the true one by no more than the larger of the two."""

    share: float  # of the true value, >= 0
    least: float = 0.0  # in the metric's unit, >= 0

    def band(self, true: Any) -> Any:
        """Return the largest error that is within, > 0 or 0; a number or an array, as `true` is."""
        return np.maximum(self.share * np.abs(true), self.least)

    def is_met(self, true: Any, other: Any) -> Any:
        """Return whether `other` is near enough; what is unknown (NaN) in both worlds agrees."""
        return (np.abs(np.subtract(other, true)) <= self.band(true)) | (np.isnan(true) & np.isnan(other))


TARGETS: Mapping[str, Target] = {
    "delivered_fps": Target(0.10),
    "queue_size": Target(0.20, least=2.0),
    "latency_p95_ms": Target(0.25),
}


def twin_agreement(
    true: pd.DataFrame, other: pd.DataFrame, redrawn: pd.DataFrame | None = None
) -> dict[str, Any]:
    """Compare two traces of the same actions, interval by interval, as far as the shorter one goes.

    Args:
        true: one row per control interval, columns as `runs.trace.row_of` has them; of the same SLOs.
        other: likewise.
        redrawn: likewise, of the other's world, where every frame took another time, as likely: no model is
            nearer than two such courses are to each other; None = frames of both took the same times.

    Returns:
        metrics: per METRIC the median and the 95th percentile of |error| in its unit, and, of those with a
            target, the share of the intervals `within`, and what `chance` allows of it; None where nothing is
            known.
        same_side: per SLO, the share of the intervals known in both in which both hold it or both break it.
        slo_fulfilment, qoe_mean: of both, `true` first.
        poor: what falls short of LEAST_WITHIN or LEAST_SIDES, and QoE that differ by more than MOST_QOE, in
            words; "" if nothing does.
    """
    n = min(len(true), len(other))
    pair, names = (true.iloc[:n], other.iloc[:n]), slo_names(true)
    chances = {} if redrawn is None else _near(other.iloc[:n], redrawn.iloc[:n])
    ours, theirs = (verdicts(trace, names) for trace in pair)
    alike = pd.DataFrame((ours.broken == theirs.broken).astype(float), columns=names)
    sides = alike.where(~(ours.unknown | theirs.unknown)).mean()
    metrics = {metric: _errors(*_columns(metric, pair)) for metric in METRICS}
    poor = []
    for name, within in _near(*pair).items():
        chance = chances.get(name, 1.0)
        metrics[name] |= {"within": within, "chance": chance}
        if within < LEAST_WITHIN * chance:
            poor.append(f"{name} near in {within:.0%} of the intervals")
    poor += [
        f"{name} on the same side of its threshold in {share:.0%}"
        for name, share in sides.items()
        if share < LEAST_SIDES
    ]
    qoe = [float(column(trace, "qoe").mean()) for trace in pair]
    if abs(qoe[0] - qoe[1]) > MOST_QOE:
        poor.append(f"QoE {qoe[0]:.2f} where the twin has {qoe[1]:.2f}")
    return {
        "metrics": metrics,
        "same_side": {str(name): None if np.isnan(share) else float(share) for name, share in sides.items()},
        "slo_fulfilment": [together(each.broken, ~each.unknown).fulfilment for each in (ours, theirs)],
        "qoe_mean": qoe,
        "poor": "; ".join(poor),
    }


def _columns(metric: str, traces: Sequence[pd.DataFrame]) -> list[np.ndarray]:
    return [column(trace, f"metrics.{metric}") for trace in traces]


def _near(*traces: pd.DataFrame) -> dict[str, float]:
    """Return the share of the intervals in which two traces are within each target."""
    return {name: float(own.is_met(*_columns(name, traces)).mean()) for name, own in TARGETS.items()}


def _errors(true: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    errors = np.abs(other - true)
    errors = errors[np.isfinite(errors)]
    return {
        f"error_p{share}": float(np.percentile(errors, share)) if errors.size else None for share in (50, 95)
    }
