"""Pictures of runs over time, of an agent's network, and of drawn worlds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter
from numpy.typing import NDArray

from agents.base import NetworkFigure
from envs.procedural.screening import HELD
from envs.procedural.world import STEPS, World
from envs.scenario import EventKind
from envs.spec import ElasticitySpec
from experiments.display.lines import Group, Line, TimedEvent, lines_of
from experiments.program.console import level_text
from experiments.program.style import COLOURS, LINES, drawn_to
from experiments.runs.summary import stream_time_s

RATIO_FLOOR = 0.01  # of the logarithmic axis; smaller ratios lie on its edge
WIDTH_IN, PANEL_IN = 9.0, 1.5
WIDE_IN = 11.0  # of runs over time: two columns of panels
MOST_NAMED = 8  # events above the panels
LEGEND_COLUMNS = 5
MEASURED = {"color": COLOURS[0], "label": "measured"}  # looks of a run, and of its simulated twin
TWIN = {"color": COLOURS[1], "linestyle": "--", "label": "simulated twin"}
LEFT, RIGHT = (Group.KNOB, Group.WORTH), (Group.SLO, Group.LOAD)  # what the columns of panels are of
COLUMNS = {"knob": 0.0, "stage": 0.5, "metric": 1.0, "before": 1.0, "SLO": 2.0}
FILL = {"knob": COLOURS[4], "stage": COLOURS[1], "metric": COLOURS[5], "before": "#DDDDDD", "SLO": COLOURS[2]}
WORLD_IN, WORLDS_PER_ROW = (3.6, 2.2), 4  # width and height of a drawn world
ROW_IN, CURVES_IN = 0.45, 2.3  # height per node of the longest column, and of the curves


class Course(NamedTuple):
    """A run to be drawn."""

    trace: pd.DataFrame  # one row per control interval, at least one
    grades: Sequence[str]  # of its detector, by their indexes
    look: Mapping[str, Any]  # of its line, as matplotlib's keywords; what has a label is in the legend


def plot_runs(courses: Sequence[Course], title: str, path: Path, events: Sequence[TimedEvent] = ()) -> None:
    """Write a figure of runs over time: knobs and what came of them to the left, SLOs and load to the right.

    What a run does not have, its panel has no line of. Events are the first run's: marked in all panels, and
    named above them unless they are too many. The file is what its name ends in: PNG, SVG or PDF.
    """
    drawn: dict[tuple[Group, str], list[tuple[Course, Line]]] = {}
    for course in courses:
        for line in lines_of(course.trace, course.grades):
            drawn.setdefault((line.group, line.title), []).append((course, line))
    sides = [[drawn[key] for group in groups for key in drawn if key[0] is group] for groups in (LEFT, RIGHT)]
    n_rows = max(map(len, sides))
    with drawn_to(path, WIDE_IN, PANEL_IN * n_rows + 0.8) as figure:
        panels = figure.subplots(n_rows, 2, sharex=True, squeeze=False)
        figure.suptitle(title, x=0.01, ha="left")
        for column_of_panels, side in zip(panels.T, sides, strict=True):
            for axes, lines in zip(column_of_panels, side, strict=False):
                _draw(axes, lines)
            for axes in column_of_panels[len(side) :]:
                axes.set_axis_off()
            column_of_panels[len(side) - 1].set_xlabel("time of the stream, s")
            column_of_panels[len(side) - 1].xaxis.set_tick_params(labelbottom=True)
        panels[0, 0].set_xlim(0.0, None)
        _mark_events(panels, events, stream_time_s(courses[0].trace))
        figure.align_ylabels(panels)
        if (handles := panels[0, 0].get_legend_handles_labels())[0]:
            figure.legend(*handles, loc="outside lower center", ncols=LEGEND_COLUMNS)


def _draw(axes: Axes, lines: Sequence[tuple[Course, Line]]) -> None:
    """Draw a figure of several runs; what is in force during an interval as stairs."""
    _, first = lines[0]
    for course, line in lines:
        ends_s = stream_time_s(course.trace)
        if line.group in (Group.KNOB, Group.LOAD):
            stairs = [line.values[0], *line.values]
            axes.step([0.0, *ends_s], stairs, where="pre", **course.look)
        else:
            low = RATIO_FLOOR if line.group is Group.SLO else -np.inf
            axes.plot(ends_s, np.maximum(line.values, low), **course.look)
    axes.set_ylabel(first.title.replace(" ÷", "\n÷"))
    if first.group is Group.SLO:
        _mark_broken(axes)
    elif first.group is Group.KNOB:
        levels = {
            level: word for _, line in lines for level, word in zip(line.values, line.words, strict=True)
        }
        axes.set_yticks(sorted(levels), [levels[level] for level in sorted(levels)])
    elif first.group is Group.LOAD:
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))


def _mark_broken(axes: Axes) -> None:
    """Make an axis of ratios logarithmic, and shade what is above the threshold."""
    axes.axhline(1.0, color="black", linewidth=1.0)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, RATIO_FLOOR), max(high, 2.0))
    axes.axhspan(1.0, axes.get_ylim()[1], color=COLOURS[1], alpha=0.08, linewidth=0)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _mark_events(panels: NDArray[Any], events: Sequence[TimedEvent], ends_s: NDArray[np.float64]) -> None:
    """Mark in all panels where the scenario did something, but for a pattern, which does in every step."""
    there = [event for event in events if event.step < len(ends_s)]
    for event in there if len(there) <= MOST_NAMED else ():
        began_s = ends_s[event.step - 1] if event.step else 0.0
        where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "rotation": 20}
        panels[0, 0].annotate(event.text, (began_s, 1.0), (0, 2), fontsize=7, va="bottom", **where)
        for axes in panels.flat:
            if axes.axison:
                axes.axvline(began_s, color="#999999", linewidth=0.7, linestyle=":")


# --- an agent's network ---


def plot_network(network: NetworkFigure, spec: ElasticitySpec, title: str, path: Path) -> None:
    """Write a network as PNG: knobs left, SLOs right, metrics and earlier states between; curves below."""
    tallest = max(sum(COLUMNS[kind] == x for kind in network.kinds.values()) for x in set(COLUMNS.values()))
    heights = [ROW_IN * max(tallest, 4), CURVES_IN]
    with drawn_to(path, WIDTH_IN, sum(heights) + 0.6) as figure:
        above, below = figure.subfigures(2, 1, height_ratios=heights, squeeze=False).ravel()
        figure.suptitle(title, x=0.01, ha="left")
        _graph(above.subplots(), network)
        panels = below.subplots(1, len(spec.knobs), sharey=True, squeeze=False)[0]
        for axes, knob, curves in zip(panels, spec.knobs, network.curves, strict=True):
            for i, slo in enumerate(spec.slos):
                style = LINES[i % len(LINES)]
                axes.plot(curves[:, i], style, marker=".", color=COLOURS[i % len(COLOURS)], label=slo.metric)
            axes.set_xticks(range(knob.n_levels), [level_text(knob, level) for level in range(knob.n_levels)])
            axes.set(xlabel=f"do({knob.name})", ylim=(-0.03, 1.03))
        panels[0].set_ylabel("P(fulfilled)")
        panels[-1].legend(bbox_to_anchor=(1.0, 0.5))


def _graph(axes: Axes, network: NetworkFigure) -> None:
    places, boxes = placed(network), dict[str, Any]()
    for name, kind in network.kinds.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": FILL[kind], "edgecolor": "none"}
        text = axes.text(*places[name], name, ha="center", va="center", fontsize=8, bbox=box)
        boxes[name] = text.get_bbox_patch()
    for cause, effect in network.edges:  # from box to box, wherever these end
        ends = {"patchA": boxes[cause], "patchB": boxes[effect], "shrinkA": 1, "shrinkB": 1}
        arrow = {"arrowstyle": "-|>", "color": "#777777", "linewidth": 0.7, **ends}
        axes.annotate("", places[effect], places[cause], arrowprops=arrow)
    for kind, x in COLUMNS.items():
        if kind != "before" and kind in network.kinds.values():
            label = "metrics, and where SLOs were" if kind == "metric" else f"{kind}s"
            axes.text(x, 1.04, label, ha="center", va="bottom", color="#555555")
    axes.set(xlim=(-0.35, 2.35), ylim=(-0.05, 1.15))
    axes.axis("off")


def placed(network: NetworkFigure) -> dict[str, tuple[float, float]]:
    """Return where each node is drawn: in its kind's column, evenly spaced from top to bottom."""
    places: dict[str, tuple[float, float]] = {}
    for x in sorted(set(COLUMNS.values())):
        names = [name for name, kind in network.kinds.items() if COLUMNS[kind] == x]
        for i, name in enumerate(names):
            places[name] = (x, 1 - (i + 0.5) / len(names))
    return places


