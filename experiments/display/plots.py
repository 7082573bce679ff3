"""The figure of a run: SLO ratios against their threshold, the knobs, and what came of it, over time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter

from agents.base import NetworkFigure
from envs.spec import ElasticitySpec
from experiments.display.events import TimedEvent
from experiments.program.formatting import level_text
from experiments.program.style import COLOURS, LINES, drawn_to
from experiments.runs.summary import column, stream_time_s
from experiments.statistics.agreement import METRICS

RATIO_FLOOR = 0.01  # of the logarithmic axis; smaller ratios lie on its edge
WIDTH_IN, PANEL_IN = 9.0, 1.5
MOST_NAMED = 8  # events above the panels
COLUMNS = {"knob": 0.0, "stage": 0.5, "metric": 1.0, "before": 1.0, "SLO": 2.0}
FILL = {"knob": COLOURS[4], "stage": COLOURS[1], "metric": COLOURS[5], "before": "#DDDDDD", "SLO": COLOURS[2]}
ROW_IN, CURVES_IN = 0.45, 2.3  # height per node of the longest column, and of the curves


def plot_trace(
    trace: pd.DataFrame, spec: ElasticitySpec, events: Sequence[TimedEvent], title: str, path: Path
) -> None:
    """Write the figure of one run as PNG.

    Args:
        trace: one row per control interval, at least one.
        spec: names the knobs and SLOs, and what their levels stand for.
        events: of the run; named above all panels unless they are too many.
        title: one line.
        path: of the PNG.
    """
    n_panels = 3 + len(spec.knobs)
    with drawn_to(path, WIDTH_IN, PANEL_IN * (n_panels + 1)) as figure:
        heights = [2.0, *[1.0] * len(spec.knobs), 1.2, 0.6]
        panels = figure.subplots(n_panels, 1, sharex=True, height_ratios=heights)
        figure.suptitle(title, x=0.01, ha="left")
        time_s = stream_time_s(trace)
        _slos(panels[0], trace, spec, time_s)
        for i, knob in enumerate(spec.knobs):
            axes = panels[1 + i]
            levels = trace[f"action.{knob.name}"].to_numpy()
            axes.step([0.0, *time_s], [levels[0], *levels], where="pre", color=COLOURS[0])
            axes.set_yticks(range(knob.n_levels), [level_text(knob, level) for level in range(knob.n_levels)])
            axes.set(ylim=(-0.3, knob.n_levels - 0.7), ylabel=knob.name)
        _worth(panels[-2], trace, time_s)
        _load(panels, trace, time_s)
        _name_events(panels[0], [event for event in events if event.step < len(trace)], time_s)
        panels[-1].set_xlabel("time of the stream, s")
        figure.align_ylabels(panels)


def _slos(axes: Axes, trace: pd.DataFrame, spec: ElasticitySpec, time_s: np.ndarray) -> None:
    for i, slo in enumerate(spec.slos):
        known = trace[f"known.{slo.metric}"].to_numpy(dtype=bool)
        ratio = np.where(known, trace[f"ratios.{slo.metric}"].to_numpy(dtype=float), np.nan)
        colour, line = COLOURS[i % len(COLOURS)], LINES[i % len(LINES)]
        axes.plot(time_s, np.maximum(ratio, RATIO_FLOOR), line, color=colour, label=slo.metric)
    mark_broken(axes)
    axes.set_ylabel("metric ÷ threshold\n(shaded: broken)")
    axes.legend(bbox_to_anchor=(1.0, 0.5))


def mark_broken(axes: Axes) -> None:
    """Make an axis of ratios logarithmic, and shade what is above the threshold."""
    axes.axhline(1.0, color="black", linewidth=1.0)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, RATIO_FLOOR), max(high, 2.0))
    axes.axhspan(1.0, axes.get_ylim()[1], color=COLOURS[1], alpha=0.08, linewidth=0)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _name_events(axes: Axes, events: Sequence[TimedEvent], time_s: np.ndarray) -> None:
    """Write above the axes what the scenario did, where it did; a pattern does something in every step."""
    planned = [event for event in events if event.is_planned]
    for event in planned if len(planned) <= MOST_NAMED else ():
        place = time_s[event.step - 1] if event.step else 0.0
        where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "rotation": 20}
        axes.annotate(event.text, (place, 1.0), (0, 2), fontsize=7, va="bottom", **where)
        axes.axvline(place, color="#999999", linewidth=0.7, linestyle=":")


def _load(panels: Sequence[Axes], trace: pd.DataFrame, time_s: np.ndarray) -> None:
    """Streams and workers in the last panel; a line through all where either changes."""
    shown = {"streams": trace["streams"].to_numpy(dtype=float)}
    live = [name for name in trace.columns if name.startswith("workers.") and name.endswith(".in_hand")]
    if live:
        shown["workers"] = trace[live].notna().sum(axis=1).to_numpy(dtype=float)
    for i, (name, counts) in enumerate(shown.items()):
        panels[-1].step([0.0, *time_s], [counts[0], *counts], LINES[i], color=COLOURS[i], label=name)
        for at_s in time_s[:-1][np.diff(counts) != 0]:
            for axes in panels:
                axes.axvline(at_s, color="#999999", linewidth=0.7, linestyle=":")
    top = max(counts.max() for counts in shown.values())
    panels[-1].set(ylim=(0, top + 0.5), ylabel="how many")
    panels[-1].yaxis.set_major_locator(MaxNLocator(3, integer=True))
    panels[-1].legend(bbox_to_anchor=(1.0, 0.5))


def _worth(axes: Axes, trace: pd.DataFrame, time_s: np.ndarray) -> None:
    axes.plot(time_s, trace["qoe"], color=COLOURS[2], label="QoE")
    found = column(trace, "qoe_by.f1") if "qoe_by.f1" in trace else np.full(len(trace), np.nan)
    if np.isfinite(found).any():
        axes.plot(time_s, found, color=COLOURS[0], linestyle="--", label="streaming F1")
    axes.plot(time_s, trace["reward"], color=COLOURS[6], linestyle=":", label="reward")
    axes.set(ylim=(-1.05, 1.05), ylabel="what it was worth")
    axes.legend(bbox_to_anchor=(1.0, 0.5))


# --- a run beside its simulated twin ---


def plot_certificate(real: pd.DataFrame, twin: pd.DataFrame, path: Path) -> None:
    """Write a PNG with a panel per metric: what it was in each interval, and what the simulated twin has.

    Args:
        real, twin: traces of the same actions, one row per control interval.
        path: of the PNG.
    """
    with drawn_to(path, WIDTH_IN, 3 * PANEL_IN) as figure:
        panels = figure.subplots(3, 2, sharex=True)
        for axes, metric in zip(panels.flat, METRICS, strict=True):
            for trace, label, line, colour in (
                (real, "measured", "-", COLOURS[0]),
                (twin, "simulated twin", "--", COLOURS[1]),
            ):
                values = column(trace, f"metrics.{metric}")
                axes.plot(stream_time_s(trace), values, line, color=colour, label=label)
            axes.set_title(metric)
            axes.set_ylim(bottom=0)
        for axes in panels[-1]:
            axes.set_xlabel("time of the stream, s")
        panels[0, 1].legend(bbox_to_anchor=(1.0, 0.5))


# --- an agent's network ---


def plot_network(network: NetworkFigure, spec: ElasticitySpec, title: str, path: Path) -> None:
    """Write a network as PNG: knobs left, metrics and earlier states beside them, SLOs right; curves below.

    Args:
        network: of the agent, see `NetworkFigure`.
        spec: names the knobs' levels and the SLOs.
        title: one line.
        path: of the PNG.
    """
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
