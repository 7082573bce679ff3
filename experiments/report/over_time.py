"""The figures of a comparison that have a time axis: SLOs, and answers to disturbances."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.agent_styles import AgentStyle
from experiments.report.block import Block
from experiments.report.over_agents import BAND, BESIDE, WIDTH_IN, lined
from experiments.statistics.aggregates import Values, mean_band
from experiments.statistics.disturbances import Answer
from experiments.statistics.episode import EVERYWHERE, Episode, Episodes
from experiments.statistics.leaderboard import SEED

SMOOTHED_S = 5.0  # a running mean over this long, for a share of few episodes jumps
MOST_POINTS = 400  # of a line
AT_ONCE = 10  # steps up to which the axis of answers is linear; it is logarithmic beyond
TICKS = (0, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
PANEL_IN = 1.5  # of small multiples
ANSWERS = {"recoveries": "all SLOs hold again", "restorations": "90 % of the lost QoE is back"}

Curve = Callable[[Episode], Values]  # of an episode, by step


def smoothed(curve: Values, window: int) -> Values:
    """Return the running mean of the last `window` steps, of fewer at the beginning; shapes (n_steps,)."""
    return np.asarray(pd.Series(curve).rolling(window, min_periods=1).mean())


def curves_of(episodes: Iterable[Episode], curve: Curve) -> list[Values]:
    """Return, per cell, a row per episode, all as long as the shortest; what is not known is left out."""
    cells: dict[str, list[Values]] = {}
    for episode in episodes:
        values = curve(episode)
        if np.isfinite(values).all():
            cells.setdefault(episode.cell, []).append(values)
    n = min((len(values) for own in cells.values() for values in own), default=0)
    return [np.stack([values[:n] for values in own]) for own in cells.values()]


def banded(axes: Axes, block: Block, episodes: Episodes, curve: Curve, step: float = 1.0) -> None:
    """Draw the mean and its 95 % band of each highlighted agent that has such curves.

    The curve of an episode is NaN where it has none; `step` is the length of one on the axis.
    """
    for agent, own in block.by_agent(episodes):
        curves = curves_of(own["episode"], curve)
        if agent not in block.highlight or not curves:
            continue
        n = curves[0].shape[1]
        points = np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).round().astype(int))
        x, chosen = step * (1.0 + points), [one[:, points] for one in curves]
        mean, low, high = mean_band(chosen, np.random.default_rng(SEED))
        lined(axes, x, mean, agent, block)
        axes.fill_between(x, low, high, color=block.styles[agent].colour, **BAND)


# --- SLOs ---


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
    for row, (scenario, own) in zip(panels, scenarios, strict=True):
        held(row, block, own)
        row[0].set_ylabel(f"{scenario}\nall SLOs hold, %")
    for axes, agent in zip(panels[0], block.highlight, strict=True):
        axes.set_title(agent, fontweight="normal")
    figure.supxlabel("time of the stream, s", fontsize="medium")
    return figure


def held(row: Iterable[Axes], block: Block, episodes: Episodes) -> None:
    """Draw one scenario: a panel per highlighted agent, and where the world changes."""
    interval_s = episodes["episode"].iloc[0].interval_s
    window = max(1, round(SMOOTHED_S / interval_s))
    points = {point for episode in episodes["episode"] for point in episode.change_points}
    for axes, agent in zip(row, block.highlight, strict=True):
        alone = replace(block, highlight=[agent])
        banded(axes, alone, episodes, lambda e: smoothed(100 * e.held.astype(np.float64), window), interval_s)
        for point in points:
            line = "-" if point.is_worse else "--"
            axes.axvline(point.step * interval_s, color="black", linewidth=0.8, linestyle=line)
        axes.set(xlim=(0.0, None), ylim=(-3, 103))


def scenario_of(cell: str) -> str:
    """Return a cell's scenario and SLOs, without its hardware; a name of one part is its own."""
    parts = cell.split("/")
    return " ".join(parts[1:] or parts)


# --- answers ---


def answers(block: Block) -> Figure | None:
    """Draw which share of the disturbances has been dealt with, over steps; None if there was none."""
    found: dict[str, dict[str, list[Answer]]] = {}
    for agent, own in block.by_agent(block.episodes):
        for name in ANSWERS if agent in block.highlight else ():
            if each := [answer for episode in own["episode"] for answer in getattr(episode, name)]:
                found.setdefault(name, {})[agent] = each
    if not found:
        return None
    all_steps = [answer.steps for by_agent in found.values() for own in by_agent.values() for answer in own]
    longest = float(max(AT_ONCE, *all_steps))
    figure = Figure(figsize=(WIDTH_IN, 0.8 + 2.8 * len(found)))
    figure.suptitle(block.title, x=0.01, ha="left")
    panels = figure.subplots(len(found), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (name, by_agent) in zip(panels, sorted(found.items()), strict=True):
        for agent, own in by_agent.items():
            dealt_with(axes, own, longest, block.styles[agent], f"{agent} ({len(own)})")
        axes.axhline(50.0, color="black", linewidth=0.8, linestyle=":")
        axes.set(ylim=(-3, 106), ylabel=f"{ANSWERS[name]},\n% of disturbances")
        axes.legend(**BESIDE)
    panels[0].set_xscale("symlog", linthresh=AT_ONCE)
    panels[0].set_xlim(-0.3, longest)
    panels[0].set_xticks([tick for tick in TICKS if tick <= longest])
    panels[0].xaxis.set_major_formatter("{x:g}")
    panels[-1].set_xlabel(f"steps (control intervals) since the world changed; logarithmic from {AT_ONCE} on")
    return figure


def dealt_with(axes: Axes, found: Sequence[Answer], longest: float, style: AgentStyle, label: str) -> None:
    """Draw Kaplan and Meier's estimate up to `longest`; some phases end first: that is marked."""
    from scipy.stats import CensoredData, ecdf  # takes a second, see `power`

    steps = np.array([answer.steps for answer in found], dtype=float)
    censored = np.array([answer.is_censored for answer in found])
    shares = ecdf(CensoredData.right_censored(steps, censored)).cdf
    y = 100 * np.array([0.0, *shares.probabilities])
    x = [0.0, *shares.quantiles, longest]
    axes.step(x, [*y, y[-1]], style.line, where="post", color=style.colour, label=label)
    ends = np.unique(steps[censored])
    axes.plot(ends, 100 * shares.evaluate(ends), "|", color=style.colour, markersize=8)
