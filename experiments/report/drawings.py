"""All pictures of a block of cells, each with a sentence that says how to read it."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from experiments.display.plots import STYLE
from experiments.program.files import whole
from experiments.report import figures, over_time
from experiments.statistics.episode import Episode
from experiments.statistics.leaderboard import Yardsticks
from experiments.statistics.ranking_metric import Measure

MOST_IN_MATRIX = 14  # agents; of more, the highlighted ones
# title, and how to read it
CAPTIONS = {
    "score": ("Ranking", "Who does best: the mark is the interquartile mean, the line its 95 % interval."),
    "plane": (
        "SLO fulfilment and QoE",
        "What is paid for what: to the right, SLOs hold more often; upwards, quality is better; nobody beats "
        "an agent on the dashed Pareto front in both.",
    ),
    "profile": (
        "Performance profile",
        "How reliable they are: the share of episodes above each value, with 95 % bands; a line above "
        "another's everywhere is better in every respect; grey: the other agents.",
    ),
    "improvement": (
        "Probability of improvement",
        "How likely the agent of a row is to do better than that of a column in a cell drawn at random; bold "
        "where the 95 % interval leaves out 50 %.",
    ),
    "compliance": (
        "SLOs over time",
        "When SLOs hold: share of episodes, with 95 % bands; at a solid line the world gets worse, at a "
        "dashed one better.",
    ),
    "efficiency": (
        "Sample efficiency",
        "How fast they find their way within an episode: the height reached late is the plateau, the way to "
        "it is what finding it costs; 95 % bands.",
    ),
    "regret": (
        "Regret",
        "What that costs in all: the flatter, the less is lost against the oracle; random decisions lose one "
        "unit per step; 95 % bands.",
    ),
    "training": (
        "Training",
        "What training buys: each mark is an agent that was trained for so many steps before its episodes, "
        "with its 95 % interval; lines are of agents that learn in the episode itself, or never.",
    ),
    "answers": (
        "Recovery and restoration",
        "How fast disturbances are answered: the share that was dealt with by a step (Kaplan and Meier's "
        "estimate, 50 % dotted); a tick marks where time ran out for some; in brackets, how many there were.",
    ),
}


class Drawing(NamedTuple):
    """A picture as a file and for a page."""

    title: str
    caption: str
    path: Path
    svg: bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """What is drawn.

    Attributes:
        episodes: of one block.
        measure: what agents are ranked by.
        standings, improvements: of these.
        yardsticks: by cell.
        looks: of at least these agents.
        highlight: agents in colour.
        title: one line.
        over_time: whether SLOs are drawn over time, a panel per scenario.
    """

    episodes: Sequence[Episode]
    measure: Measure
    standings: pd.DataFrame
    improvements: pd.DataFrame
    yardsticks: Yardsticks
    looks: figures.Looks
    highlight: Sequence[str]
    title: str
    over_time: bool


def draw(directory: Path, subject: Subject, prefix: str) -> list[Drawing]:
    """Every picture that there is something for, as PREFIXname.png, in the order in which they are read."""
    drawn = []
    for name, figure in figures_of(subject).items():
        if figure is not None:
            path = directory / f"{prefix}{name}.png"
            drawn.append(Drawing(*CAPTIONS[name], path, saved(figure, path)))
    return drawn


def figures_of(subject: Subject) -> dict[str, Figure | None]:
    """By name; None = there is nothing to draw."""
    episodes, standings, yardsticks, looks = (
        subject.episodes,
        subject.standings,
        subject.yardsticks,
        subject.looks,
    )
    measure, title = subject.measure, subject.title
    agents = [str(name) for name in standings["agent"]]
    shown = (
        agents if len(agents) <= MOST_IN_MATRIX else [name for name in agents if name in subject.highlight]
    )
    lines = looks, subject.highlight, title
    with mpl.rc_context(STYLE):
        return {
            "score": figures.ranks(standings, measure, looks, title),
            "plane": figures.plane(standings, looks, title),
            "profile": figures.profiles(episodes, yardsticks, measure, *lines),
            "improvement": figures.improvement(subject.improvements, shown, title),
            "compliance": over_time.compliance(episodes, *lines) if subject.over_time else None,
            "efficiency": over_time.efficiency(episodes, yardsticks, *lines),
            "regret": over_time.regret(episodes, yardsticks, *lines),
            "training": figures.training(standings, measure, *lines),
            "answers": over_time.answers(episodes, *lines),
        }


def saved(figure: Figure, path: Path) -> bytes:
    """The picture as PNG, and its bytes as SVG; equal pictures give equal bytes."""
    svg = io.BytesIO()
    with mpl.rc_context(STYLE):
        with whole(path) as partial:
            figure.savefig(partial, format="png")
        figure.set_layout_engine("none")  # all is in its place now, and finding it takes half of the time
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return svg.getvalue()
