"""The figures of a comparison: who is best, at what, how surely, and when; made to be read by people."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.agent_styles import GREY, AgentStyle
from experiments.report.block import Block
from experiments.statistics.aggregates import Values, mean_band
from experiments.statistics.disturbances import Answer
from experiments.statistics.episode import EVERYWHERE, Episode
from experiments.statistics.leaderboard import SEED, price_ranks

FAINT_STYLE = AgentStyle("#CCCCCC", "", "-")  # of agents that are not highlighted
HIGHEST_PRICE = 3.0  # in QoE per violation: beyond it, next to nothing changes any more
N_PRICES = 3001  # a lead is told to two digits
RULE: Mapping[str, Any] = {"color": "black", "linewidth": 0.8, "zorder": 1}  # where a value is marked
WIDTH_IN = 10.8  # of a page, but for matrices
LEAST_BROKEN = 0.1  # % of steps at which the logarithmic axis of violations ends; fewer lie on its edge
BESIDE: Mapping[str, Any] = {"bbox_to_anchor": (1.0, 0.5)}  # where a legend is
INTERVAL: Mapping[str, Any] = {"linewidth": 1.0, "alpha": 0.5, "zorder": 1}  # around a mark
MOST_WRITTEN = 60  # cells of a map that have their figures written in
DARK = 0.5  # of the way from a map's lowest colour to its highest: those before it ask for white letters
SMOOTHED_S = 5.0  # a running mean over this long, for a share of few episodes jumps
MOST_POINTS = 400  # of a line
AT_ONCE = 10  # steps up to which the axis of answers is linear; it is logarithmic beyond
THIN, WIDER = 1.2, 0.7  # lines of answers: of the last one, and how much wider each before it is
TICKS = (0, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
PANEL_IN = 1.5  # of small multiples
ANSWERS = {"recoveries": "all SLOs hold again", "restorations": "90 % of the lost QoE is back"}


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
            text = axes.text(0.01, y, f"◂ {signed(row[name])}", color=style.colour, va="center")
            text.set(transform=axes.get_yaxis_transform(), backgroundcolor="white")
            continue
        axes.plot([row[f"{name}_low"], row[f"{name}_high"]], [y, y], color=style.colour, linewidth=2.5)
        axes.plot(row[name], y, style.marker, color=style.colour, markersize=6)
        axes.plot(row[f"{name}_worst_tenth"], y, "|", color=style.colour, markersize=9)
    axes.set_yticks(range(len(shown)), list(shown["agent"]))
    within = shown[shown[name] >= block.metric.lowest]
    figures = within[[f"{name}{which}" for which in ("_worst_tenth", "_low", "_high")]]
    ends = [*figures.to_numpy().ravel(), *(x for x, _ in lines if x > 0 or within.empty)]
    axes.set(xlim=(max(min(ends) - 0.06, block.metric.lowest), max(ends) + 0.06))
    for x, line in lines:  # one that is far below all of them would stretch the axis
        if x > axes.get_xlim()[0]:
            axes.axvline(x, linestyle=line, **RULE)
    axes.set(ylim=(-0.6, len(shown) - 0.4))
    axes.set(xlabel=f"{block.metric.text} (mean, 95 % interval; tick: worst tenth)")
    return figure


def signed(value: float) -> str:
    """Return a figure with a minus as long as those of the axes."""
    return f"{value:.2f}".replace("-", "−")


def price(block: Block) -> Figure:
    """Draw the rank of each agent over the price of a violation; dotted where another takes the lead."""
    figure, axes = panel(block, WIDTH_IN, 1.4 + 0.3 * max(len(block.leaderboard), 4))
    known = block.leaderboard.dropna(subset=["qoe", "fulfilment"])
    qoe, broken = known["qoe"].to_numpy(dtype=float), 1.0 - known["fulfilment"].to_numpy(dtype=float)
    prices = np.linspace(0.0, HIGHEST_PRICE, N_PRICES)
    agents, by_price = list(known["agent"]), price_ranks(qoe, broken, prices)
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
    axes.set_xlim(100.0 / 0.9, 0.9 * LEAST_BROKEN)
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
    mesh = axes.imshow(values, cmap="cividis", vmin=0.0, vmax=top, aspect="auto")
    figure.colorbar(mesh, label=block.metric.column, extend="min")
    axes.set_xticks(range(values.shape[1]), list(values), rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(values)), list(values.index))
    axes.grid(visible=False)
    if not is_written:
        axes.set_yticks(())
        return figure
    for (i, j), value in np.ndenumerate(values.to_numpy(dtype=float)):
        if np.isfinite(value):
            colour = "white" if value < DARK * top else "black"
            axes.text(j, i, signed(value), fontsize=7, ha="center", va="center", color=colour)
    return figure


# --- over time ---


def compliance(block: Block) -> Figure | None:
    """Draw the share of episodes in which all SLOs hold, over time: a row per scenario, a column per agent.

    None for all blocks together: each has scenarios of its own.
    """
    if block.is_one_of_many and block.name == EVERYWHERE:
        return None
    scenarios = block.episodes.groupby(block.episodes["cell"].map(scenario_of), sort=False)
    size = len(scenarios), len(block.highlight)
    figure = Figure(figsize=(1.0 + PANEL_IN * size[1], 0.9 + PANEL_IN * size[0]))
    panels = figure.subplots(*size, squeeze=False, sharex="row", sharey=True)
    figure.suptitle(f"{block.title} (mean of {SMOOTHED_S:g} s)", x=0.01, ha="left")
    for row, (scenario, episodes) in zip(panels, scenarios, strict=True):
        for axes, agent in zip(row, block.highlight, strict=True):
            held(axes, block.styles[agent], list(episodes.loc[episodes["agent"] == agent, "episode"]))
        row[0].set_ylabel(f"{scenario}\nall SLOs hold, %")
    for axes, agent in zip(panels[0], block.highlight, strict=True):
        axes.set_title(agent, fontweight="normal")
    figure.supxlabel("time of the stream, s", fontsize="medium")
    return figure


def held(axes: Axes, style: AgentStyle, episodes: Sequence[Episode]) -> None:
    """Draw one agent in one scenario: the mean with its 95 % band, and where the world changes."""
    axes.set(ylim=(-3, 103))
    if not episodes:
        return
    interval_s = episodes[0].interval_s
    curves = curves_of(episodes, max(1, round(SMOOTHED_S / interval_s)))
    thinned = slice(None, None, math.ceil(curves[0].shape[1] / MOST_POINTS))
    x = interval_s * (1.0 + np.arange(curves[0].shape[1]))[thinned]
    mean, low, high = mean_band([own[:, thinned] for own in curves], np.random.default_rng(SEED))
    axes.plot(x, mean, style.line, color=style.colour)
    axes.fill_between(x, low, high, color=style.colour, alpha=0.13, linewidth=0)
    for point in {point for episode in episodes for point in episode.change_points}:
        axes.axvline(point.step * interval_s, linestyle="-" if point.is_worse else "--", **RULE)
    axes.set_xlim(0.0, interval_s * curves[0].shape[1])


def curves_of(episodes: Sequence[Episode], window: int) -> list[Values]:
    """Return, per cell, a row per episode, all as long as the shortest: where all SLOs held, in %.

    It is the running mean of the last `window` steps, of fewer at the beginning.
    """
    n, cells = min(len(episode.held) for episode in episodes), dict[str, list[Values]]()
    for episode in episodes:
        smoothed = pd.Series(100.0 * episode.held[:n]).rolling(window, min_periods=1).mean()
        cells.setdefault(episode.cell, []).append(np.asarray(smoothed))
    return [np.stack(own) for own in cells.values()]


def scenario_of(cell: str) -> str:
    """Return a cell's scenario and SLOs, without its hardware; a name of one part is its own."""
    parts = cell.split("/")
    return " ".join(parts[1:] or parts)


