"""How far one world's figures are from another's: targets, errors, ranks. Pure functions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

CRITICAL_LOAD = (0.9, 1.1)  # between these, a queue is ill-conditioned: such settings are reported apart
METRICS = ("delivered_fps", "queue_size", "latency_p95_ms", "memory_usage", "drop_rate", "load")


@dataclass(frozen=True, slots=True)
class Target:
    """A figure is within it if it differs from the true one by no more than the larger of the two.

    Attributes:
        share: of the true value, >= 0.
        least: in the metric's unit, >= 0.
    """

    share: float
    least: float = 0.0

    def band(self, true: float) -> float:
        """The largest error that is within, > 0 or 0."""
        return max(self.share * abs(true), self.least)

    def is_met(self, true: float, other: float) -> bool:
        """Whether `other` is near enough; what is unknown (NaN) in both worlds agrees."""
        if math.isnan(true) or math.isnan(other):
            return math.isnan(true) and math.isnan(other)
        return abs(other - true) <= self.band(true)


TARGETS: Mapping[str, Target] = {
    "delivered_fps": Target(0.10),
    "queue_size": Target(0.20, least=2.0),
    "latency_p95_ms": Target(0.25),
}


def compare(settings: pd.DataFrame, true_world: str, other_world: str) -> pd.DataFrame:
    """One row per setting: its load, and per metric what is true, the other world's figure, and the error.

    Args:
        settings: one row per setting and world, columns setting, world and METRICS.

    Returns:
        Columns setting, load, is_critical; METRIC.true, .other, .error (other − true); METRIC.is_met of those
        with a target; is_met: all of these.
    """
    by_world = {
        str(world): rows.set_index("setting").sort_index() for world, rows in settings.groupby("world")
    }
    true, other = by_world[true_world], by_world[other_world]
    load = true["load"].to_numpy(dtype=float)
    found = {"setting": true.index.to_numpy(), "load": load, "is_critical": is_critical(load)}
    for metric in METRICS:
        pair = true[metric].to_numpy(dtype=float), other.loc[true.index, metric].to_numpy(dtype=float)
        found |= {f"{metric}.true": pair[0], f"{metric}.other": pair[1], f"{metric}.error": pair[1] - pair[0]}
    for metric, target in TARGETS.items():
        pairs = zip(found[f"{metric}.true"], found[f"{metric}.other"], strict=True)
        found[f"{metric}.is_met"] = np.array([target.is_met(a, b) for a, b in pairs], dtype=bool)
    found["is_met"] = np.all([found[f"{metric}.is_met"] for metric in TARGETS], axis=0)
    return pd.DataFrame(found)


def is_critical(load: np.ndarray) -> np.ndarray:
    """Where the load is within CRITICAL_LOAD."""
    low, high = CRITICAL_LOAD
    return (load > low) & (load < high)


def shares(compared: pd.DataFrame) -> dict[str, float | None]:
    """Share of the settings within the targets, all and each; near the critical load apart.

    Returns:
        "all", "critical" and the metrics with a target; None where there is no such setting.
    """
    apart = compared["is_critical"].to_numpy(dtype=bool)
    found = {"all": _share(compared["is_met"].to_numpy()[~apart])}
    found["critical"] = _share(compared["is_met"].to_numpy()[apart])
    return found | {metric: _share(compared[f"{metric}.is_met"].to_numpy()[~apart]) for metric in TARGETS}


def typical_errors(compared: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Per metric, over the settings that are not critical: median of |error| and of |error| ÷ |true|."""
    apart = compared["is_critical"].to_numpy(dtype=bool)
    found = {}
    for metric in METRICS:
        error = np.abs(compared[f"{metric}.error"].to_numpy(dtype=float)[~apart])
        true = np.abs(compared[f"{metric}.true"].to_numpy(dtype=float)[~apart])
        relative = np.divide(error, true, out=np.full_like(error, np.nan), where=true > 0)
        found[metric] = {"absolute": _median(error), "relative": _median(relative)}
    return found


def rank_correlation(true: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's; None for fewer than three values, or if all of one side are equal."""
    if len(true) < 3 or len(set(true)) == 1 or len(set(other)) == 1:
        return None
    return float(np.asarray(stats.spearmanr(true, other))[0])


def speed_factors(references_ms: Sequence[float], profile_ms: float) -> list[float]:
    """Of each block, how many times the profile's service times this machine takes just then.

    Before each block, a reference setting was measured; a block's figure is the mean of the one before it
    and the one before the next, so that a machine that drifts is met half-way. The last has only its own.

    Args:
        references_ms: mean service time of the reference before each block, > 0.
        profile_ms: what the profile has for it, > 0.
    """
    following = [*references_ms[1:], references_ms[-1]]
    return [(before + after) / 2 / profile_ms for before, after in zip(references_ms, following, strict=True)]


def _share(is_met: np.ndarray) -> float | None:
    return float(np.mean(is_met)) if is_met.size else None


def _median(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else None
