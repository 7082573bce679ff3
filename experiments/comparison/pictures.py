"""The pictures of a comparison, made to be read: scores, the plane of SLOs and QoE, profiles, and time."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.comparison.aggregates import performance_profile
from experiments.comparison.episode import Episode
from experiments.comparison.looks import Look
from experiments.comparison.standings import SEED, Yardsticks, score_of, strata_of
from experiments.plots import DPI, STYLE

Looks = Mapping[str, Look]
THRESHOLDS = np.linspace(-0.5, 1.05, 156)
SMOOTHED_S = 5.0  # a running mean over this long, for a share of few episodes jumps
FAINT = "#CCCCCC"
MAGNIFIED = 0.5  # score from which on agents are shown once more, apart


def save(figure: Figure, path: Path) -> None:
    """As PNG."""
    figure.savefig(path)


def scores(standings: pd.DataFrame, looks: Looks, title: str, path: Path) -> None:
    """Interquartile mean scores with their intervals, the best on top."""
    shown = standings[standings["score"].notna()].iloc[::-1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 1.2 + 0.26 * max(len(shown), 1)), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        for y, (_, row) in enumerate(shown.iterrows()):
            look = looks[str(row["agent"])]
            axes.plot([row["score_low"], row["score_high"]], [y, y], color=look.colour, linewidth=2.5)
            axes.plot(row["score"], y, look.marker, color=look.colour, markersize=6)
        axes.set_yticks(range(len(shown)), list(shown["agent"]))
        for x, line in ((0.0, ":"), (1.0, "-")):
            axes.axvline(x, color="black", linewidth=0.8, linestyle=line)
        low = float(shown["score_low"].min()) if len(shown) else 0.0
        axes.set_xlim(max(min(low - 0.05, -0.05), -3.0), 1.06)
        axes.set_xlabel("score: 0 = random, 1 = best known (IQM, 95 % interval)")
        axes.set_title(title, loc="left", fontweight="bold")
        save(figure, path)


def plane(standings: pd.DataFrame, looks: Looks, title: str, path: Path) -> None:
    """QoE over SLO fulfilment, interquartile means: up and to the right is better; the best once more."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11.0, 4.8), dpi=DPI, layout="constrained")
        whole, best = figure.subplots(1, 2)
        for axes, shown in ((whole, standings), (best, standings[standings["score"] >= MAGNIFIED])):
            for _, row in shown.iterrows():
                crossed(axes, row, looks[str(row["agent"])])
            axes.set_xlabel("steps in which all SLOs hold, %")
        whole.set_ylabel("QoE")
        whole.set_title(title, loc="left", fontweight="bold")
        best.set_title(f"those with a score of {MAGNIFIED:g} or more", loc="left", fontsize=9)
        handles, labels = whole.get_legend_handles_labels()
        best.legend(handles, labels, bbox_to_anchor=(1.0, 0.5))
        save(figure, path)


def crossed(axes: Axes, row: pd.Series, look: Look) -> None:
    """An agent's place and both its intervals."""
    x, y = 100 * row["fulfilment"], row["qoe"]
    axes.plot([100 * row["fulfilment_low"], 100 * row["fulfilment_high"]], [y, y], color=look.colour)
    axes.plot([x, x], [row["qoe_low"], row["qoe_high"]], color=look.colour)
    axes.plot(x, y, look.marker, color=look.colour, markersize=8, label=row["agent"], linestyle="none")


def profiles(
    episodes: Sequence[Episode],
    yardsticks: Yardsticks,
    looks: Looks,
    highlight: Sequence[str],
    title: str,
    path: Path,
) -> None:
    """Share of the episodes that score above each threshold, with bands for the highlighted agents."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.5, 4.5), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        for agent, own in in_order(episodes, highlight):
            strata = list(strata_of(own, lambda e: score_of(e, yardsticks)).values())
            if not strata:
                continue
            profile = performance_profile(strata, THRESHOLDS, np.random.default_rng(SEED))
            if agent not in highlight:
                axes.plot(THRESHOLDS, 100 * profile.shares, color=FAINT, linewidth=0.8)
                continue
            look = looks[agent]
            axes.plot(THRESHOLDS, 100 * profile.shares, look.line, color=look.colour, label=agent)
            axes.fill_between(
                THRESHOLDS, 100 * profile.low, 100 * profile.high, color=look.colour, alpha=0.12, linewidth=0
            )
        axes.set_xlabel("score τ")
        axes.set_ylabel("episodes with a score above τ, %")
        axes.set_ylim(-2, 102)
        axes.set_title(title, loc="left", fontweight="bold")
        axes.legend(bbox_to_anchor=(1.0, 0.5))
        save(figure, path)


def compliance(
    episodes: Sequence[Episode], looks: Looks, highlight: Sequence[str], title: str, path: Path
) -> bool:
    """Share of episodes in which all SLOs hold, over time; a panel per scenario. False if nothing happens."""
    scenarios: dict[tuple[str, ...], list[Episode]] = {}
    for episode in episodes:
        if episode.turns:
            scenarios.setdefault(scenario_of(episode.cell), []).append(episode)
    if not scenarios:
        return False
    n = len(scenarios)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 0.8 + 2.2 * n), dpi=DPI, layout="constrained")
        panels = figure.subplots(n, 1, squeeze=False)[:, 0]
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        for axes, (scenario, own) in zip(panels, scenarios.items(), strict=True):
            over_time(axes, own, looks, highlight)
            axes.set_title(f"{' '.join(scenario)} (mean of {SMOOTHED_S:g} s)", loc="left", fontsize=9)
        panels[0].legend(bbox_to_anchor=(1.0, 0.5))
        panels[-1].set_xlabel("time of the stream, s")
        save(figure, path)
    return True


def over_time(axes: Axes, episodes: Sequence[Episode], looks: Looks, highlight: Sequence[str]) -> None:
    """One scenario: lines per highlighted agent, and the turns of the world."""
    interval_s = episodes[0].interval_s
    window = max(1, round(SMOOTHED_S / interval_s))
    for agent, own in in_order(episodes, highlight):
        if agent not in highlight:
            continue
        n = min(len(episode.held) for episode in own)
        share = 100 * np.mean([episode.held[:n] for episode in own], axis=0)
        smooth = pd.Series(share).rolling(window, min_periods=1).mean()
        time_s = interval_s * np.arange(1, n + 1)
        axes.plot(time_s, smooth, looks[agent].line, color=looks[agent].colour, label=agent, linewidth=1.4)
    for turn in {turn for episode in episodes for turn in episode.turns}:
        line = "-" if turn.is_worse else "--"
        axes.axvline(turn.step * interval_s, color="black", linewidth=0.8, linestyle=line)
    axes.set_ylim(-3, 103)
    axes.set_ylabel("all SLOs hold,\n% of episodes")


def scenario_of(cell: str) -> tuple[str, ...]:
    """A cell's scenario and SLOs, without its hardware."""
    return tuple(cell.split("/")[1:])


def in_order(episodes: Sequence[Episode], highlight: Sequence[str]) -> list[tuple[str, list[Episode]]]:
    """Episodes by agent; the highlighted ones last, so that they are drawn on top, in their own order."""
    by_agent: dict[str, list[Episode]] = {}
    for episode in episodes:
        by_agent.setdefault(episode.agent, []).append(episode)
    order = {agent: i for i, agent in enumerate(highlight)}
    return sorted(by_agent.items(), key=lambda item: order.get(item[0], -1))
