"""The figures of a comparison that have no time axis, made to be read: who is best, at what, how surely."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from experiments.report.agent_styles import GREY, MARKERS, AgentStyle
from experiments.report.block import Block, Frame
from experiments.statistics.aggregates import Values, above, estimate
from experiments.statistics.leaderboard import SEED, strata_of, utilities
from experiments.statistics.leaderboard import ranks as ranks_of
from experiments.statistics.pairs import LEVEL

FAINT = "#CCCCCC"  # of agents that are not highlighted
FAINT_STYLE = AgentStyle(FAINT, "", "-")
HIGHEST_PRICE = 3.0  # in QoE per violation: beyond it, next to nothing changes any more
N_PRICES = 3001  # a lead is told to two digits
BAND: Mapping[str, Any] = {"alpha": 0.13, "linewidth": 0}
RULE: Mapping[str, Any] = {"color": "black", "linewidth": 0.8, "zorder": 1}  # where a value is marked
WIDTH_IN = 9.0  # of a page, but for matrices
LEAST_BROKEN = 0.1  # % of steps at which the logarithmic axis of violations ends; fewer lie on its edge
BESIDE: Mapping[str, Any] = {"bbox_to_anchor": (1.0, 0.5)}  # where a legend is
INTERVAL: Mapping[str, Any] = {"linewidth": 1.0, "alpha": 0.5, "zorder": 1}  # around a mark
MOST_WRITTEN = 60  # cells of a map that have their figures written in
MOST_IN_MATRIX = 14  # agents; of more, the highlighted ones
DARK = 0.7  # of the way from a map's middle to its ends, beyond which colours ask for white letters
MARK_EVERY = 0.14  # of the axes' diagonal


def panel(block: Block, width_in: float, height_in: float) -> tuple[Figure, Axes]:
    """Return a figure of one panel under the block's title."""
    figure = Figure(figsize=(width_in, height_in))
    axes = figure.subplots()
    axes.set_title(block.title)
    return figure, axes


def ranks(block: Block) -> Figure:
    """Draw means with their intervals, the best on top, and beside each the mean of its worst tenth."""
    name, lines = block.metric.column, block.metric.lines
    shown = block.leaderboard[block.leaderboard[name].notna()].iloc[::-1]
    figure, axes = panel(block, WIDTH_IN, 1.0 + 0.26 * max(len(shown), 2))
    for y, row in enumerate(shown.to_dict("records")):
        style = block.styles[row["agent"]]
        if row[name] < block.metric.lowest:
            beyond = f"◂ {row[name]:.2f}"
            axes.text(0.01, y, beyond, color=style.colour, va="center", transform=axes.get_yaxis_transform())
            continue
        axes.plot([row[f"{name}_low"], row[f"{name}_high"]], [y, y], color=style.colour, linewidth=2.5)
        axes.plot(row[name], y, style.marker, color=style.colour, markersize=6)
        axes.plot(row[f"{name}_worst_tenth"], y, "|", color=style.colour, markersize=9)
    axes.set_yticks(range(len(shown)), list(shown["agent"]))
    for x, line in lines:
        axes.axvline(x, linestyle=line, **RULE)
    within = shown[shown[name] >= block.metric.lowest]
    figures = within[[f"{name}{which}" for which in ("_worst_tenth", "_low", "_high")]]
    ends = [*figures.to_numpy().ravel(), *(x for x, _ in lines)]
    axes.set(xlim=(max(min(ends) - 0.06, block.metric.lowest), max(ends) + 0.06))
    axes.set(ylim=(-0.6, len(shown) - 0.4))
    axes.set(xlabel=f"{block.metric.text} (mean, 95 % interval; tick: worst tenth)")
    return figure


