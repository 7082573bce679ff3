"""Runs against each other over time: a panel for each knob, each SLO and what came of it, a line per run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.display.plots import RATIO_FLOOR, mark_broken
from experiments.display.trace_view import knob_text
from experiments.program.style import drawn_to
from experiments.report.agent_styles import agent_styles
from experiments.runs.summary import column, stream_time_s

KNOB, RATIO = "action.", "ratios."  # columns of a trace that have panels, beside what came of it
WIDTH_IN, PANEL_IN = 11.0, 1.5
THICK, THIN = 1.5, 0.8  # of the only run of its label, and of one of several
LEGEND_COLUMNS = 5


class Course(NamedTuple):
    """A run to be drawn.

    Attributes:
        label: an agent's or a variant's name, by which it is coloured; runs of one label look alike.
        trace: one row per control interval, at least one.
        grades: of its detector, by their indexes.
    """

    label: str
    trace: pd.DataFrame
    grades: Sequence[str]


def plot_series(courses: Sequence[Course], title: str, path: Path) -> None:
    """Write a picture of runs, at least one: knobs and worth to the left, SLOs to the right.

    What a run does not have, its panel has no line of. The file is what its name ends in: PNG, SVG or PDF.
    """
    columns = dict.fromkeys(str(name) for course in courses for name in course.trace)
    left = [*(name for name in columns if name.startswith(KNOB)), "qoe", "reward"]
    right = [name for name in columns if name.startswith(RATIO)]
    n_rows = max(len(left), len(right))
    with drawn_to(path, WIDTH_IN, PANEL_IN * n_rows + 0.8) as figure:
        panels = figure.subplots(n_rows, 2, sharex=True, squeeze=False)
        figure.suptitle(title, x=0.01, ha="left")
        for side, names in zip(panels.T, (left, right), strict=True):
            for axes, name in zip(side, names, strict=False):
                _draw(axes, courses, name)
            for axes in side[len(names) :]:
                axes.set_axis_off()
            side[len(names) - 1].set_xlabel("time of the stream, s")
            side[len(names) - 1].xaxis.set_tick_params(labelbottom=True)
        panels[0, 0].set_xlim(0.0, None)
        handles = panels[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=LEGEND_COLUMNS)


def _draw(axes: Axes, courses: Sequence[Course], name: str) -> None:
    """Draw a column: levels as stairs, named by what they stand for; ratios where they are known."""
    labels = [course.label for course in courses]
    styles, texts = agent_styles(labels), dict[float, str]()
    own = name.removeprefix(KNOB).removeprefix(RATIO)
    axes.set_title(f"{own} ÷ threshold" if name.startswith(RATIO) else own, fontweight="normal")
    for i, (label, trace, grades) in enumerate(courses):
        if name not in trace:
            continue
        look: Mapping[str, Any] = {
            "color": styles[label].colour,
            "linestyle": styles[label].line,
            "linewidth": THICK if labels.count(label) == 1 else THIN,
            "label": label if label not in labels[:i] else "_",  # in the legend once
        }
        time_s, values = stream_time_s(trace), column(trace, name)
        if name.startswith(KNOB):
            axes.step([0.0, *time_s], [values[0], *values], where="pre", **look)
            rows = trace.drop_duplicates(name).to_dict("records")
            texts |= {float(row[name]): knob_text(own, row, grades) for row in rows}
        elif name.startswith(RATIO):
            is_known = column(trace, f"known.{own}") > 0
            axes.plot(time_s, np.where(is_known, np.maximum(values, RATIO_FLOOR), np.nan), **look)
        else:
            axes.plot(time_s, values, **look)
    if name.startswith(RATIO):
        mark_broken(axes)
    if texts:
        axes.set_yticks(sorted(texts), [texts[level] for level in sorted(texts)])
