"""What a run came to: pure functions from its trace to the figures of `summary.json`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from envs.observe import OUTCOMES
from envs.spec import Quality
from pipeline.slos import RATIO_CAP, SloState

SETTLED_AFTER = 20  # steps; an agent may need them to find its way from the highest setting
DEPTH_CAP = RATIO_CAP - 1
FRAME_COUNTS = ("offered", *OUTCOMES)
LATENCIES = ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms")

Truths = NDArray[np.bool_]
Values = NDArray[np.float64]


class Verdicts(NamedTuple):
    """What became of SLOs in each step, or of all SLOs together: exactly one of the three; equal shapes.

    An SLO that was not measured neither holds nor is broken. All together are broken where any is; else
    unknown where any is; else they hold.
    """

    held: Truths
    broken: Truths
    unknown: Truths

    @property
    def fulfilment(self) -> float | None:
        """Share of the known that held; None if nothing was known."""
        n_known = np.count_nonzero(self.held) + np.count_nonzero(self.broken)
        return float(np.count_nonzero(self.held) / n_known) if n_known else None


def summarise(trace: pd.DataFrame) -> dict[str, Any]:
    """The figures of one run.

    Args:
        trace: one row per control interval, at least one; columns as `trace.row_of` has them.

    Returns:
        Plain values, None where nothing was measured. Latencies are the intervals' own percentiles,
        averaged with the frames delivered in each interval as weights.
    """
    names = slo_names(trace)
    each = verdicts(trace, names)
    all_of_them = together(each.broken, ~each.unknown)
    settled = Verdicts(*(truths[SETTLED_AFTER:] for truths in all_of_them))
    by_slo = {name: Verdicts(*(truths[:, i] for truths in each)) for i, name in enumerate(names)}
    ratios = np.stack([column(trace, f"ratios.{name}") for name in names], axis=1)
    return {
        "steps": len(trace),
        "slo_fulfilment": all_of_them.fulfilment,
        f"slo_fulfilment_after_{SETTLED_AFTER}": settled.fulfilment,
        "slo_fulfilment_by_slo": {name: own.fulfilment for name, own in by_slo.items()},
        "slo_unknown": float(all_of_them.unknown.mean()),
        "slo_unknown_by_slo": {name: float(own.unknown.mean()) for name, own in by_slo.items()},
        "slo_depth": depth(ratios, each.broken),
        "longest_violation": longest_run(all_of_them.broken),
        "qoe_mean": float(column(trace, "qoe").mean()),
        "qoe_by": {name: _mean(_known(trace, f"qoe_by.{name}")) for name in map(str, Quality)},
        "reward_mean": float(column(trace, "reward").mean()),
        "switches_per_min": switches_per_min(trace),
        **{name: _weighted_mean(trace, f"metrics.{name}") for name in LATENCIES},
        **_percentiles(trace, "metrics.time_to_adapt_ms", (50, 95)),
        **_percentiles(trace, "decision_ms", (50, 99)),
        **_percentiles(trace, "learning_ms", (50, 99)),
        "overruns": int(column(trace, "overrun").sum()) if "overrun" in trace else None,
        "frames": {name: _last_count(trace, f"frames.{name}") for name in FRAME_COUNTS},
        "deaths": _last_count(trace, "deaths"),
        "restarts": _last_count(trace, "restarts"),
        **_source(trace),
    }


def dotted(nested: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted names; lists of scalars stay together as tuples, () stands for {}."""
    if isinstance(nested, list | tuple):
        if not any(isinstance(item, Mapping | list | tuple) for item in nested):
            return {prefix: tuple(nested)}
        nested = dict(enumerate(nested))
    if not isinstance(nested, Mapping):
        return {prefix: nested}
    inside = f"{prefix}." if prefix else ""
    parts = [dotted(item, f"{inside}{name}") for name, item in nested.items()]
    found = {name: value for part in parts for name, value in part.items()}
    return found if found or not prefix else {prefix: ()}


