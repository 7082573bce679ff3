"""From episodes to what a comparison reports: figures per agent, and who is best at which price."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.runs.summary import SETTLED_AFTER
from experiments.statistics import aggregates
from experiments.statistics.aggregates import Estimate, Strata, Values, estimate, iqm, mean, worst_tenth
from experiments.statistics.disturbances import Answer
from experiments.statistics.episode import GOLDEN, TRAINED, Episodes, References

# columns, each a statistic of a figure of the episodes; a mean hides what those of its tails show
ESTIMATED = (
    *(("score", "score", mean), ("score_iqm", "score", iqm), ("score_worst_tenth", "score", worst_tenth)),
    *(("fulfilment", "slo_fulfilment", mean), ("qoe", "qoe_mean", mean), ("reward", "reward_mean", mean)),
    *(("reward_iqm", "reward_mean", iqm), ("reward_worst_tenth", "reward_mean", worst_tenth)),
    ("optimality_gap", "score", aggregates.optimality_gap),
)
AVERAGED = (
    *(f"slo_fulfilment_after_{SETTLED_AFTER}", "slo_unknown", "slo_depth"),
    *("longest_violation", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms"),
    *("switches_per_min", "decision_ms_p50", "decision_ms_p99", "learning_ms_p50", "learning_ms_p99"),
    *("cpu_share", "qoe_by.f1", GOLDEN),
)
EACH_SLO, EACH_UNKNOWN = "slo_fulfilment_by_slo.", "slo_unknown_by_slo."
SMOOTHED = 5  # steps of a curve that are averaged, for single ones are noise
SEED = 0  # of the resampling: equal episodes give equal intervals
NOTHING = Estimate(np.nan, np.nan, np.nan)


def strata_of(episodes: Episodes, figure: str) -> list[Values]:
    """Return a figure by stratum, of each by cell and seed; what is unknown is left out."""
    strata: dict[str, dict[tuple[str, int], float]] = {}
    names = ("stratum", "cell", "seed", figure)
    for stratum, cell, seed, value in zip(*(episodes[name] for name in names), strict=True):
        if np.isfinite(value):
            strata.setdefault(stratum, {})[cell, seed] = value
    return [np.array([own[place] for place in sorted(own)]) for own in strata.values()]


def estimated(
    name: str, strata: Strata, statistic: Callable[[Values], Values], rng: np.random.Generator
) -> dict[str, float]:
    """Return the columns of a statistic and its interval; NaN where there is no stratum."""
    return named(name, estimate(strata, statistic, rng) if strata else NOTHING)


def named(name: str, estimate: Estimate) -> dict[str, float]:
    """Return the columns of an estimate."""
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def leaderboard(episodes: Episodes, references: References) -> pd.DataFrame:
    """Return a row per agent, in the order of their scores, or of their rewards; see docs/figures.md."""
    agents = episodes.groupby("agent", sort=False)
    frame = pd.DataFrame([{"agent": agent, **agent_figures(own, references)} for agent, own in agents])
    frame["pareto"] = pareto_front(frame[["fulfilment", "qoe"]].to_numpy(dtype=float))
    return frame.sort_values(["score", "reward"], ascending=False, kind="stable", ignore_index=True)


def agent_figures(own: Episodes, references: References) -> dict[str, float]:
    """Return all figures of one agent, of its episodes."""
    rng = np.random.default_rng(SEED)
    row: dict[str, float] = {"episodes": len(own)}
    for column, figure, statistic in ESTIMATED:
        row |= estimated(column, strata_of(own, figure), statistic, rng)
    for name in (*AVERAGED, *sorted(name for name in own.columns if name.startswith(EACH_SLO))):
        row[name] = known_mean(own[name])
    row["longest_violation_max"] = own["longest_violation"].max()
    for name in ("recoveries", "restorations"):
        row |= answered(name, [answer for episode in own["episode"] for answer in getattr(episode, name)])
    row["steps_to_plateau"] = known_mean(plateau_steps(own, references))
    row[TRAINED] = own[TRAINED].max()
    return row


def answered(name: str, answers: Sequence[Answer]) -> dict[str, float]:
    """Count disturbances; return also the share that was dealt with, and the median and worst steps."""
    steps = [answer.steps for answer in answers]
    return {
        name: len(answers),
        f"{name}_managed": known_mean([not answer.is_censored for answer in answers]),
        f"{name}_steps_median": float(np.median(steps)) if steps else np.nan,
        f"{name}_steps_max": float(max(steps)) if steps else np.nan,
    }


def plateau_steps(own: Episodes, references: References) -> list[float]:
    """Return, per cell in which nothing happens, an agent's steps to its plateau; NaN if random is better.

    They are those of the mean curve over the seeds.
    """
    curves: dict[str, list[Values]] = {}
    for episode in own["episode"]:
        if not episode.change_points and episode.cell in references:
            curves.setdefault(episode.cell, []).append(episode.rewards)
    found = []
    for cell, rewards in curves.items():
        n = min(map(len, rewards))
        curve = np.mean([one[:n] for one in rewards], axis=0)
        smooth = np.array([curve[i : i + SMOOTHED].mean() for i in range(n)])
        random = references[cell].random
        is_better = aggregates.plateau_of(smooth) > random
        found.append(float(aggregates.plateau_reached(smooth, random)) if is_better else np.nan)
    return found


def known_mean(values: Any) -> float:
    """Return the mean of those values that are known, NaN if none is."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else np.nan


