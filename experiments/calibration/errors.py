"""How far one world's figures of held-out settings are from another's. Pure functions."""

from typing import Any

import numpy as np
import pandas as pd

from experiments.runs.summary import column
from experiments.statistics.agreement import METRICS, TARGETS, known

CRITICAL_LOAD = (0.9, 1.1)  # between these, a queue is ill-conditioned: such settings are reported apart


def compare(settings: pd.DataFrame, true_world: str, other_world: str) -> pd.DataFrame:
    """Return one row per setting: its load, and per metric what is true, the other world's figure, the error.

    Args:
        settings: one row per setting and world, columns setting, world and METRICS.

    Returns:
        Columns setting, load, is_critical; METRIC.true, .other, .error (other − true); METRIC.is_met of those
        with a target; is_met: all of these.
    """
    by_world = settings.set_index(["world", "setting"]).sort_index()
    true, other = by_world.loc[true_world], by_world.loc[other_world]
    load, (low, high) = column(true, "load"), CRITICAL_LOAD
    found: dict[str, Any] = {
        "setting": true.index.to_numpy(),
        "load": load,
        "is_critical": (load > low) & (load < high),
    }
    for metric in METRICS:
        pair = column(true, metric), column(other, metric)
        found |= {f"{metric}.true": pair[0], f"{metric}.other": pair[1], f"{metric}.error": pair[1] - pair[0]}
        if metric in TARGETS:
            found[f"{metric}.is_met"] = TARGETS[metric].is_met(*pair)
    found["is_met"] = np.all([found[f"{metric}.is_met"] for metric in TARGETS], axis=0)
    return pd.DataFrame(found)


def shares(compared: pd.DataFrame) -> dict[str, float | None]:
    """Return the share of the settings within the targets, all and each; near the critical load apart.

    Returns:
        "all", "critical" and the metrics with a target; None where there is no such setting.
    """
    apart = compared["is_critical"].to_numpy(dtype=bool)
    means = compared[~apart].mean(numeric_only=True)
    return {
        "all": known(means["is_met"]),
        "critical": known(compared.loc[apart, "is_met"].mean()),
        **{metric: known(means[f"{metric}.is_met"]) for metric in TARGETS},
    }


def typical_errors(compared: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Return per metric, over settings not critical, medians of |error| and |error| ÷ |true|, if known."""
    calm: Any = compared[~compared["is_critical"].to_numpy(dtype=bool)].replace([np.inf, -np.inf], np.nan)
    found = {}
    for metric in METRICS:
        error, true = calm[f"{metric}.error"].abs(), calm[f"{metric}.true"]
        relative = error / true.where(true > 0)
        found[metric] = {"absolute": known(error.median()), "relative": known(relative.median())}
    return found
