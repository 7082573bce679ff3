"""The figure of an agent's network: what hangs on what, and P(SLO fulfilled | do(knob = level)) below."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agents.base import NetworkFigure
from envs.spec import ElasticitySpec
from experiments.display.plots import COLOURS, LINES, STYLE, WIDTH_IN
from experiments.program.files import whole
from experiments.program.formatting import level_text

COLUMNS = {"knob": 0.0, "metric": 1.0, "before": 1.0, "SLO": 2.0}
FILL = {"knob": COLOURS[4], "metric": COLOURS[5], "before": "#DDDDDD", "SLO": COLOURS[2]}
ROW_IN, CURVES_IN = 0.45, 2.3  # height per node of the longest column, and of the curves


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
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, sum(heights) + 0.6))
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
        with whole(path) as partial:
            figure.savefig(partial, format="png")


def _graph(axes: Axes, network: NetworkFigure) -> None:
    places = placed(network)
    for cause, effect in network.edges:
        arrow = {"arrowstyle": "-|>", "color": "#777777", "linewidth": 0.7, "shrinkA": 34, "shrinkB": 34}
        axes.annotate("", places[effect], places[cause], arrowprops=arrow)
    for name, kind in network.kinds.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": FILL[kind], "edgecolor": "none"}
        axes.text(*places[name], name, ha="center", va="center", fontsize=8, bbox=box)
    for kind, x in COLUMNS.items():
        if kind != "before":
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
