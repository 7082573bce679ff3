"""Two agents at a time: differences under the same seeds, who is likely to do better, and seeds needed."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from experiments.statistics import aggregates
from experiments.statistics.aggregates import Strata, Values, mean, probability_of_improvement
from experiments.statistics.episode import Episodes, References
from experiments.statistics.leaderboard import NOTHING, SEED, estimated, leaderboard, named, strata_of

COMPARED = ("score", "reward_mean", "slo_fulfilment", "qoe_mean")
DECISIVE = "reward_mean"  # what an improvement is one of: within a cell, rewards order agents as scores do
POWER = 0.8  # chance to find a difference that is there
LEVEL = 0.05  # two-sided: chance to find one that is not
PLACE = ["stratum", "cell", "seed"]  # what pairs have in common
LEAST_SEEDS = 2  # one alone says nothing of the spread
FEW_SEEDS = 5  # fewer say little of it
N_WORST = 5  # worlds

Wide = Any  # a frame of one figure: a row per PLACE, ascending, a column per agent


def wide(episodes: Episodes, figure: str) -> Wide:
    """Return a figure by PLACE and agent, NaN where there is none."""
    return episodes.pivot(index=PLACE, columns="agent", values=figure)


def paired(figures: Wide, agent: str, other: str) -> tuple[list[Values], list[Values]]:
    """Return the figures of two agents by stratum, where both have one; no stratum is empty."""
    both = figures[[agent, other]].dropna()
    if both.empty:
        return [], []
    strata = both.index.get_level_values("stratum").to_numpy(dtype=object)
    begins = np.flatnonzero(strata[1:] != strata[:-1]) + 1  # of further strata
    ours, theirs = (np.split(both[name].to_numpy(dtype=float), begins) for name in (agent, other))
    return ours, theirs


def differences(ours: Strata, theirs: Strata) -> list[Values]:
    """Return first less second by stratum."""
    return [x - y for x, y in zip(ours, theirs, strict=True)]


def comparisons(episodes: Episodes, reference: str) -> pd.DataFrame:
    """Compare one agent, the reference, with each other one, episode by episode where both have one.

    Returns:
        Columns: reference, agent, pairs, seeds (of the cell that has the fewest); per figure of COMPARED, the
        difference, reference minus other, with its interval, and `seeds_needed`; the probability of
        improvement of the reference's reward over the other's; and how likely such a difference in reward is
        by chance, `p`, corrected for the number of rows.
    """
    agents, figures = list(episodes["agent"].unique()), {name: wide(episodes, name) for name in COMPARED}
    rows = []
    for agent in agents if reference in agents else ():
        ours, theirs = paired(figures[DECISIVE], reference, agent)
        if agent == reference or not ours:
            continue
        sizes, rng = [len(own) for own in ours], np.random.default_rng(SEED)
        row = {"reference": reference, "agent": agent, "pairs": sum(sizes), "seeds": min(sizes)}
        for name in COMPARED:
            apart = differences(*paired(figures[name], reference, agent))
            # not the interquartile mean: trimming would hide the few cells in which two are not alike
            row |= estimated(f"{name}_difference", apart, mean, rng)
            row[f"{name}_seeds_needed"] = seeds_needed(apart)
            if name == DECISIVE:
                row |= named("improvement", probability_of_improvement(ours, theirs, rng))
                row["p"] = p_value(apart)
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.assign(p=holm(frame["p"].to_numpy(dtype=float))) if rows else frame


def improvements(episodes: Episodes, agents: Sequence[str]) -> pd.DataFrame:
    """Return the probability of improvement in reward of each agent over each other, where they share a cell.

    Columns: agent, other, cells, improvement with its interval, both ways, P(Y > X) = 1 − P(X > Y); and `p`
    of the paired differences, corrected for the number of pairs. `agents` gives the order of the rows.
    """
    rewards, rows, chances = wide(episodes, DECISIVE), [], []
    for agent, other in combinations(agents, 2):
        ours, theirs = paired(rewards, agent, other)
        if ours:
            value, low, high = probability_of_improvement(ours, theirs, np.random.default_rng(SEED))
            chances.append(p_value(differences(ours, theirs)))
            rows.append((agent, other, len(ours), value, low, high))
            rows.append((other, agent, len(ours), 1 - value, 1 - high, 1 - low))
    frame = pd.DataFrame(rows, columns=["agent", "other", "cells", *named("improvement", NOTHING)])
    return frame.assign(p=np.repeat(holm(np.array(chances)), 2))


def by_cell(episodes: Episodes, reference: str, references: References) -> pd.DataFrame:
    """Return figures per cell and agent, what they are measured by, and the reference's differences there."""
    found = []
    for cell, own in episodes.groupby("cell", sort=False):
        measured = references.get(str(cell))
        figures = leaderboard(own, references).assign(
            random_reward=measured.random if measured else np.nan,
            oracle_reward=np.mean(list(measured.oracle.values())) if measured else np.nan,
        )
        figures.insert(0, "cell", cell)
        pairs = comparisons(own, reference)
        found.append(figures.merge(pairs, on="agent", how="left") if len(pairs) else figures)
    return pd.concat(found, ignore_index=True)


# --- what is chance ---