def price(block: Block) -> Figure:
    """Draw the rank of each agent over the price of a violation; dotted where another takes the lead."""
    figure, axes = panel(block, WIDTH_IN, 1.4 + 0.3 * max(len(block.leaderboard), 4))
    known = block.leaderboard.dropna(subset=["qoe", "fulfilment"])
    qoe, broken = known["qoe"].to_numpy(dtype=float), 1.0 - known["fulfilment"].to_numpy(dtype=float)
    prices = np.linspace(0.0, HIGHEST_PRICE, N_PRICES)
    agents, by_price = list(known["agent"]), ranks_of(utilities(qoe, broken, prices))
    for agent, own in zip(agents, by_price, strict=True):
        is_shown = agent in block.highlight
        style = block.styles[agent] if is_shown else FAINT_STYLE
        line = {"linewidth": 2.0, "zorder": 3} if is_shown else {"linewidth": 1.0, "zorder": 1}
        axes.plot(prices, own, style.line, color=style.colour, **line)
    leaders = by_price.argmin(axis=0)
    for i in np.flatnonzero(np.diff(leaders)) + 1:
        axes.axvline(prices[i], color="black", linewidth=0.8, linestyle=":", zorder=0)
        where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "rotation": 90}
        text = f"{prices[i]:.2f}: {agents[leaders[i]]}"
        axes.annotate(text, (prices[i], 1.0), (2, 0), fontsize=7, va="top", **where)
    for axis, column in ((axes, 0), (axes.twinx(), -1)):
        order = sorted(range(len(agents)), key=lambda i: by_price[i, column])
        axis.set(ylim=(len(agents) + 0.5, 0.5))
        axis.set_yticks(range(1, len(agents) + 1), [agents[i] for i in order], fontsize=8)
        axis.grid(visible=False)
    axes.set(xlim=(0.0, HIGHEST_PRICE), ylabel="rank")
    axes.set_xlabel("price of a violated step, in QoE (the reward stands for about 1)")
    return figure


def plane(block: Block) -> Figure:
    """Draw QoE over the share of violated steps with the Pareto front: up and to the right is better."""
    known = block.leaderboard.dropna(subset=["fulfilment", "qoe"])
    figure, axes = panel(block, WIDTH_IN, 4.8)
    for row in known.to_dict("records"):
        style = block.styles[row["agent"]]
        x, y = violated(row["fulfilment"]), row["qoe"]
        ends = [violated(row["fulfilment_low"]), violated(row["fulfilment_high"])]
        axes.plot(ends, [y, y], color=style.colour, **INTERVAL)
        axes.plot([x, x], [row["qoe_low"], row["qoe_high"]], color=style.colour, **INTERVAL)
        look = {"color": style.colour, "markersize": 7, "linestyle": "none"}
        axes.plot(x, y, style.marker, label=row["agent"], **look)
    members = known.loc[known["pareto"], ["fulfilment", "qoe"]].sort_values(["fulfilment", "qoe"])
    if len(members):  # as steps, from what the front is better than
        x, y = [100.0, *map(violated, members["fulfilment"])], list(members["qoe"])
        axes.step([*x, x[-1]], [y[0], *y, 0.0], "--", where="pre", color=GREY, zorder=1, label="Pareto front")
        axes.set_ylim(bottom=float(known["qoe_low"].min()) - 0.02)
    axes.set_xscale("log")
    axes.set_xlim(100.0, 0.9 * LEAST_BROKEN)
    axes.xaxis.set_major_formatter(lambda x, _: f"{'≤ ' if x <= LEAST_BROKEN else ''}{x:g}")
    axes.set_xlabel("steps in which an SLO is violated, % (fewer to the right, logarithmic)")
    axes.set_ylabel("QoE, 0 to 1")
    axes.legend(**BESIDE)
    return figure


def violated(fulfilment: float) -> float:
    """Return the share of the other steps in %, at least LEAST_BROKEN."""
    return max(100.0 * (1.0 - fulfilment), LEAST_BROKEN)


def cells(block: Block) -> Figure | None:
    """Draw what each agent comes to in each cell, as a map; None for a single cell."""
    values = block.episodes.pivot_table(index="cell", columns="agent", values=block.metric.figure, sort=False)
    if len(values) < 2:
        return None
    values = values[[agent for agent in block.agents if agent in values]]
    is_written = len(values) <= MOST_WRITTEN
    row_in = 0.24 if is_written else 0.06
    figure, axes = panel(block, 3.2 + 0.42 * values.shape[1], 1.6 + row_in * len(values))
    top = block.metric.lines[-1][0] or 1.0
    mesh = mapped(axes, values, (-top, top), "{:.2f}" if is_written else "")
    figure.colorbar(mesh, label=block.metric.text, extend="min")
    if not is_written:
        axes.set_yticks(())
    return figure


