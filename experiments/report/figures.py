"""All figures of a block of cells, each with a sentence that says how to read it."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

from experiments.program.files import whole
from experiments.program.style import STYLE
from experiments.report import over_agents, over_time
from experiments.report.block import Block


class Kind(NamedTuple):
    """A figure that a block can have."""

    title: str
    draw: Callable[[Block], Figure | None]  # None = there is nothing to draw
    caption: str


KINDS = {
    "score": Kind(
        "Ranking",
        over_agents.ranks,
        "Who does best: the mark is the mean, the line its 95 % interval, the tick that of the worst tenth.",
    ),
    "plane": Kind(
        "SLO fulfilment and QoE",
        over_agents.plane,
        "What is paid for what: to the right, SLOs are violated more seldom; upwards, quality is better; "
        "nobody beats an agent on the dashed Pareto front in both.",
    ),
    "cells": Kind(
        "Cell by cell",
        over_agents.cells,
        "Where who does well: means of each agent in each cell, the best agents to the left.",
    ),
    "price": Kind(
        "Rank over the price of a violation",
        over_agents.price,
        "Who is best depends on what a violated step costs: ranks by QoE − price × share of violated steps; "
        "dotted, where another agent takes the lead. An order that looks at SLOs alone is at the far right.",
    ),
    "profile": Kind(
        "Performance profile",
        over_agents.profiles,
        "How reliable they are: the share of episodes above each value, with 95 % bands; a line above "
        "another's everywhere is better in every respect; grey: the other agents.",
    ),
    "improvement": Kind(
        "Probability of improvement",
        over_agents.improvement,
        "How likely the agent of a row is to do better than that of a column in a cell drawn at random; bold "
        "where chance is ruled out (p < 0.05, corrected for all pairs after Holm).",
    ),
    "compliance": Kind(
        "SLOs over time",
        over_time.compliance,
        "When SLOs hold, a row per scenario and a column per agent: share of episodes, with 95 % bands; at a "
        "solid line the world gets worse, at a dashed one better.",
    ),
    "efficiency": Kind(
        "Sample efficiency",
        over_time.efficiency,
        "How fast they find their way within an episode: the height reached late is the plateau, the way to "
        "it is what finding it costs; 95 % bands.",
    ),
    "regret": Kind(
        "Regret",
        over_time.regret,
        "What that costs in all: the flatter, the less is lost against the oracle; random decisions lose one "
        "unit per step; 95 % bands.",
    ),
    "training": Kind(
        "Training",
        over_agents.training,
        "What training buys: each mark is an agent that was trained for so many steps before its episodes, "
        "with its 95 % interval; lines are of agents that learn in the episode itself, or never.",
    ),
    "answers": Kind(
        "Recovery and restoration",
        over_time.answers,
        "How fast disturbances are answered: the share that was dealt with by a step (Kaplan and Meier's "
        "estimate, 50 % dotted); a tick marks where time ran out for some; in brackets, how many there were.",
    ),
}


class Drawn(NamedTuple):
    """A figure as a file and for a page."""

    title: str
    caption: str
    path: Path
    svg: bytes
    width_px: int


def draw(directory: Path, block: Block) -> list[Drawn]:
    """Write every figure that there is something for, as a PNG; return them in the order to be read in."""
    drawn = []
    for name, kind in KINDS.items():
        with mpl.rc_context(STYLE):
            figure = kind.draw(block)
        if figure is not None:
            path = directory / f"{f'{block.name}-' if block.is_one_of_many else ''}{name}.png"
            svg, width_px = saved(figure, path), round(figure.get_figwidth() * STYLE["figure.dpi"])
            drawn.append(Drawn(kind.title, kind.caption, path, svg, width_px))
    return drawn


def saved(figure: Figure, path: Path) -> bytes:
    """Write a figure as PNG, and return it as SVG; equal figures give equal bytes."""
    svg = io.BytesIO()
    with mpl.rc_context(STYLE):
        with whole(path) as partial:
            figure.savefig(partial, format="png")
        figure.set_layout_engine("none")  # all is in its place now, and finding it takes half of the time
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return svg.getvalue()
