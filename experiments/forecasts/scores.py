"""How good probability forecasts are: the Brier score and its parts, a table, reliability diagrams."""

from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.table import Table

from experiments.program.console import plain_table
from experiments.program.style import COLOURS, drawn_to

Array = NDArray[np.float64]

ALL = "all SLOs"  # at once
PANEL_IN = 3.4
LARGEST = 60.0  # area of the fullest bin's dot, in square points; the others' in proportion
HEADINGS = {
    "score": "Brier\nscore",
    "reliability": "relia-\nbility",
    "resolution": "reso-\nlution",
    "skill": "skill",
    "error": "RMS\nerror",
}
CAPTION = (
    "score = reliability − resolution + uncertainty (+ what bins leave out); skill: 1 is perfect, 0 the "
    "score of the base rate; error: against the clones' share; more in scores.csv"
)


class Brier(NamedTuple):
    """A Brier score, taken apart; all are in units of squared probability, but `base_rate`, `error` and `n`.

    Attributes:
        score: mean of (forecast − outcome)², in [0, 1], 0 is best; over all questions and all their clones.
        reliability: how far forecasts of a bin are from what happens then, 0 is best.
        resolution: how far what happens in the bins is from the base rate, more is better.
        uncertainty: base rate × (1 − base rate): the score of who always forecasts the base rate.
        within_bins: what bins leave out: score − (reliability − resolution + uncertainty).
        base_rate: share of all outcomes that were fulfilled; who always forecasts 1 scores 1 − base_rate.
        error: root of the mean of (forecast − share of the clones)², in units of probability.
        n: questions.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float
    base_rate: float
    error: float
    n: int

    @property
    def skill(self) -> float:
        """1 − score ÷ that of the base rate: 1 is perfect, 0 no better than it; NaN where nothing varied."""
        return 1 - self.score / self.uncertainty if self.uncertainty > 0 else float("nan")


def binned(forecasts: Array, shares: Array, n_bins: int) -> pd.DataFrame:
    """Sort questions into equally wide bins of [0, 1] by their forecast; a forecast of 1 is in the last.

    Args:
        forecasts: P(fulfilled), shape (n,), in [0, 1].
        shares: of the clones that fulfilled it, shape (n,), in [0, 1].
        n_bins: >= 1.

    Returns:
        A row per bin that is not empty, by its index: n, and the means forecast and share.
    """
    index = np.minimum((forecasts * n_bins).astype(int), n_bins - 1)
    bins = pd.DataFrame({"n": 1, "forecast": forecasts, "share": shares}).groupby(index)
    return bins.agg({"n": "sum", "forecast": "mean", "share": "mean"})


def brier(forecasts: Array, shares: Array, n_bins: int) -> Brier:
    """Return the score and its parts; arguments as of `binned`, n >= 1.

    Source: Murphy 1973, "A new vector partition of the probability score", J. Appl. Meteorology 12; what bins
    leave out: Stephenson et al. 2008, "Two extra components in the Brier score decomposition".
    """
    squared = (forecasts - shares) ** 2
    score, base_rate = float(np.mean(squared + shares * (1 - shares))), float(np.mean(shares))
    bins = binned(forecasts, shares, n_bins)
    reliability, resolution = np.average(
        [(bins["forecast"] - bins["share"]) ** 2, (bins["share"] - base_rate) ** 2], axis=1, weights=bins["n"]
    ).tolist()
    uncertainty = base_rate * (1 - base_rate)
    within_bins = score - (reliability - resolution + uncertainty)
    error, n = float(np.sqrt(np.mean(squared))), len(forecasts)
    return Brier(score, reliability, resolution, uncertainty, within_bins, base_rate, error, n)


# --- of all questions ---


def scores_of(pairs: pd.DataFrame, n_bins: int) -> pd.DataFrame:
    """Return a row per agent and SLO: the figures of `Brier`."""
    groups: Any = pairs.groupby(["agent", "slo"], sort=False)
    rows = []
    for (agent, slo), own in groups:
        figures = brier(own["forecast"].to_numpy(), own["share"].to_numpy(), n_bins)
        rows.append({"agent": agent, "slo": slo, **figures._asdict(), "skill": figures.skill})
    return pd.DataFrame(rows)


def scores_table(scores: pd.DataFrame) -> Table:
    """Show the scores; SLOs of one agent together."""
    title = "P(fulfilled | do(setting)), forecast against clones"
    table = plain_table(("agent", "SLO", *HEADINGS.values()), title=title, n_left=2)
    table.box, table.caption, table.caption_justify = SIMPLE, CAPTION, "left"
    for _, of_agent in scores.groupby("agent", sort=False):
        table.add_section()
        for row in of_agent.to_dict("records"):
            cells = ("–" if np.isnan(row[name]) else f"{row[name]:.3f}" for name in HEADINGS)
            table.add_row(row["agent"], row["slo"], *cells)
    return table


def plot_calibration(pairs: Any, n_bins: int, path: Path) -> None:
    """Write the reliability diagrams as PNG: one per agent, dots as large as their bins are full."""
    agents = pairs["agent"].unique().tolist()
    with drawn_to(path, PANEL_IN * len(agents) + 1.4, PANEL_IN) as figure:
        panels = figure.subplots(1, len(agents), sharey=True, squeeze=False)[0]
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
        figure.supxlabel("forecast P(SLO fulfilled | do(setting))", fontsize="medium")
