"""From episodes to what a comparison reports: figures per agent, over cells and seeds."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.comparison.aggregates import (
    Estimate,
    Values,
    estimate,
    iqm,
    paired_difference,
    probability_of_improvement,
)
from experiments.comparison.disturbances import Answer
from experiments.comparison.episode import Episode
from experiments.comparison.scores import Yardstick
from experiments.sample_efficiency import Evaluated, plateau_of, reaching
from experiments.summary import SETTLED_AFTER

ESTIMATED = {"score": "score", "fulfilment": "slo_fulfilment", "qoe": "qoe_mean"}  # column: figure
FULFILMENT_AFTER = f"slo_fulfilment_after_{SETTLED_AFTER}"
AVERAGED = (
    "reward_mean",
    "slo_fulfilment",
    FULFILMENT_AFTER,
    "slo_depth",
    "longest_violation",
    "qoe_mean",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "switches_per_min",
    "decision_ms_p50",
    "decision_ms_p99",
    "learning_ms_p50",
    "learning_ms_p99",
    "cpu_share",
)
EACH_SLO = "slo_fulfilment_by_slo."
SMOOTHED = 5  # steps of a curve that are averaged, for single ones are noise
SEED = 0  # of the resampling: equal episodes give equal intervals

Yardsticks = Mapping[str, Yardstick]
NOTHING = Estimate(np.nan, np.nan, np.nan)


def score_of(episode: Episode, yardsticks: Yardsticks) -> float:
    """See `Yardstick.score`."""
    return yardsticks[episode.cell].score(episode.figures["reward_mean"], episode.seed)


def figure_of(name: str, yardsticks: Yardsticks) -> Callable[[Episode], float]:
    """How a figure of that name is read off an episode."""
    return (lambda e: score_of(e, yardsticks)) if name == "score" else (lambda e: e.figures.get(name, np.nan))


def strata_of(episodes: Iterable[Episode], figure: Callable[[Episode], float]) -> dict[str, Values]:
    """A figure per cell, by seed; cells in which it is unknown are left out."""
    cells: dict[str, dict[int, float]] = {}
    for episode in episodes:
        value = figure(episode)
        if np.isfinite(value):
            cells.setdefault(episode.cell, {})[episode.seed] = value
    return {cell: np.array([by_seed[s] for s in sorted(by_seed)]) for cell, by_seed in cells.items()}


def standings(episodes: Sequence[Episode], yardsticks: Yardsticks) -> pd.DataFrame:
    """One row per agent, in the order of their scores; `tables.LEGEND` says what is what."""
    by_agent: dict[str, list[Episode]] = {}
    for episode in episodes:
        by_agent.setdefault(episode.agent, []).append(episode)
    rows = [{"agent": agent, **standing(own, yardsticks)} for agent, own in by_agent.items()]
    return pd.DataFrame(rows).sort_values("score", ascending=False, kind="stable", ignore_index=True)


def standing(own: Sequence[Episode], yardsticks: Yardsticks) -> dict[str, float]:
    """All figures of one agent."""
    rng = np.random.default_rng(SEED)
    row: dict[str, float] = {"episodes": len(own)}
    for column, name in ESTIMATED.items():
        strata = list(strata_of(own, figure_of(name, yardsticks)).values())
        row |= named(column, estimate(strata, iqm, rng) if strata else NOTHING)
    row["regret"] = 1.0 - row["score"]
    each = sorted({name for e in own for name in e.figures if name.startswith(EACH_SLO)})
    for name in (*AVERAGED, *each):
        row[name] = nanmean([e.figures.get(name, np.nan) for e in own])
    row["longest_violation_max"] = max(e.figures["longest_violation"] for e in own)
    for name in ("recoveries", "restorations"):
        row |= answered(name, [answer for e in own for answer in getattr(e, name)])
    row["steps_to_plateau"] = nanmean(plateau_steps(own, yardsticks))
    row["trained_steps"] = max(e.figures.get("trained_steps", 0.0) for e in own)
    return row


def named(name: str, estimated: Estimate) -> dict[str, float]:
    """As columns."""
    return {name: estimated.value, f"{name}_low": estimated.low, f"{name}_high": estimated.high}


def answered(name: str, answers: Sequence[Answer]) -> dict[str, float]:
    """How many disturbances there were, the share that was dealt with, and the median and worst steps."""
    steps = [answer.steps for answer in answers]
    managed = [not answer.is_censored for answer in answers]
    return {
        name: len(answers),
        f"{name}_managed": float(np.mean(managed)) if managed else np.nan,
        f"{name}_steps_median": float(np.median(steps)) if steps else np.nan,
        f"{name}_steps_max": float(max(steps)) if steps else np.nan,
    }


def plateau_steps(own: Sequence[Episode], yardsticks: Yardsticks) -> list[float]:
    """Per cell in which nothing happens: steps to 90 % of the plateau, of the mean curve over the seeds."""
    curves: dict[str, list[Values]] = {}
    for episode in own:
        if not episode.turns:
            curves.setdefault(episode.cell, []).append(episode.rewards)
    found = []
    for cell, rewards in curves.items():
        n = min(map(len, rewards))
        curve = np.mean([one[:n] for one in rewards], axis=0)
        smooth = [Evaluated(i, 0.0, float(curve[i : i + SMOOTHED].mean())) for i in range(n)]
        floor = yardsticks[cell].random
        found.append(float(reaching(smooth, floor).steps) if plateau_of(smooth) > floor else np.nan)
    return found


def nanmean(values: Sequence[float]) -> float:
    """Mean of what is known, NaN if nothing is."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan


def comparisons(episodes: Sequence[Episode], reference: str, yardsticks: Yardsticks) -> pd.DataFrame:
    """The reference against each other agent, episode by episode where both have one.

    Columns: differences (reference minus other) of score, reward, fulfilment and QoE with intervals, and the
    probability of improvement of the reference's reward over the other's.
    """
    by_agent: dict[str, dict[tuple[str, int], Episode]] = {}
    for episode in episodes:
        by_agent.setdefault(episode.agent, {})[episode.cell, episode.seed] = episode
    ours = by_agent.get(reference, {})
    rows = []
    for agent, theirs in by_agent.items():
        both = sorted(ours.keys() & theirs.keys())
        if agent == reference or not both:
            continue
        rng = np.random.default_rng(SEED)
        row: dict[str, object] = {"reference": reference, "agent": agent, "pairs": len(both)}
        for name in ("score", "reward_mean", "slo_fulfilment", "qoe_mean"):
            figure = figure_of(name, yardsticks)
            x = list(strata_of([ours[k] for k in both], figure).values())
            y = list(strata_of([theirs[k] for k in both], figure).values())
            row |= named(f"{name}_difference", paired_difference(x, y, rng) if x else NOTHING)
            if name == "reward_mean":
                row |= named("improvement", probability_of_improvement(x, y, rng))
        rows.append(row)
    return pd.DataFrame(rows)
