"""From episodes to what a comparison reports: figures per agent, over cells and seeds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.runs.summary import SETTLED_AFTER
from experiments.statistics.aggregates import Estimate, Values, estimate, iqm, mean, optimality_gap
from experiments.statistics.disturbances import Answer
from experiments.statistics.episode import Episode
from experiments.statistics.scores import Yardstick
from experiments.training.sample_efficiency import Evaluated, plateau_of, reaching

# column: figure, whose interquartile mean it is
ESTIMATED = {"score": "score", "fulfilment": "slo_fulfilment", "qoe": "qoe_mean", "reward": "reward_mean"}
FULFILMENT_AFTER = f"slo_fulfilment_after_{SETTLED_AFTER}"
AVERAGED = (
    "reward_mean",
    "slo_fulfilment",
    FULFILMENT_AFTER,
    "slo_unknown",
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
EACH_SLO, EACH_UNKNOWN = "slo_fulfilment_by_slo.", "slo_unknown_by_slo."
SMOOTHED = 5  # steps of a curve that are averaged, for single ones are noise
SEED = 0  # of the resampling: equal episodes give equal intervals

Yardsticks = Mapping[str, Yardstick]
NOTHING = Estimate(np.nan, np.nan, np.nan)


def score_of(episode: Episode, yardsticks: Yardsticks) -> float:
    """See `Yardstick.score`; NaN in a cell that has no yardstick."""
    yardstick = yardsticks.get(episode.cell)
    return yardstick.score(episode.figures["reward_mean"], episode.seed) if yardstick else np.nan


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
    """One row per agent, in the order of their scores, or of their rewards; `meanings` says what is what."""
    rows = [{"agent": agent, **standing(own, yardsticks)} for agent, own in by_agent(episodes).items()]
    frame = pd.DataFrame(rows)
    frame["pareto"] = pareto_front(frame[["fulfilment", "qoe"]].to_numpy(dtype=float))
    return frame.sort_values(["score", "reward"], ascending=False, kind="stable", ignore_index=True)


def by_agent(episodes: Iterable[Episode]) -> dict[str, list[Episode]]:
    """Each agent's own, in the order in which agents first appear."""
    found: dict[str, list[Episode]] = {}
    for episode in episodes:
        found.setdefault(episode.agent, []).append(episode)
    return found


def standing(own: Sequence[Episode], yardsticks: Yardsticks) -> dict[str, float]:
    """All figures of one agent."""
    rng = np.random.default_rng(SEED)
    row: dict[str, float] = {"episodes": len(own)}
    for column, name in ESTIMATED.items():
        strata = list(strata_of(own, figure_of(name, yardsticks)).values())
        row |= named(column, estimate(strata, iqm, rng) if strata else NOTHING)
    scores = list(strata_of(own, figure_of("score", yardsticks)).values())
    row |= named("optimality_gap", estimate(scores, optimality_gap, rng) if scores else NOTHING)
    regrets = [1.0 - values for values in scores]  # the mean of an episode's steps, see `cumulative_regret`
    row |= named("regret", estimate(regrets, mean, rng) if scores else NOTHING)
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
        if not episode.turns and episode.cell in yardsticks:
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


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame's rows by column name."""
    return frame.to_dict("records")  # pyright: ignore[reportReturnType] - names are text


def pareto_front(points: Values) -> NDArray[np.bool_]:
    """Which points no other beats: none is at least as good in all and better in one. (n, k) gives (n,).

    A point with an unknown part is not among them.
    """
    as_good = (points[:, np.newaxis] >= points[np.newaxis]).all(axis=2)
    better = (points[:, np.newaxis] > points[np.newaxis]).any(axis=2)
    is_known = np.all(np.isfinite(points), axis=1)
    return np.logical_and(is_known, np.logical_not(np.any(as_good & better, axis=0)))


def kept_by_slo(episodes: Sequence[Episode], agents: Sequence[str]) -> pd.DataFrame:
    """One row per agent and SLO: the share of steps that kept it, of those in which that is known.

    Columns: agent, slo, episodes, fulfilment with its interval; the mean over episodes, for an interquartile
    mean hides the few in which an SLO is broken; and the mean share of steps in which it was not measured.

    Args:
        episodes: of these agents.
        agents: in the order of the rows.
    """
    rows, own = [], by_agent(episodes)
    slos = list(dict.fromkeys(name for e in episodes for name in e.figures if name.startswith(EACH_SLO)))
    for agent in agents:
        for slo in slos:
            strata = list(strata_of(own[agent], figure_of(slo, {})).values())
            if strata:
                kept = estimate(strata, mean, np.random.default_rng(SEED))
                row = {"agent": agent, "slo": slo.removeprefix(EACH_SLO), "episodes": sum(map(len, strata))}
                unknown = nanmean([e.figures[slo.replace(EACH_SLO, EACH_UNKNOWN)] for e in own[agent]])
                rows.append(row | named("fulfilment", kept) | {"unknown": unknown})
    return pd.DataFrame(rows, columns=["agent", "slo", "episodes", *named("fulfilment", NOTHING), "unknown"])
