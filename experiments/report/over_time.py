"""The pictures of a comparison that have a time axis: SLOs, learning, regret, and answers to disturbances."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.agent_styles import Look
from experiments.report.figures import BAND, Looks, in_order, lined
from experiments.statistics.aggregates import Values, mean_band
from experiments.statistics.disturbances import Answer
from experiments.statistics.episode import Episode
from experiments.statistics.leaderboard import SEED, Yardsticks
from experiments.statistics.scores import cumulative_regret

SMOOTHED_S = 5.0  # a running mean over this long, for a share of few episodes jumps
SMOOTHED_STEPS = 20  # likewise of scores, which jump more
MOST_POINTS = 400  # of a line
AT_ONCE = 10  # steps up to which the axis of answers is linear; it is logarithmic beyond
TICKS = (0, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
COLUMNS_FROM = 4  # panels from which on they stand side by side
ANSWERS = {
    "recoveries": "all SLOs hold again",
    "restorations": "90 % of the lost QoE is back",
}


def smoothed(curves: Values, window: int) -> Values:
    """Running mean of the last `window` steps along the last axis, of fewer at the beginning."""
    sums = np.cumsum(np.pad(curves, [(0, 0)] * (curves.ndim - 1) + [(1, 0)]), axis=-1)
    ends = np.arange(1, curves.shape[-1] + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[..., ends] - sums[..., starts]) / (ends - starts)


def curves_of(episodes: Iterable[Episode], curve: Callable[[Episode], Values]) -> list[Values]:
    """Per cell, a row per episode, all as long as the shortest; what is not known is left out."""
    cells: dict[str, list[Values]] = {}
    for episode in episodes:
        values = curve(episode)
        if np.isfinite(values).all():
            cells.setdefault(episode.cell, []).append(values)
    n = min((len(values) for own in cells.values() for values in own), default=0)
    return [np.stack([values[:n] for values in own]) for own in cells.values()]


def banded(
    axes: Axes, x: Values, curves: Sequence[Values], agent: str, looks: Looks, highlight: Sequence[str]
) -> None:
    """Mean and 95 % band; `x` may be longer than the curves, and of very many points some are drawn."""
    n = curves[0].shape[1]
    points = np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).round().astype(int))
    band, x = mean_band([own[:, points] for own in curves], np.random.default_rng(SEED)), x[points]
    lined(axes, x, band.mean, agent, looks, highlight)
    axes.fill_between(x, band.low, band.high, color=looks[agent].colour, alpha=BAND, linewidth=0)


# --- SLOs ---


def compliance(episodes: Sequence[Episode], looks: Looks, highlight: Sequence[str], title: str) -> Figure:
    """Share of episodes in which all SLOs hold, over time; a panel per scenario."""
    scenarios: dict[str, list[Episode]] = {}
    for episode in episodes:
        scenarios.setdefault(scenario_of(episode.cell), []).append(episode)
    n_columns = 1 if len(scenarios) < COLUMNS_FROM else 2
    n_rows = -(-len(scenarios) // n_columns)
    figure = Figure(figsize=(7.5 + 3.5 * (n_columns - 1), 0.8 + 2.0 * n_rows))
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True)
    figure.suptitle(title, x=0.01, ha="left")
    for axes, (scenario, own) in zip(panels.flat, scenarios.items(), strict=False):
        held(axes, own, looks, highlight)
        axes.set_title(f"{scenario} (mean of {SMOOTHED_S:g} s)", fontweight="normal")
    for axes in panels.flat[len(scenarios) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("all SLOs hold,\n% of episodes")
    for axes in panels.flat[max(0, len(scenarios) - n_columns) : len(scenarios)]:
        axes.set_xlabel("time of the stream, s")
    panels[0, -1].legend(bbox_to_anchor=(1.0, 0.5))
    return figure


def held(axes: Axes, episodes: Sequence[Episode], looks: Looks, highlight: Sequence[str]) -> None:
    """One scenario: lines per highlighted agent, and the turns of the world."""
    interval_s = episodes[0].interval_s
    window = max(1, round(SMOOTHED_S / interval_s))
    steps = np.arange(1.0, 1 + max(len(episode.held) for episode in episodes))
    for agent, own in in_order(episodes, highlight):
        if agent in highlight:
            curves = curves_of(own, lambda e: smoothed(100 * e.held.astype(np.float64), window))
            banded(axes, interval_s * steps, curves, agent, looks, highlight)
    for turn in {turn for episode in episodes for turn in episode.turns}:
        line = "-" if turn.is_worse else "--"
        axes.axvline(turn.step * interval_s, color="black", linewidth=0.8, linestyle=line)
    axes.set_ylim(-3, 103)
    axes.set_xlim(left=0.0)


def scenario_of(cell: str) -> str:
    """A cell's scenario and SLOs, without its hardware; a name of one part is its own."""
    parts = cell.split("/")
    return " ".join(parts[1:] or parts)


# --- learning ---


