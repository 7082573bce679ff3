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
from experiments.runs.summary import column, names_in, slo_names, stream_time_s

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
    traces = [course.trace for course in courses]
    knobs = list(dict.fromkeys(name for trace in traces for name in names_in(trace, "action.")))
    slos = list(dict.fromkeys(name for trace in traces for name in slo_names(trace)))
    left, n_rows = [*knobs, "qoe", "reward"], max(len(knobs) + 2, len(slos))
    looks = _looks([course.label for course in courses])
    with drawn_to(path, WIDTH_IN, PANEL_IN * n_rows + 0.8) as figure:
        panels = figure.subplots(n_rows, 2, sharex=True, squeeze=False)
        figure.suptitle(title, x=0.01, ha="left")
        for side, names in zip(panels.T, (left, slos), strict=True):
            what = " ÷ threshold" if names is slos else ""
            for axes, name in zip(side, names, strict=False):
                axes.set_title(f"{name}{what}", fontweight="normal")
            for axes in side[len(names) :]:
                axes.set_axis_off()
            side[len(names) - 1].set_xlabel("time of the stream, s")
            side[len(names) - 1].xaxis.set_tick_params(labelbottom=True)
        for axes, knob in zip(panels[:, 0], knobs, strict=False):
            _draw_knob(axes, courses, looks, knob)
        for axes, name in zip(panels[len(knobs) :, 0], left[len(knobs) :], strict=False):
            _draw_worth(axes, courses, looks, name)
        for axes, slo in zip(panels[:, 1], slos, strict=False):
            _draw_slo(axes, courses, looks, slo)
        panels[0, 0].set_xlim(0.0, None)
        handles = panels[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=LEGEND_COLUMNS)


def _looks(labels: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return how each run's line looks; the legend has one entry for all of a label."""
    styles = agent_styles(labels)
    return [
        {
            "color": styles[label].colour,
            "linestyle": styles[label].line,
            "linewidth": THICK if labels.count(label) == 1 else THIN,
            "label": label if label not in labels[:i] else "_",
        }
        for i, label in enumerate(labels)
    ]


def _draw_knob(axes: Axes, courses: Sequence[Course], looks: Sequence[Mapping[str, Any]], knob: str) -> None:
    """Draw levels as stairs, named by what they stand for."""
    name, texts = f"action.{knob}", dict[float, str]()
    for course, look in zip(courses, looks, strict=True):
        if name in course.trace:
            levels = column(course.trace, name)
            ends_s = stream_time_s(course.trace)
            axes.step([0.0, *ends_s], [levels[0], *levels], where="pre", **look)
            rows = course.trace.drop_duplicates(name).to_dict("records")
            texts |= {float(row[name]): knob_text(knob, row, course.grades) for row in rows}
    axes.set_yticks(sorted(texts), [texts[level] for level in sorted(texts)])


def _draw_worth(axes: Axes, courses: Sequence[Course], looks: Sequence[Mapping[str, Any]], name: str) -> None:
    for course, look in zip(courses, looks, strict=True):
        axes.plot(stream_time_s(course.trace), column(course.trace, name), **look)


def _draw_slo(axes: Axes, courses: Sequence[Course], looks: Sequence[Mapping[str, Any]], slo: str) -> None:
    """Draw ratios to the threshold, unknown ones left out."""
    for course, look in zip(courses, looks, strict=True):
        if f"ratios.{slo}" in course.trace:
            known = column(course.trace, f"known.{slo}") > 0
            ratios = np.where(known, np.maximum(column(course.trace, f"ratios.{slo}"), RATIO_FLOOR), np.nan)
            axes.plot(stream_time_s(course.trace), ratios, **look)
    mark_broken(axes)