# --- drawn worlds ---


def draw_worlds(worlds: Sequence[World], path: Path) -> None:
    """Draw worlds: of each what happens, and below, how often each setting holds. Raises as `drawn_to`."""
    n_rows, n_columns = -(-len(worlds) // WORLDS_PER_ROW), min(len(worlds), WORLDS_PER_ROW)
    wide_in, high_in = (2.0 if len(worlds) == 1 else 1.0) * np.array(WORLD_IN)
    with drawn_to(path, wide_in * n_columns, high_in * n_rows) as figure:
        cells = figure.subfigures(n_rows, n_columns, squeeze=False).ravel()
        for cell, drawn in zip(cells, worlds, strict=False):
            events, settings = cell.subplots(2, 1, height_ratios=(2, 3))
            events.set_title(f"world {drawn.number}: {drawn.stratum}", fontsize=8)
            _timeline(events, drawn)
            _held(settings, drawn)


def _timeline(axes: Axes, drawn: World) -> None:
    """Draw the number of streams, and where something happens to workers or links."""
    streams = [drawn.scenario.streams]
    events = drawn.scenario.timeline(STEPS, 1.0, drawn.number)
    for step in range(STEPS):
        streams.append(streams[-1])
        for event in events.get(step, ()):
            if event.kind is EventKind.STREAMS:
                streams[-1] = int(event.value or 1)
            elif event.kind is not EventKind.LINKS:
                is_worse = event.kind is EventKind.LOSE_WORKER or (event.value or 0) > 1
                axes.axvline(step, color=COLOURS[1], linewidth=0.8, linestyle="-" if is_worse else ":")
    axes.step(range(STEPS), streams[1:], where="post", color=COLOURS[0], linewidth=1.2)
    axes.set(xlim=(0, STEPS), ylim=(0, max(streams) + 0.5))
    axes.set_ylabel("streams", fontsize=7)
    axes.tick_params(labelsize=6)
    axes.grid(visible=False)


def _held(axes: Axes, drawn: World) -> None:
    """Draw the share of the steps in which each setting, held still, keeps all SLOs; a block per grade."""
    shares = drawn.screened.held.reshape(drawn.spec.n_levels)
    n_fps, n_sizes, n_grades = shares.shape
    blocks = np.full((n_sizes, n_grades * (n_fps + 1) - 1), np.nan)
    for grade in range(n_grades):
        first = grade * (n_fps + 1)
        blocks[:, first : first + n_fps] = shares[:, ::-1, grade].T
    axes.imshow(blocks, cmap="PuOr", vmin=0.0, vmax=2 * HELD, aspect="auto")
    middles = [grade * (n_fps + 1) + (n_fps - 1) / 2 for grade in range(n_grades)]
    axes.set_xticks(middles, [f"{grade}: {n_fps} rates" for grade in drawn.stream.ladders.grades], fontsize=6)
    sizes = [height for _, height in drawn.stream.ladders.sizes][::-1]
    axes.set_yticks(range(n_sizes), [f"{height} px" for height in sizes], fontsize=6)
    axes.grid(visible=False)