def efficiency(
    episodes: Sequence[Episode], yardsticks: Yardsticks, looks: Looks, highlight: Sequence[str], title: str
) -> Figure:
    """Score over the steps of an episode, or reward where there are no scores."""
    figure = Figure(figsize=(9.0, 3.8))
    axes = figure.subplots()
    is_scored = over_steps(
        axes, episodes, looks, highlight, lambda e: smoothed(by_step(e, yardsticks), SMOOTHED_STEPS)
    )
    if is_scored:
        axes.set_ylabel("score of these steps:\n0 = random, 1 = best known")
        axes.axhline(1.0, color="black", linewidth=0.8)
    else:
        over_steps(axes, episodes, looks, highlight, lambda e: smoothed(e.rewards, SMOOTHED_STEPS))
        axes.set_ylabel("reward per step")
    axes.axhline(0.0, color="black", linewidth=0.8, linestyle=":")
    finish(axes, f"{title} (mean of the last {SMOOTHED_STEPS} steps)")
    return figure


def regret(
    episodes: Sequence[Episode], yardsticks: Yardsticks, looks: Looks, highlight: Sequence[str], title: str
) -> Figure | None:
    """Cumulative regret over the steps of an episode; None without scores."""
    figure = Figure(figsize=(9.0, 3.8))
    axes = figure.subplots()
    if not over_steps(axes, episodes, looks, highlight, lambda e: cumulative_regret(by_step(e, yardsticks))):
        return None
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set_ylabel("reward lost so far,\nin steps of random decisions")
    finish(axes, title)
    return figure


def by_step(episode: Episode, yardsticks: Yardsticks) -> Values:
    """See `Yardstick.score_by_step`; NaN in a cell that has no yardstick."""
    yardstick = yardsticks.get(episode.cell)
    if yardstick is None:
        return np.full(len(episode.rewards), np.nan)
    return yardstick.score_by_step(episode.rewards, episode.seed)


def over_steps(
    axes: Axes,
    episodes: Sequence[Episode],
    looks: Looks,
    highlight: Sequence[str],
    curve: Callable[[Episode], Values],
) -> bool:
    """A line per highlighted agent that has such curves; whether there is any."""
    steps = np.arange(1.0, 1 + max(len(episode.rewards) for episode in episodes))
    is_any = False
    for agent, own in in_order(episodes, highlight):
        if agent in highlight and (curves := curves_of(own, curve)):
            banded(axes, steps, curves, agent, looks, highlight)
            is_any = True
    return is_any


def finish(axes: Axes, title: str) -> None:
    """What all pictures over steps share."""
    axes.set_xlabel("steps (control intervals) of an episode")
    axes.set_xlim(left=0.0)
    axes.set_title(title)
    axes.legend(bbox_to_anchor=(1.0, 0.5))


# --- answers ---


def answers(episodes: Sequence[Episode], looks: Looks, highlight: Sequence[str], title: str) -> Figure | None:
    """Which share of the disturbances has been dealt with, over steps; None if there was none."""
    names = [name for name in ANSWERS if any(getattr(episode, name) for episode in episodes)]
    if not names:
        return None
    figure = Figure(figsize=(9.0, 0.8 + 2.8 * len(names)))
    figure.suptitle(title, x=0.01, ha="left")
    panels = figure.subplots(len(names), 1, squeeze=False)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        for agent, own in in_order(episodes, highlight):
            found = [answer for episode in own for answer in getattr(episode, name)]
            if agent in highlight and found:
                dealt_with(axes, found, looks[agent], f"{agent} ({len(found)})")
        axes.set_xscale("symlog", linthresh=AT_ONCE)
        last = axes.get_xlim()[1]
        axes.set_xticks([tick for tick in TICKS if tick <= max(last, AT_ONCE)])
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlim(0.0, max(last, AT_ONCE))
        axes.set_ylim(-3, 103)
        axes.axhline(50.0, color="black", linewidth=0.8, linestyle=":")
        axes.set_ylabel(f"{ANSWERS[name]},\n% of disturbances")
        axes.legend(bbox_to_anchor=(1.0, 0.5))
    panels[-1].set_xlabel("steps (control intervals) since the world changed")
    return figure


def dealt_with(axes: Axes, found: Sequence[Answer], look: Look, label: str) -> None:
    """Kaplan and Meier's estimate, for some phases end first: those are marked where they end."""
    from scipy.stats import CensoredData, ecdf  # takes a second, see `power`

    steps = np.array([answer.steps for answer in found], dtype=float)
    censored = np.array([answer.is_censored for answer in found])
    shares = ecdf(CensoredData.right_censored(steps, censored)).cdf
    x, y = np.array([0.0, *shares.quantiles]), 100 * np.array([0.0, *shares.probabilities])
    axes.step(x, y, look.line, where="post", color=look.colour, label=label)
    axes.set_xlim(right=max(axes.get_xlim()[1], steps.max()))
    ends = np.unique(steps[censored])
    axes.plot(ends, 100 * shares.evaluate(ends), "|", color=look.colour, markersize=8)
