"""What the forecasts came to: a row per question, scores, and a picture of how well calibrated they are."""

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from rich.box import SIMPLE

from envs.spec import ElasticitySpec
from experiments.forecasts.questions import Answers
from experiments.forecasts.scores import JOINTLY, Bins, binned, brier
from experiments.program.console import Fitting
from experiments.program.style import COLOURS, drawn_to

COLUMN_IN, HEIGHT_IN = 3.4, 4.6
JOINT_STYLES = {name: (COLOURS[-1], line, 1.8) for name, line in zip(JOINTLY, ("--", "-"), strict=True)}
LARGEST = 60.0  # area of the fullest bin's dot, in square points; the others' in proportion


def table_of(answers: Answers, spec: ElasticitySpec, world: Mapping[str, object]) -> pd.DataFrame:
    """Return a row per setting and SLO: columns of `world`, then step, setting, slo, forecast, share."""
    slos = [*(slo.metric for slo in spec.slos), *JOINTLY]
    settings = ["-".join(map(str, setting)) for setting in answers.settings.tolist()]
    columns = {
        **world,
        "step": answers.step,
        "setting": np.repeat(settings, len(slos)),
        "slo": np.tile(slos, len(settings)),
        "forecast": answers.forecasts.ravel(),
        "share": answers.shares.ravel(),
    }
    return pd.DataFrame(columns)


def scores_of(pairs: pd.DataFrame, n_bins: int) -> pd.DataFrame:
    """Return a row per agent and SLO: the figures of `Brier`, and the scores of two who know nothing."""
    rows, groups = [], dict(list(pairs.groupby(["agent", "slo"], sort=False)))
    for key, own in groups.items():
        agent, slo = cast(tuple[str, str], key)
        figures = brier(own["forecast"].to_numpy(), own["share"].to_numpy(), n_bins)
        references = {"always_base_rate": figures.uncertainty, "always_1": 1 - figures.base_rate}
        rows.append({"agent": agent, "slo": slo, **figures._asdict(), "skill": figures.skill, **references})
    return pd.DataFrame(rows)


def scores_table(scores: pd.DataFrame) -> Fitting:
    """Show the scores; SLOs of one agent together."""
    table = Fitting(title="P(fulfilled | do(setting)), forecast against clones", box=SIMPLE)
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
    by_agent = dict(list(pairs.groupby("agent", sort=False)))
    with drawn_to(path, COLUMN_IN * len(by_agent) + 1.4, HEIGHT_IN) as figure:
        panels = figure.subplots(
            2, len(by_agent), sharex=True, sharey="row", squeeze=False, height_ratios=(3, 1)
        )
        for (agent, own), (diagram, counts) in zip(by_agent.items(), panels.T, strict=True):
            diagram.set_title(str(agent))
            binned_by_slo = {
                str(slo): binned(of_slo["forecast"].to_numpy(), of_slo["share"].to_numpy(), n_bins)
                for slo, of_slo in own.groupby("slo", sort=False)
            }
            _diagram(diagram, binned_by_slo)
            places = (np.arange(n_bins) + 0.5) / n_bins
            counts.bar(places, binned_by_slo[JOINTLY[-1]].counts, width=0.9 / n_bins, color=COLOURS[4])
        panels[0, 0].set_ylabel("share of the clones\nin which it was fulfilled")
        panels[1, 0].set_ylabel(f"questions,\n{JOINTLY[-1]}")
        figure.supxlabel("forecast P(SLO fulfilled | do(setting))", fontsize="medium")
        panels[0, -1].legend(bbox_to_anchor=(1.0, 0.5))


def _diagram(axes: Axes, by_slo: Mapping[str, Bins]) -> None:
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":", label="perfect")
    colours = cycle(COLOURS)
    for slo, (counts, forecasts, shares) in by_slo.items():
        colour, line, width = JOINT_STYLES.get(slo) or (next(colours), "-", 1.0)
        filled = counts > 0
        axes.plot(forecasts[filled], shares[filled], line, color=colour, linewidth=width, label=slo)
        sizes = LARGEST * counts[filled] / counts.max()
        axes.scatter(forecasts[filled], shares[filled], sizes, color=colour, alpha=0.7, linewidth=0)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