def answers(block: Block) -> Figure | None:
    """Draw which share of the disturbances has been dealt with, over steps; None if there was none."""
    found: dict[str, dict[str, list[Answer]]] = {}
    for agent in block.highlight:
        own = block.episodes.loc[block.episodes["agent"] == agent, "episode"]
        for name in ANSWERS:
            if each := [answer for episode in own for answer in getattr(episode, name)]:
                found.setdefault(name, {})[agent] = each
    if not found:
        return None
    all_steps = [answer.steps for by_agent in found.values() for own in by_agent.values() for answer in own]
    longest = float(max(AT_ONCE, *all_steps))
    figure = Figure(figsize=(WIDTH_IN, 0.8 + 2.8 * len(found)))
    figure.suptitle(block.title, x=0.01, ha="left")
    panels = figure.subplots(len(found), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (name, by_agent) in zip(panels, sorted(found.items()), strict=True):
        for i, (agent, own) in enumerate(by_agent.items()):
            width = THIN + WIDER * (len(by_agent) - 1 - i)  # of lines that lie on each other, all are seen
            dealt_with(axes, own, longest, block.styles[agent], f"{agent} ({len(own)})", width)
        axes.axhline(50.0, color="black", linewidth=0.8, linestyle=":")
        axes.set(ylim=(-3, 106), ylabel=f"{ANSWERS[name]},\n% of disturbances")
        axes.legend(**BESIDE)
    panels[0].set_xscale("symlog", linthresh=AT_ONCE)
    panels[0].set_xlim(-0.3, longest)
    panels[0].set_xticks([tick for tick in TICKS if tick <= longest])
    panels[0].xaxis.set_major_formatter("{x:g}")
    panels[-1].set_xlabel(f"steps (control intervals) since the world changed; logarithmic from {AT_ONCE} on")
    return figure


def dealt_with(
    axes: Axes, found: Sequence[Answer], longest: float, style: AgentStyle, label: str, width: float
) -> None:
    """Draw Kaplan and Meier's estimate up to `longest`; some phases end first: that is marked."""
    from scipy.stats import CensoredData, ecdf  # takes a second, see `power`

    steps = np.array([answer.steps for answer in found], dtype=float)
    censored = np.array([answer.is_censored for answer in found])
    shares = ecdf(CensoredData.right_censored(steps, censored)).cdf
    y = 100 * np.array([0.0, *shares.probabilities])
    x = [0.0, *shares.quantiles, longest]
    axes.step(x, [*y, y[-1]], style.line, where="post", color=style.colour, linewidth=width, label=label)
    ends = np.unique(steps[censored])
    axes.plot(ends, 100 * shares.evaluate(ends), "|", color=style.colour, markersize=8)