def pareto_front(points: Values) -> NDArray[np.bool_]:
    """Return which points no other beats: none is at least as good in all and better in one.

    A point with an unknown part is not among them. Shape (n, k) gives (n,).
    """
    as_good = (points[:, np.newaxis] >= points[np.newaxis]).all(axis=2)
    better = (points[:, np.newaxis] > points[np.newaxis]).any(axis=2)
    return np.all(np.isfinite(points), axis=1) & np.logical_not(np.any(as_good & better, axis=0))


def fulfilment_by_slo(episodes: Episodes, agents: Sequence[str]) -> pd.DataFrame:
    """Return a row per agent and SLO: the share of steps that kept it, of those in which that is known.

    Columns: agent, slo, episodes, fulfilment with its interval; the mean over episodes, for an interquartile
    mean hides the few in which an SLO is broken; and the mean share of steps in which it was not measured.
    """
    rows = []
    for agent in agents:
        own = episodes[episodes["agent"] == agent]
        for slo in (name.removeprefix(EACH_SLO) for name in own.columns if name.startswith(EACH_SLO)):
            if strata := strata_of(own, EACH_SLO + slo):
                row = {"agent": agent, "slo": slo, "episodes": sum(map(len, strata))}
                row |= estimated("fulfilment", strata, mean, np.random.default_rng(SEED))
                rows.append(row | {"unknown": known_mean(own[EACH_UNKNOWN + slo])})
    return pd.DataFrame(rows, columns=["agent", "slo", "episodes", *named("fulfilment", NOTHING), "unknown"])


def price_ranks(qoe: Values, broken: Values, prices: Values) -> NDArray[np.int64]:
    """Return the rank of each agent at each price of a violation, 1 the best, shape (n_agents, n_prices).

    Who is best depends on what a violation costs: the utility at a price λ is U = QoE − λ · share of the
    steps in which an SLO is broken, a line in λ; where two lines cross, two ranks swap. The reward of this
    project stands for a price of about 1; an order that looks at SLOs first is the limit of a high one.
    `qoe` and `broken` are means over episodes, in [0, 1], shape (n_agents,), `prices` of a violated step in
    QoE, >= 0, shape (n_prices,); equals share the better rank.
    """
    utility = qoe[:, np.newaxis] - broken[:, np.newaxis] * prices
    return 1 + (utility[np.newaxis] > utility[:, np.newaxis]).sum(axis=1)
