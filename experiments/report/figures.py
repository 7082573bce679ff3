"""The pictures of a comparison that have no time axis, made to be read: who is best, at what, how surely."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from experiments.report.agent_styles import GREY, MARKERS, Look
from experiments.statistics.aggregates import Values, performance_profile
from experiments.statistics.episode import Episode
from experiments.statistics.leaderboard import SEED, Yardsticks, by_agent, figure_of, rows_of, strata_of
from experiments.statistics.ranking_metric import Measure

Looks = Mapping[str, Look]
FAINT = "#CCCCCC"  # of agents that are not highlighted
BAND = 0.13  # opacity of a band
MAGNIFIED = 6  # agents from which on the better half is shown once more, apart
DARK = 0.35  # distance from a half at which a matrix's colours ask for white letters
MARK_EVERY = 0.14  # of the axes' diagonal


def ranks(standings: pd.DataFrame, measure: Measure, looks: Looks, title: str) -> Figure:
    """Interquartile means with their intervals, the best on top."""
    name = measure.column
    shown = standings[standings[name].notna()].iloc[::-1]
    figure = Figure(figsize=(7.5, 1.0 + 0.26 * max(len(shown), 2)))
    axes = figure.subplots()
    for y, row in enumerate(rows_of(shown)):
        look = looks[row["agent"]]
        axes.plot([row[f"{name}_low"], row[f"{name}_high"]], [y, y], color=look.colour, linewidth=2.5)
        axes.plot(row[name], y, look.marker, color=look.colour, markersize=6)
    axes.set_yticks(range(len(shown)), list(shown["agent"]))
    axes.set_ylim(-0.6, len(shown) - 0.4)
    for x, line in measure.lines:
        axes.axvline(x, color="black", linewidth=0.8, linestyle=line, zorder=1)
    ends = [*shown[f"{name}_low"], *shown[f"{name}_high"], *(x for x, _ in measure.lines)]
    axes.set_xlim(max(min(ends) - 0.06, measure.lowest), max(ends) + 0.06)
    axes.set_xlabel(f"{measure.text} (IQM, 95 % interval)")
    axes.set_title(title)
    return figure


def plane(standings: pd.DataFrame, looks: Looks, title: str) -> Figure:
    """QoE over SLO fulfilment with the Pareto front: up and to the right is better; the best once more."""
    standings = standings.dropna(subset=["fulfilment", "qoe"])
    is_magnified = len(standings) >= MAGNIFIED
    figure = Figure(figsize=(11.0, 4.8) if is_magnified else (7.5, 4.5))
    panels = figure.subplots(1, 1 + is_magnified, squeeze=False)[0]
    for axes, shown in zip(panels, (standings, standings.iloc[: len(standings) // 2]), strict=False):
        for row in rows_of(shown):
            crossed(axes, row, looks[row["agent"]])
        front(axes, shown)
        axes.set_xlim(right=min(axes.get_xlim()[1], 101.0))  # shares end at 100 %, and QoE at 1
        axes.set_ylim(top=min(axes.get_ylim()[1], 1.02))
        axes.set_xlabel("steps in which all SLOs hold, %")
    panels[0].set_ylabel("QoE, 0 to 1")
    panels[0].set_title(title)
    if is_magnified:
        panels[1].set_title("the better half of the agents", fontweight="normal")
    panels[-1].legend(*panels[0].get_legend_handles_labels(), bbox_to_anchor=(1.0, 0.5))
    return figure


def front(axes: Axes, shown: pd.DataFrame) -> None:
    """The Pareto front as steps, and what it is better than."""
    rows = rows_of(shown)
    members = sorted((row["fulfilment"], row["qoe"]) for row in rows if row["pareto"])
    if not members:
        return
    x, y = np.array(members).T
    low_x, low_y = (min(row[name] for row in rows) for name in ("fulfilment_low", "qoe_low"))
    corners_x, corners_y = 100 * np.array([low_x, *x, x[-1]]), np.array([y[0], *y, low_y])
    style: Any = {"color": GREY, "linewidth": 1.2, "linestyle": "--", "zorder": 1}
    axes.step(corners_x, corners_y, where="pre", label="Pareto front", **style)


def crossed(axes: Axes, row: Mapping[str, Any], look: Look) -> None:
    """An agent's place and both its intervals."""
    x, y = 100 * row["fulfilment"], row["qoe"]
    axes.plot([100 * row["fulfilment_low"], 100 * row["fulfilment_high"]], [y, y], color=look.colour)
    axes.plot([x, x], [row["qoe_low"], row["qoe_high"]], color=look.colour)
    axes.plot(x, y, look.marker, color=look.colour, markersize=8, label=row["agent"], linestyle="none")