def mapped(
    axes: Axes, values: Frame, ends: tuple[float, float], text: str, bold: Frame | None = None
) -> AxesImage:
    """Draw a frame as a map between the ends of a scale; NaN is left empty.

    `text` is how a value is written into its cell, "" = not, and `bold` which are in bold.
    """
    (low, high), shares = ends, values.to_numpy(dtype=float)
    mesh = axes.imshow(shares, cmap="PuOr_r", vmin=low, vmax=high, aspect="auto")
    for (i, j), value in np.ndenumerate(shares):
        if text and np.isfinite(value):
            is_dark = abs(value - (low + high) / 2) > DARK * (high - low) / 2
            look = {"fontsize": 7, "ha": "center", "va": "center", "color": "white" if is_dark else "black"}
            is_bold = bold is not None and bold.iat[i, j]
            axes.text(j, i, text.format(value), fontweight="bold" if is_bold else "normal", **look)
    axes.set_xticks(range(values.shape[1]), list(values), rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(values)), list(values.index))
    axes.grid(visible=False)
    return mesh


def profiles(block: Block) -> Figure:
    """Draw the share of the episodes above each threshold, with bands for the highlighted agents."""
    figure, axes = panel(block, WIDTH_IN, 4.5)
    x, all_above = block.metric.thresholds, [block.metric.thresholds[-1]]
    for agent, own in block.by_agent(block.episodes):
        strata = strata_of(own, block.metric.figure)
        if not strata:
            continue
        shares, low, high = estimate(strata, lambda values: above(values, x), np.random.default_rng(SEED))
        if agent not in block.highlight:
            axes.plot(x, 100 * shares, color=FAINT, linewidth=0.8, zorder=1)
            continue
        lined(axes, x, 100 * shares, agent, block)
        axes.fill_between(x, 100 * low, 100 * high, color=block.styles[agent].colour, **BAND)
        all_above.append(x[shares >= 1.0].max(initial=x[0]))
    for value, line in block.metric.lines:
        axes.axvline(value, linestyle=line, **RULE)
    axes.set(xlim=(max(min(all_above) - 0.05, x[0]), x[-1]), xlabel=f"τ ({block.metric.text})")
    axes.set(ylim=(-2, 102), ylabel="episodes above τ, %")
    axes.legend(**BESIDE)
    return figure


def improvement(block: Block) -> Figure:
    """Draw the matrix of who is likely to do better than whom; bold where chance is ruled out."""
    agents = block.agents
    if len(agents) > MOST_IN_MATRIX:
        agents = [name for name in agents if name in block.highlight]
    figure, axes = panel(block, 2.6 + 0.56 * len(agents), 1.6 + 0.42 * len(agents))
    shares, chances = (
        block.improvements.pivot(index="agent", columns="other", values=name).reindex(
            index=agents, columns=agents
        )
        for name in ("improvement", "p")
    )
    mesh = mapped(axes, 100 * shares, (0, 100), "{:.0f}", chances < LEVEL)
    figure.colorbar(mesh, label="probability, %", ticks=[0, 25, 50, 75, 100])
    axes.set(ylabel="this agent …", xlabel="… does better than this one")
    return figure


def lined(axes: Axes, x: Values, y: Values, agent: str, block: Block) -> None:
    """Draw an agent's line, with a marker now and then if another one's is of the same colour and style."""
    style = block.styles[agent]
    bare = style._replace(marker="")
    alike = [name for name in block.highlight if block.styles[name]._replace(marker="") == bare]
    start = MARKERS.index(style.marker) / len(MARKERS) * MARK_EVERY  # apart, where lines lie on each other
    marks = {"marker": style.marker if len(alike) > 1 else "", "markevery": (start, MARK_EVERY)}
    axes.plot(x, y, style.line, color=style.colour, label=agent, markersize=4, **marks)