def p_value(differences: Strata) -> float:
    """Return how likely a mean difference as large as this one is, either way, where there is none.

    A t test of paired differences, stratified: the mean over N differences in C cells has the variance
    Σ n_c s_c² / N², with Welch and Satterthwaite's degrees of freedom. Cells that have only one are left out.

    Returns:
        In [0, 1]; NaN where no cell has two.
    """
    known = [values for values in differences if len(values) >= LEAST_SEEDS]
    if not known:
        return math.nan
    sizes = np.array([len(values) for values in known], dtype=float)
    difference = float(np.concatenate(known).mean())
    parts = sizes * np.array([values.var(ddof=1) for values in known]) / sizes.sum() ** 2
    variance = float(parts.sum())
    if math.isclose(variance, 0.0, abs_tol=1e-24):
        return 1.0 if math.isclose(difference, 0.0, abs_tol=1e-12) else 0.0
    from scipy.stats import t

    freedom = variance**2 / float((parts**2 / (sizes - 1)).sum())
    return float(2 * t.sf(abs(difference) / math.sqrt(variance), freedom))


def holm(chances: Values) -> Values:
    """Return p values, shape (m,), corrected for their number, so that LEVEL holds for all of them together.

    The k-th smallest of m is multiplied by m − k + 1, and is at least as large as those before it; NaN stay,
    and do not count. Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure",
    Scandinavian Journal of Statistics 6.
    """
    corrected = np.full(len(chances), np.nan)
    order = np.argsort(chances)[: np.count_nonzero(np.isfinite(chances))]
    steps = np.arange(len(order), 0, -1) * chances[order]
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


# --- how many seeds it takes ---


def seeds_needed(differences: Strata) -> float:
    """Return the seeds per cell with which a difference as large as this one is found with a chance of POWER.

    The mean over C cells of n seeds each has the variance v/n, v = Σ σ_c² / C², σ_c² a cell's variance of the
    paired differences. The smallest n >= 2 is taken for which n >= v ((t_{1−LEVEL/2} + t_POWER) / Δ)², the
    quantiles of Student's t with Welch and Satterthwaite's (n − 1)(Σ σ_c²)² / Σ σ_c⁴ degrees of freedom. It
    supposes that the true difference and variances are those that were seen.

    Source: Colas et al. 2018, "How Many Random Seeds? Statistical Power Analysis in Deep Reinforcement
    Learning Experiments", section 4, there for one cell.

    Returns:
        A whole number; infinity where there is no difference; NaN where no cell has two seeds.
    """
    known = [values for values in differences if len(values) >= LEAST_SEEDS]
    if not known:
        return math.nan
    difference = float(np.mean([values.mean() for values in known]))
    if math.isclose(difference, 0.0, abs_tol=1e-12):
        return math.inf
    variances = np.array([values.var(ddof=1) for values in known])
    total = float(variances.sum())
    if total == 0.0:
        return LEAST_SEEDS
    freedom = total**2 / float((variances**2).sum())  # per seed beyond the first
    per_seed = total / len(known) ** 2 / difference**2
    n = LEAST_SEEDS
    while n < (needed := math.ceil(per_seed * _quantiles((n - 1) * freedom) ** 2)):
        # what is asked for falls as n grows; normal quantiles, its end, are safe to jump to
        n = max(n + 1, min(needed, math.ceil(per_seed * _quantiles(math.inf) ** 2)))
    return n


def _quantiles(freedom: float) -> float:
    from scipy.stats import t  # takes a second, which a program's many processes need not spend

    return float(t.ppf(1 - LEVEL / 2, freedom) + t.ppf(POWER, freedom))


# --- one agent among all others ---


def standing(episodes: Episodes, name: str) -> pd.DataFrame:
    """Return a row per agent, the best mean score first.

    Columns: agent, episodes, score with its interval, score_worst_tenth, fulfilment, qoe; difference of the
    scores of `name` and the agent, episode by episode, with its interval, and `p` corrected for the number of
    agents (Holm). `episodes` has a row per agent and world: agent, stratum, cell, seed, and COMPARED.
    """
    rows = []
    for agent, own in episodes.groupby("agent", sort=False):
        scores = strata_of(own, "score")
        row = {"agent": agent, "episodes": len(own)}
        row |= estimated("score", scores, mean, np.random.default_rng(SEED))
        row["score_worst_tenth"] = aggregates.worst_tenth(np.concatenate(scores)) if scores else np.nan
        rows.append(row | {"fulfilment": own["slo_fulfilment"].mean(), "qoe": own["qoe_mean"].mean()})
    pairs = comparisons(episodes, name)
    columns = {f"score_difference{end}": f"difference{end}" for end in ("", "_low", "_high")}
    differences = pairs.rename(columns=columns)[["agent", *columns.values(), "p"]]
    frame = pd.DataFrame(rows).merge(differences, on="agent", how="left")
    return frame.sort_values("score", ascending=False, ignore_index=True)


def beaten_worst(episodes: Episodes, name: str) -> pd.DataFrame:
    """Return the worlds in which an agent scored least.

    Columns: cell, stratum, score, slo_fulfilment; best, who scored most there, and best_score.
    """
    own = episodes[episodes["agent"] == name].nsmallest(N_WORST, "score")
    there = episodes[episodes["cell"].isin(own["cell"])]
    best = there.loc[there.groupby("cell")["score"].idxmax(), ["cell", "agent", "score"]]
    best = best.rename(columns={"agent": "best", "score": "best_score"})
    return own[["cell", "stratum", "score", "slo_fulfilment"]].merge(best, on="cell", how="left")
