"""What the forecasts came to: a row per question, scores, and a picture of how well calibrated they are."""

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.box import SIMPLE
from rich.table import Table

from envs.spec import ElasticitySpec
from experiments.display.plots import COLOURS, STYLE
from experiments.forecasts.questions import Answers
from experiments.forecasts.scores import JOINTLY, binned, brier
from experiments.program.files import whole

COLUMN_IN, HEIGHT_IN = 3.4, 4.6
LARGEST = 60.0  # area of the fullest bin's dot, in square points; the others' in proportion


def rows_of(
    agent: str, world: Mapping[str, object], spec: ElasticitySpec, answers: Answers
) -> list[dict[str, object]]:
    """A row per setting and SLO; `world` says where it was."""
    slos = [*(slo.metric for slo in spec.slos), *JOINTLY]
    return [
        {
            "agent": agent,
            **world,
            "step": answers.step,
            "setting": "-".join(map(str, setting)),
            "slo": slo,
            "forecast": answers.forecasts[i, j],
            "share": answers.shares[i, j],
        }
        for i, setting in enumerate(answers.settings.tolist())
        for j, slo in enumerate(slos)
    ]


def where(pairs: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows that have these values in the columns of these names."""
    return pd.DataFrame(
        pairs[np.logical_and.reduce([pairs[name] == value for name, value in values.items()])]
    )


def scores_of(pairs: pd.DataFrame, n_bins: int) -> pd.DataFrame:
    """A row per agent and SLO: the figures of `Brier`, and the scores of two who know nothing."""
    rows = []
    for agent, slo in pairs[["agent", "slo"]].drop_duplicates().itertuples(index=False):
        group = where(pairs, agent=agent, slo=slo)
        figures = brier(group["forecast"].to_numpy(), group["share"].to_numpy(), n_bins)
        references = {"always_base_rate": figures.uncertainty, "always_1": 1 - figures.base_rate}
        rows.append({"agent": agent, "slo": slo, **figures._asdict(), "skill": figures.skill, **references})
    return pd.DataFrame(rows)


def scores_table(scores: pd.DataFrame) -> Table:
    """The scores in words; SLOs of one agent together."""
    table = Table(title="P(fulfilled | do(setting)), forecast against clones", box=SIMPLE)
    table.title_justify = table.caption_justify = "left"
    table.caption = (
        "score = reliability − resolution + uncertainty (+ what bins leave out); skill: 1 is perfect, 0 the "
        "score of the base rate; error: against the clones' share; more in scores.csv"
    )
    for heading in ("agent", "SLO"):
        table.add_column(heading, no_wrap=True)
    columns = {
        "score": "Brier\nscore",
        "reliability": "relia-\nbility",
        "resolution": "reso-\nlution",
        "always_1": "always\n1's",
        "skill": "skill",
        "error": "RMS\nerror",
    }
    for heading in columns.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for _, of_agent in scores.groupby("agent", sort=False):
        table.add_section()
        for row in of_agent.to_dict("records"):
            cells = [_figure(row[name]) for name in columns]
            table.add_row(str(row["agent"]), str(row["slo"]), *cells)
    return table


def _figure(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def plot_calibration(pairs: pd.DataFrame, n_bins: int, path: Path) -> None:
    """Write the reliability diagrams as PNG: a column per agent, below it how many forecasts a bin has."""
    agents = list(pairs["agent"].unique())
    with mpl.rc_context(STYLE):
        size = (COLUMN_IN * len(agents) + 1.4, HEIGHT_IN)
        figure = Figure(figsize=size)
        panels = figure.subplots(
            2, len(agents), sharex=True, sharey="row", squeeze=False, height_ratios=(3, 1)
        )
        for agent, (diagram, counts) in zip(agents, panels.T, strict=True):
            of_agent = where(pairs, agent=agent)
            diagram.set_title(agent)
            _diagram(diagram, of_agent, n_bins)
            _counts(counts, of_agent, n_bins)
        panels[0, 0].set_ylabel("share of the clones\nin which it was fulfilled")
        panels[1, 0].set_ylabel(f"questions,\n{JOINTLY[-1]}")
        figure.supxlabel("forecast P(SLO fulfilled | do(setting))", fontsize="medium")
        panels[0, -1].legend(bbox_to_anchor=(1.0, 0.5))
        with whole(path) as partial:
            figure.savefig(partial, format="png")


def _diagram(axes: Axes, of_agent: pd.DataFrame, n_bins: int) -> None:
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":", label="perfect")
    slos = [slo for slo in of_agent["slo"].unique() if slo not in JOINTLY]
    styles = dict(zip(slos, ((colour, "-", 1.0) for colour in cycle(COLOURS)), strict=False))
    styles |= {name: (COLOURS[-1], line, 1.8) for name, line in zip(JOINTLY, ("--", "-"), strict=True)}
    for slo, (colour, line, width) in styles.items():
        group = where(of_agent, slo=slo)
        counts, forecasts, shares = binned(group["forecast"].to_numpy(), group["share"].to_numpy(), n_bins)
        filled = counts > 0
        axes.plot(forecasts[filled], shares[filled], line, color=colour, linewidth=width, label=slo)
        sizes = LARGEST * counts[filled] / counts.max()
        axes.scatter(forecasts[filled], shares[filled], sizes, color=colour, alpha=0.7, linewidth=0)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def _counts(axes: Axes, of_agent: pd.DataFrame, n_bins: int) -> None:
    group = where(of_agent, slo=JOINTLY[-1])
    counts = binned(group["forecast"].to_numpy(), group["share"].to_numpy(), n_bins).counts
    axes.bar((np.arange(n_bins) + 0.5) / n_bins, counts, width=0.9 / n_bins, color=COLOURS[4])