def profiles(
    episodes: Sequence[Episode],
    yardsticks: Yardsticks,
    measure: Measure,
    looks: Looks,
    highlight: Sequence[str],
    title: str,
) -> Figure:
    """Share of the episodes above each threshold, with bands for the highlighted agents."""
    figure = Figure(figsize=(8.5, 4.5))
    axes, x, all_above = figure.subplots(), measure.thresholds, [measure.thresholds[-1]]
    for agent, own in in_order(episodes, highlight):
        strata = list(strata_of(own, figure_of(measure.figure, yardsticks)).values())
        if not strata:
            continue
        profile = performance_profile(strata, x, np.random.default_rng(SEED))
        if agent not in highlight:
            axes.plot(x, 100 * profile.shares, color=FAINT, linewidth=0.8, zorder=1)
            continue
        lined(axes, x, 100 * profile.shares, agent, looks, highlight)
        shade = {"color": looks[agent].colour, "alpha": BAND, "linewidth": 0}
        axes.fill_between(x, 100 * profile.low, 100 * profile.high, **shade)
        all_above.append(x[profile.shares >= 1.0].max(initial=x[0]))
    for value, line in measure.lines:
        axes.axvline(value, color="black", linewidth=0.8, linestyle=line, zorder=1)
    axes.set_xlim(max(min(all_above) - 0.05, x[0]), x[-1])
    axes.set_xlabel(f"τ ({measure.text})")
    axes.set_ylabel("episodes above τ, %")
    axes.set_ylim(-2, 102)
    axes.set_title(title)
    axes.legend(bbox_to_anchor=(1.0, 0.5))
    return figure


def improvement(pairs: pd.DataFrame, agents: Sequence[str], title: str) -> Figure:
    """The matrix of who is likely to do better than whom; bold where an interval leaves out a half.

    Args:
        pairs: as `pairs.improvements`, of at least these agents.
        agents: in the order of the rows.
        title: one line.
    """
    n = len(agents)
    values = pairs.pivot(index="agent", columns="other", values="improvement").reindex(
        index=agents, columns=agents
    )
    figure = Figure(figsize=(2.6 + 0.56 * n, 1.6 + 0.42 * n))
    axes = figure.subplots()
    mesh = axes.imshow(100 * values.to_numpy(dtype=float), cmap="PuOr_r", vmin=0, vmax=100, aspect="auto")
    for row in rows_of(pairs):
        if not {row["agent"], row["other"]} <= set(agents):
            continue
        share = float(row["improvement"])
        axes.text(
            agents.index(row["other"]),
            agents.index(row["agent"]),
            f"{100 * share:.0f}",
            ha="center",
            va="center",
            fontsize=8,
            fontweight="normal" if row["improvement_low"] <= 0.5 <= row["improvement_high"] else "bold",
            color="white" if abs(share - 0.5) > DARK else "black",
        )
    axes.set_xticks(range(n), agents, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(n), agents)
    axes.grid(visible=False)
    axes.set_ylabel("this agent …")
    axes.set_xlabel("… does better than this one")
    axes.set_title(title)
    figure.colorbar(mesh, label="probability, %", ticks=[0, 25, 50, 75, 100])
    return figure


def training(
    standings: pd.DataFrame, measure: Measure, looks: Looks, highlight: Sequence[str], title: str
) -> Figure | None:
    """What agents achieve over the steps they were trained before; None if all were trained as long."""
    known = [row for row in rows_of(standings) if np.isfinite(row[measure.column])]
    trained = [row for row in known if row["trained_steps"] > 0]
    if len({row["trained_steps"] for row in trained}) < 2:
        return None
    figure = Figure(figsize=(8.5, 4.5))
    axes = figure.subplots()
    for row in trained:
        look, steps = looks[row["agent"]], row["trained_steps"]
        ends = [row[f"{measure.column}_low"], row[f"{measure.column}_high"]]
        axes.plot([steps, steps], ends, color=look.colour)
        axes.plot(steps, row[measure.column], look.marker, color=look.colour, label=row["agent"])
    for row in known:
        if row["agent"] in highlight and not row["trained_steps"] > 0:
            look = looks[row["agent"]]
            axes.axhline(row[measure.column], color=look.colour, linestyle=look.line, label=row["agent"])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("steps (control intervals) trained before the episodes; lines: not trained")
    axes.set_ylabel(f"{measure.text}\n(IQM, 95 % interval)")
    axes.set_title(title)
    axes.legend(bbox_to_anchor=(1.0, 0.5))
    return figure


def lined(axes: Axes, x: Values, y: Values, agent: str, looks: Looks, highlight: Sequence[str]) -> None:
    """An agent's line, with a marker now and then if another one's is of the same colour and style."""
    look = looks[agent]
    alike = [name for name in highlight if looks[name]._replace(marker="") == look._replace(marker="")]
    start = MARKERS.index(look.marker) / len(MARKERS) * MARK_EVERY  # apart, where lines lie on each other
    axes.plot(
        x,
        y,
        look.line,
        color=look.colour,
        label=agent,
        marker=look.marker if len(alike) > 1 else "",
        markersize=4,
        markevery=(start, MARK_EVERY),
    )


def in_order(episodes: Sequence[Episode], highlight: Sequence[str]) -> list[tuple[str, list[Episode]]]:
    """Episodes by agent; the highlighted ones last, so that they are drawn on top, in their own order."""
    order = {agent: i for i, agent in enumerate(highlight)}
    return sorted(by_agent(episodes).items(), key=lambda item: order.get(item[0], -1))
