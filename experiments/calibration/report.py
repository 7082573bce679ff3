"""What was measured, and how far the worlds are apart: figures, tables for the console, and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter
from rich.table import Table

from envs.hardware import Hardware
from experiments.calibration.profile import CELL, Measured, mean_service_ms
from experiments.program import formatting
from experiments.program.console import plain_table
from experiments.program.style import COLOURS, drawn_to
from experiments.runs.summary import column
from experiments.statistics.agreement import METRICS, TARGETS, known

CRITICAL_LOAD = (0.9, 1.1)  # between these, a queue is ill-conditioned: such settings are reported apart
HEADINGS = dict(zip(METRICS, ("fps", "queue", "p95 ms", "memory", "drops", "load"), strict=True))
PANEL_IN = 3.2
N_COLUMNS = 3
LOGARITHMIC = ("latency_p95_ms",)
LEAST_MARGIN = 0.05  # of the largest value: less would show noise only
N_BAND = 200  # points of a target's outline


class Comparison(NamedTuple):
    """Two worlds over the held-out settings.

    Attributes:
        true, other: their names.
        table: one row per setting: setting, load, is_critical; METRIC.true, .other, .error (other − true);
            METRIC.is_met of those with a target; is_met: all of these.
    """

    true: str
    other: str
    table: pd.DataFrame

    def __str__(self) -> str:
        return f"{self.other}-against-{self.true}"

    def summary(self) -> dict[str, Any]:
        """Return plain figures, None where there is nothing to tell.

        n_critical: settings near the critical load. share_within: of the settings within the targets, in
        all of them and in each metric's, those near the critical load apart. errors: per metric, over
        settings not critical, medians of |error| and |error| ÷ |true|.
        """
        is_critical = self.table["is_critical"].to_numpy(dtype=bool)
        calm: Any = self.table[~is_critical].replace([np.inf, -np.inf], np.nan)
        means, errors = calm.mean(numeric_only=True), {}
        for metric in METRICS:
            error, true = calm[f"{metric}.error"].abs(), calm[f"{metric}.true"]
            relative = error / true.where(true > 0)
            errors[metric] = {"absolute": known(error.median()), "relative": known(relative.median())}
        return {
            "true": self.true,
            "other": self.other,
            "n_critical": int(is_critical.sum()),
            "share_within": {
                "all": known(means["is_met"]),
                "critical": known(self.table.loc[is_critical, "is_met"].mean()),
                **{metric: known(means[f"{metric}.is_met"]) for metric in TARGETS},
            },
            "errors": errors,
        }


def compare(settings: pd.DataFrame, true_world: str, other_world: str) -> Comparison:
    """Compare two worlds of a table that has one row per setting and world: setting, world and METRICS."""
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
    return Comparison(true_world, other_world, pd.DataFrame(found))


# --- tables ---


def cells_table(measured: Measured, profile: Hardware) -> Table:
    """Show service times per grade and frame size."""
    headings = ("grade", "px", "mean ms", "p50", "p95", "frames", "fps", "busy")
    table = plain_table(headings, title="What was measured")
    cells: Any = measured.frames.groupby(CELL, sort=False)
    for (grade, width, height), frames in cells:
        service_ms, fps = frames["service_ms"], frames["fps"].iloc[0]
        times_ms = (mean_service_ms(profile, grade, width, height), *service_ms.quantile([0.5, 0.95]))
        busy = fps * 1e-3 * service_ms.mean() / profile.n_workers
        shown = (*(f"{ms:.1f}" for ms in times_ms), str(len(frames)), f"{fps:.3g}", f"{busy:.0%}")
        table.add_row(grade, f"{width}x{height}", *shown)
    return table


def figures_table(measured: Measured, profile: Hardware) -> Table:
    """Show the profile's other figures."""
    table = plain_table(("", ""), title="And of devices and host")
    for number, device in enumerate(profile.devices):
        name, mbit_s = f"device {number}: " if len(profile.devices) > 1 else "", device.link.mbit_s
        fast = f"{mbit_s:,.0f} Mbit/s" if np.isfinite(mbit_s) else "as fast for large frames"
        table.add_row(f"{name}link, one way", f"{device.link.delay_ms:.3g} ms")
        table.add_row(f"{name}link", fast)
        table.add_row(f"{name}between two frames of a busy worker", f"{device.handling_ms:.3g} ms")
        if measured.start_up is not None:
            table.add_row(f"{name}start of a worker", f"{device.start_ms:.0f} ms")
            table.add_row(f"{name}load of a grade", f"{device.load_ms:.0f} ms")
            table.add_row(f"{name}first frame of a new size", f"{device.new_shape_ms:.0f} ms")
    host = profile.host
    assert measured.saturated is not None, "a complete calibration has it"
    table.add_row("producer and collector, one way", f"{host.message_ms:.3g} ms")
    table.add_row("from due to handed out", f"{host.capture_ms:.3g} ms")
    table.add_row("host's memory, used of all", f"{host.used_mb:.0f} of {host.memory_mb:.0f} MB")
    table.add_row("service times with saturated workers", f"{measured.saturated.slower:.2f} ×")
    return table


