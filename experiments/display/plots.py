"""The figure of a run: SLO ratios against their threshold, the knobs, and what came of it, over time."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from envs.spec import ElasticitySpec
from experiments.program.files import whole
from experiments.program.formatting import level_text
from experiments.program.style import COLOURS, LINES, STYLE
from experiments.runs.summary import stream_time_s

RATIO_FLOOR = 0.01  # of the logarithmic axis; smaller ratios lie on its edge
WIDTH_IN, PANEL_IN = 9.0, 1.5


def plot_trace(trace: pd.DataFrame, spec: ElasticitySpec, title: str, path: Path) -> None:
    """Write the figure of one run as PNG.

    Args:
        trace: one row per control interval, at least one.
        spec: names the knobs and SLOs, and what their levels stand for.
        title: one line.
        path: of the PNG.
    """
    n_panels = 2 + len(spec.knobs)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, PANEL_IN * (n_panels + 1)))
        heights = [2.0, *[1.0] * len(spec.knobs), 1.2]
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
        _worth(panels[-1], trace, time_s)
        panels[-1].set_xlabel("time of the stream, s")
        figure.align_ylabels(panels)
        with whole(path) as partial:
            figure.savefig(partial, format="png")


def _slos(axes: Axes, trace: pd.DataFrame, spec: ElasticitySpec, time_s: np.ndarray) -> None:
    for i, slo in enumerate(spec.slos):
        known = trace[f"known.{slo.metric}"].to_numpy(dtype=bool)
        ratio = np.where(known, trace[f"ratios.{slo.metric}"].to_numpy(dtype=float), np.nan)
        colour, line = COLOURS[i % len(COLOURS)], LINES[i % len(LINES)]
        axes.plot(time_s, np.maximum(ratio, RATIO_FLOOR), line, color=colour, label=slo.metric)
    axes.axhline(1.0, color="black", linewidth=1.0)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, RATIO_FLOOR), max(high, 2.0))
    axes.axhspan(1.0, axes.get_ylim()[1], color="#D55E00", alpha=0.08, linewidth=0)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel("metric ÷ threshold\n(shaded: broken)")
    axes.legend(bbox_to_anchor=(1.0, 0.5))


def _worth(axes: Axes, trace: pd.DataFrame, time_s: np.ndarray) -> None:
    axes.plot(time_s, trace["qoe"], color=COLOURS[2], label="QoE")
    axes.plot(time_s, trace["reward"], color=COLOURS[6], linestyle=":", label="reward")
    axes.set(ylim=(-1.05, 1.05), ylabel="QoE, reward")
    axes.legend(bbox_to_anchor=(1.0, 0.5))
