"""The gap as pictures: figures of two worlds against each other, and agents' scores in each world."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from experiments.calibration.errors import CRITICAL_LOAD, METRICS, SCORES, TARGETS
from experiments.program.files import whole
from experiments.program.style import COLOURS, STYLE

PANEL_IN = 3.2
N_COLUMNS = 3
LOGARITHMIC = ("latency_p95_ms",)
LEAST_MARGIN = 0.05  # of the largest value: less would show noise only
N_BAND = 200  # points of a target's outline


def plot_scatter(compared: pd.DataFrame, true_world: str, other_world: str, path: Path) -> None:
    """Draw one panel per metric: true on x, the other world's on y, the identity, and the target's band.

    Args:
        compared: as `experiments.calibration.errors.compare` returns it.
        path: of the PNG.
    """
    n_rows = -(-len(METRICS) // N_COLUMNS)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PANEL_IN * N_COLUMNS, PANEL_IN * n_rows))
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
        with whole(path) as partial:
            figure.savefig(partial, format="png")


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


def plot_agents(loops: pd.DataFrame, path: Path) -> None:
    """Draw bars per agent and world: a row per scenario, a column per score.

    Args:
        loops: one row per scenario, agent and world, columns of these names and SCORES.
        path: of the PNG.
    """
    scenarios = list(loops["scenario"].unique())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.0 * len(SCORES), PANEL_IN * len(scenarios) + 0.5))
        panels = figure.subplots(len(scenarios), len(SCORES), squeeze=False)
        for row, scenario in zip(panels, scenarios, strict=True):
            own: Any = loops[loops["scenario"] == scenario]
            for axes, score in zip(row, SCORES, strict=True):
                table = own.pivot(index="agent", columns="world", values=score)
                table = table.loc[own["agent"].unique(), own["world"].unique()]
                table.plot.bar(ax=axes, width=0.8, color=COLOURS, rot=30, xlabel="", legend=False)
                axes.set_title(f"{scenario}: {score}")
        panels[0, 0].legend(loc="best")
        with whole(path) as partial:
            figure.savefig(partial, format="png")
