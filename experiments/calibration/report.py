"""What was measured, and how far the worlds are apart: tables for the console, and pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter
from rich.table import Table

from envs.hardware import Hardware
from experiments.calibration.errors import CRITICAL_LOAD
from experiments.calibration.measured import Measured
from experiments.calibration.profile import mean_service_ms
from experiments.program.console import plain_table
from experiments.program.style import COLOURS, drawn_to
from experiments.statistics.agreement import METRICS, TARGETS

HEADINGS = dict(zip(METRICS, ("fps", "queue", "p95 ms", "memory", "drops", "load"), strict=True))
PANEL_IN = 3.2
N_COLUMNS = 3
LOGARITHMIC = ("latency_p95_ms",)
LEAST_MARGIN = 0.05  # of the largest value: less would show noise only
N_BAND = 200  # points of a target's outline


def cells_table(measured: Measured, profile: Hardware) -> Table:
    """Show service times per grade and frame size."""
    headings = ("grade", "px", "mean ms", "p50", "p95", "frames", "fps", "busy")
    table = plain_table(headings, title="What was measured")
    for point in measured.cells.values():
        times_ms = np.concatenate([np.asarray(device.service_ms) for device in point.devices])
        mean_ms = mean_service_ms(profile, point.grade, point.width, point.height)
        table.add_row(
            point.grade,
            point.size,
            *(f"{ms:.1f}" for ms in (mean_ms, *np.percentile(times_ms, (50, 95)))),
            str(len(times_ms)),
            f"{point.fps:.3g}",
            f"{point.busy:.0%}",
        )
    return table


def figures_table(measured: Measured, profile: Hardware) -> Table:
    """Show the profile's other figures."""
    table = plain_table(("", ""), title="And of devices and host")
    for number, device in enumerate(profile.devices):
        name, mbit_s = f"device {number}: " if len(profile.devices) > 1 else "", device.link.mbit_s
        rows = {
            "link, one way": f"{device.link.delay_ms:.3g} ms",
            "link": f"{mbit_s:,.0f} Mbit/s" if np.isfinite(mbit_s) else "as fast for large frames",
            "between two frames of a busy worker": f"{device.handling_ms:.3g} ms",
        }
        if measured.start_up is not None:
            rows |= {
                "start of a worker": f"{device.start_ms:.0f} ms",
                "load of a grade": f"{device.load_ms:.0f} ms",
                "first frame of a new size": f"{device.new_shape_ms:.0f} ms",
            }
        for label, value in rows.items():
            table.add_row(name + label, value)
    host = profile.host
    assert measured.saturated is not None, "a complete calibration has it"
    table.add_row("producer and collector, one way", f"{host.message_ms:.3g} ms")
    table.add_row("from due to handed out", f"{host.capture_ms:.3g} ms")
    table.add_row("host's memory, used of all", f"{host.used_mb:.0f} of {host.memory_mb:.0f} MB")
    table.add_row("service times with saturated workers", f"{measured.saturated.slower:.2f} ×")
    return table


def settings_table(compared: pd.DataFrame, true_world: str, other_world: str) -> Table:
    """Show per held-out setting and metric what is true and what the other world has, of `errors.compare`."""
    title = f"{true_world} | {other_world}; ! misses the target, * load near 1"
    table = plain_table(("", *HEADINGS.values()), title=title, n_left=0, gap=1)
    for column in table.columns:  # a narrow terminal folds pairs of figures, and cuts none
        column.no_wrap, column.overflow = False, "fold"
    for row in compared.to_dict("records"):
        cells = []
        for metric in METRICS:
            missed = "" if row.get(f"{metric}.is_met", True) else "!"
            true, other = (_figure(row[f"{metric}.{side}"]) for side in ("true", "other"))
            cells.append(f"{true}|{other}{missed}")
        table.add_row(f"{row['setting']}{'*' if row['is_critical'] else ''}", *cells)
    return table


def shares_table(summary: Mapping[str, Any]) -> Table:
    """Show the share of the settings within the targets, and the typical errors, per pair of worlds."""
    headings = ("world, against which", "", "within target", "median |error|", "of the value")
    table = plain_table(headings, title="Held-out settings", n_left=2)
    for one in summary["comparisons"]:
        shares, pair = one["share_within"], f"{one['other']}, {one['true']}"
        table.add_row(pair, "all three", _percent(shares["all"]), style="bold")
        table.add_row("", "all three, load near 1", _percent(shares["critical"]))
        for metric in METRICS:
            error = one["errors"][metric]
            absolute = "" if error["absolute"] is None else f"{error['absolute']:.3g}"
            within = _percent(shares[metric]) if metric in TARGETS else ""
            table.add_row("", HEADINGS[metric], within, absolute, _percent(error["relative"]))
    return table


def _figure(value: float) -> str:
    """Write no more than two decimals, none from 100 on."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


# --- pictures ---


def plot_scatter(compared: pd.DataFrame, true_world: str, other_world: str, path: Path) -> None:
    """Draw a panel per metric of `errors.compare`: true on x, the other world on y, identity, the target."""
    n_rows = -(-len(METRICS) // N_COLUMNS)
    with drawn_to(path, PANEL_IN * N_COLUMNS, PANEL_IN * n_rows) as figure:
        for axes, metric in zip(figure.subplots(n_rows, N_COLUMNS).flat, METRICS, strict=True):
            _panel(axes, compared, metric)
            axes.set_xlabel(true_world)
            axes.set_ylabel(other_world)
        low, high = CRITICAL_LOAD
        figure.suptitle(
            f"{other_world} against {true_world}; crosses: load between {low} and {high}; grey: the target",
            x=0.01,
            ha="left",
        )


def _panel(axes: Axes, compared: pd.DataFrame, metric: str) -> None:
    true, other = (compared[f"{metric}.{side}"].to_numpy(dtype=float) for side in ("true", "other"))
    apart = compared["is_critical"].to_numpy(dtype=bool)
    axes.set_title(metric)
    known = np.isfinite(true) & np.isfinite(other)
    if not known.any():
        return
    both = np.concatenate([true[known], other[known]])
    low, high = float(both.min()), float(both.max())
    margin = max(0.05 * (high - low), LEAST_MARGIN * abs(high)) or 1.0
    line = np.linspace(low - margin, high + margin, N_BAND)
    if metric in LOGARITHMIC and low > 0:
        axes.set_xscale("log")
        axes.set_yscale("log")
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
    axes.set_xlim(line[0], line[-1])
    axes.set_ylim(line[0], line[-1])