def settings_table(compared: Comparison) -> Table:
    """Show per held-out setting and metric what is true and what the other world has."""
    title = f"{compared.true} | {compared.other}; ! misses the target, * load near 1"
    table = plain_table(("", *HEADINGS.values()), title=title, n_left=0, gap=1)
    for shown in table.columns:  # a narrow terminal folds pairs of figures, and cuts none
        shown.no_wrap, shown.overflow = False, "fold"
    for row in compared.table.to_dict("records"):
        cells = [f"{row['setting']}{'*' if row['is_critical'] else ''}"]
        for metric in METRICS:
            missed = "" if row.get(f"{metric}.is_met", True) else "!"
            true, other = (formatting.figure(row[f"{metric}.{side}"]) for side in ("true", "other"))
            cells.append(f"{true}|{other}{missed}")
        table.add_row(*cells)
    return table


def shares_table(comparisons: Sequence[Comparison]) -> Table:
    """Show the share of the settings within the targets, and the typical errors, per pair of worlds."""
    headings = ("world, against which", "", "within target", "median |error|", "of the value")
    table = plain_table(headings, title="Held-out settings", n_left=2)
    for one in comparisons:
        summary = one.summary()
        shares, pair = summary["share_within"], f"{one.other}, {one.true}"
        table.add_row(pair, "all three", _percent(shares["all"]), style="bold")
        table.add_row("", "all three, load near 1", _percent(shares["critical"]))
        for metric, error in summary["errors"].items():
            absolute = "" if error["absolute"] is None else f"{error['absolute']:.3g}"
            within = _percent(shares.get(metric))
            table.add_row("", HEADINGS[metric], within, absolute, _percent(error["relative"]))
    return table


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


# --- pictures ---


def plot_scatter(compared: Comparison, path: Path) -> None:
    """Draw a panel per metric: true on x, the other world on y, identity, the target."""
    n_rows = -(-len(METRICS) // N_COLUMNS)
    with drawn_to(path, PANEL_IN * N_COLUMNS, PANEL_IN * n_rows) as figure:
        for axes, metric in zip(figure.subplots(n_rows, N_COLUMNS).flat, METRICS, strict=True):
            _panel(axes, compared.table, metric)
            axes.set(xlabel=compared.true, ylabel=compared.other)
        low, high = CRITICAL_LOAD
        figure.suptitle(
            f"{compared.other} against {compared.true}; crosses: load between {low} and {high}; "
            "grey: the target",
            x=0.01,
            ha="left",
        )


def _panel(axes: Axes, compared: pd.DataFrame, metric: str) -> None:
    true, other = (compared[f"{metric}.{side}"].to_numpy(dtype=float) for side in ("true", "other"))
    apart = compared["is_critical"].to_numpy(dtype=bool)
    axes.set_title(metric)
    both_known = np.isfinite(true) & np.isfinite(other)
    if not both_known.any():
        return
    both = np.concatenate([true[both_known], other[both_known]])
    low, high = float(both.min()), float(both.max())
    margin = max(0.05 * (high - low), LEAST_MARGIN * abs(high)) or 1.0
    line = np.linspace(low - margin, high + margin, N_BAND)
    if metric in LOGARITHMIC and low > 0:
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
        line = np.geomspace(low / 1.2, high * 1.2, N_BAND)
    if metric in TARGETS:
        band = TARGETS[metric].band(line)
        axes.fill_between(line, line - band, line + band, color="#DDDDDD", linewidth=0)
    axes.plot(line, line, color="black", linewidth=0.8)
    axes.plot(true[~apart], other[~apart], "o", color=COLOURS[0], markersize=4, alpha=0.8)
    axes.plot(true[apart], other[apart], "x", color=COLOURS[1], markersize=5)
    axes.set(xlim=(line[0], line[-1]), ylim=(line[0], line[-1]))
