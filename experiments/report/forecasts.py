"""Scores of forecasts as a table, and reliability diagrams."""

from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from experiments.program.console import figure
from experiments.program.style import COLOURS, drawn_to
from experiments.report.tables import terminal
from experiments.statistics.forecasts import ALL, binned

PANEL_IN = 3.4
LARGEST = 60.0  # area of the fullest bin's dot, in square points; the others' in proportion
SHOWN = ["score", "reliability", "resolution", "skill", "error"]  # more is in scores.csv


def scores_table(scores: pd.DataFrame) -> Table:
    """Show the scores, by agent and SLO; docs/figures.md says what they mean."""
    text = scores[["agent", "slo"]].join(scores[SHOWN].map(figure))
    return terminal(
        text, "P(fulfilled | do(setting)), forecast against clones: the Brier score and its parts"
    )


def plot_calibration(pairs: Any, n_bins: int, path: Path) -> None:
    """Write the reliability diagrams as PNG: one per agent, dots as large as their bins are full."""
    agents = pairs["agent"].unique().tolist()
    with drawn_to(path, PANEL_IN * len(agents) + 1.4, PANEL_IN) as drawing:
        panels = drawing.subplots(1, len(agents), sharey=True, squeeze=False)[0]
        for agent, axes in zip(agents, panels, strict=True):
            axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":", label="perfect")
            colours, by_slo = cycle(COLOURS), pairs[pairs["agent"] == agent].groupby("slo", sort=False)
            for slo, own in by_slo:
                bins = binned(own["forecast"].to_numpy(), own["share"].to_numpy(), n_bins)
                colour, width = (COLOURS[-1], 1.8) if slo == ALL else (next(colours), 1.0)
                axes.plot(bins["forecast"], bins["share"], color=colour, linewidth=width, label=slo)
                sizes = LARGEST * bins["n"] / bins["n"].max()
                axes.scatter(bins["forecast"], bins["share"], sizes, color=colour, alpha=0.7, linewidth=0)
            axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), title=agent)
        panels[0].set_ylabel("share of the clones\nin which it was fulfilled")
        panels[-1].legend(bbox_to_anchor=(1.0, 0.5))
        drawing.supxlabel("forecast P(SLO fulfilled | do(setting))", fontsize="medium")