def degradation(figures: Mapping[str, Any]) -> str:
    """Say what happened to a run that nobody meant to happen, "" if nothing did; figures of `summarise`."""
    n_died, n_returned = figures.get("deaths") or 0, figures.get("restarts") or 0
    if not n_died:
        return ""
    what = "a worker or collector" if n_died == 1 else f"{n_died} workers or collectors"
    return f"{what} died unplanned, {n_returned} came back: this was not the world that was asked for"


def column(trace: pd.DataFrame, name: str) -> Values:
    """One column as numbers, shape (n_steps,); NaN where a value is missing."""
    return np.asarray(trace[name], dtype=np.float64)


def stream_time_s(trace: pd.DataFrame) -> Values:
    """Return when each interval ended on the stream's own clock, which no simulator waits for; shape (n,)."""
    return np.cumsum(column(trace, "interval_s"))


def slo_names(trace: pd.DataFrame) -> list[str]:
    """The SLOs that a trace has, in its order."""
    return names_in(trace, "slos.")


def names_in(trace: pd.DataFrame, prefix: str) -> list[str]:
    """What follows a prefix in the names of columns, in the trace's order."""
    return [str(name).removeprefix(prefix) for name in trace.columns if str(name).startswith(prefix)]


def verdicts(trace: pd.DataFrame, names: list[str]) -> Verdicts:
    """Of each SLO, shapes (n_steps, n_slos)."""
    broken = np.stack([column(trace, f"slos.{name}") == SloState.CRITICAL for name in names], axis=1)
    known = np.stack([column(trace, f"known.{name}") > 0 for name in names], axis=1)
    return Verdicts(known & ~broken, broken, ~known & ~broken)


def together(broken: Truths, known: Truths) -> Verdicts:
    """Of all SLOs together, shapes (n_steps,), from whether each was broken and known: (n_steps, n_slos)."""
    any_broken, all_known = np.any(broken, axis=1), np.all(known, axis=1)
    return Verdicts(~any_broken & all_known, any_broken, ~any_broken & ~all_known)


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
    actions = np.stack([column(trace, f"action.{knob}") for knob in names_in(trace, "action.")], axis=1)
    changes = int((np.diff(actions, axis=0) != 0).any(axis=1).sum())
    elapsed_s = float(column(trace, "interval_s").sum())
    return 60.0 * changes / elapsed_s if elapsed_s else 0.0


def _known(trace: pd.DataFrame, name: str) -> Values:
    """The numbers that a column has; of none, where there is no such column."""
    values = column(trace, name) if name in trace else np.empty(0)
    return values[np.isfinite(values)]


def _mean(values: Values) -> float | None:
    return float(values.mean()) if values.size else None


def _weighted_mean(trace: pd.DataFrame, name: str) -> float | None:
    if name not in trace:
        return None
    values, weights = column(trace, name), np.diff(column(trace, "frames.delivered"), prepend=0.0)
    counted = np.isfinite(values) & (weights > 0)
    return float(np.average(values[counted], weights=weights[counted])) if counted.any() else None


def _percentiles(trace: pd.DataFrame, name: str, shares: tuple[int, ...]) -> dict[str, float | None]:
    values, short = _known(trace, name), name.removeprefix("metrics.")
    return {
        f"{short}_p{share}": float(np.percentile(values, share)) if values.size else None for share in shares
    }


def _last_count(trace: pd.DataFrame, name: str) -> int | None:
    return int(column(trace, name)[-1]) if name in trace else None


def _source(trace: pd.DataFrame) -> dict[str, dict[str, int | bool]]:
    """What was wrong with the source, as it was last known; only a real one can tell."""
    told = {name: trace[f"source.{name}"].dropna().iloc[-1] for name in names_in(trace, "source.")}
    whole = {
        name: bool(last) if isinstance(last, bool | np.bool_) else int(last) for name, last in told.items()
    }
    return {"source": whole} if whole else {}
