"""Two agents at a time: differences under the same seeds, who is likely to do better, and seeds needed."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from experiments.statistics.aggregates import Estimate, estimate, mean, probability_of_improvement
from experiments.statistics.leaderboard import NOTHING, SEED, leaderboard, named, strata_of
from experiments.statistics.power import seeds_needed
from experiments.statistics.scores import Episodes, References

COMPARED = ("score", "reward_mean", "slo_fulfilment", "qoe_mean")
DECISIVE = "reward_mean"  # what an improvement is one of: within a cell, rewards order agents as scores do
PLACE = ["cell", "seed"]


def comparisons(episodes: Episodes, reference: str) -> pd.DataFrame:
    """Compare one agent with each other one, episode by episode where both have one.

    Args:
        episodes: of both and others.
        reference: the agent whom everyone is compared with.

    Returns:
        Columns: reference, agent, pairs, seeds (of the cell that has the fewest); per figure of COMPARED, the
        difference, reference minus other, with its interval, and `seeds_needed`; and the probability of
        improvement of the reference's reward over the other's.
    """
    columns = [*PLACE, *COMPARED]
    ours = episodes.loc[episodes["agent"] == reference, columns]
    rows = []
    for agent, theirs in episodes.groupby("agent", sort=False):
        both = ours.merge(theirs[columns], on=PLACE).sort_values(PLACE)
        if agent != reference and len(both):
            rows.append({"reference": reference, "agent": agent, "pairs": len(both), **compared(both)})
    return pd.DataFrame(rows)


def compared(both: Episodes) -> dict[str, float]:
    """Return the figures of two agents, whose columns end in _x and _y, in the same episodes."""
    rng = np.random.default_rng(SEED)
    row: dict[str, float] = {"seeds": both["cell"].value_counts().min()}
    for name in COMPARED:
        known = both[np.isfinite(both[[f"{name}_x", f"{name}_y"]]).all(axis=1)]
        x, y = (list(strata_of(known, f"{name}_{side}").values()) for side in "xy")
        differences = [a - b for a, b in zip(x, y, strict=True)]
        # the mean, not the interquartile mean: trimming would hide the few cells in which two are not alike
        row |= named(f"{name}_difference", estimate(differences, mean, rng) if x else NOTHING)
        row[f"{name}_seeds_needed"] = seeds_needed(differences)
        if name == DECISIVE:
            row |= named("improvement", probability_of_improvement(x, y, rng))
    return row


def improvements(episodes: Episodes, agents: Sequence[str]) -> pd.DataFrame:
    """Return the probability of improvement in reward of each agent over each other, where they share a cell.

    Columns: agent, other, cells, improvement with its interval; both ways, P(Y > X) = 1 − P(X > Y).

    Args:
        episodes: of at least these agents.
        agents: in the order of the rows.
    """
    strata = {agent: strata_of(episodes[episodes["agent"] == agent], DECISIVE) for agent in agents}
    rows = []
    for agent, other in combinations(agents, 2):
        if cells := [cell for cell in strata[agent] if cell in strata[other]]:
            ours, theirs = ([strata[name][cell] for cell in cells] for name in (agent, other))
            value, low, high = probability_of_improvement(ours, theirs, np.random.default_rng(SEED))
            for pair, found in (
                ((agent, other), Estimate(value, low, high)),
                ((other, agent), Estimate(1 - value, 1 - high, 1 - low)),
            ):
                row = {"agent": pair[0], "other": pair[1], "cells": len(cells)}
                rows.append(row | named("improvement", found))
    return pd.DataFrame(rows, columns=["agent", "other", "cells", *named("improvement", NOTHING)])


def by_cell(episodes: Episodes, reference: str, references: References) -> pd.DataFrame:
    """Return figures per cell and agent, what they are measured by, and the reference's differences there."""
    found = []
    for cell, own in episodes.groupby("cell", sort=False):
        measured = references.get(str(cell))
        figures = leaderboard(own, references).assign(
            random_reward=measured.random if measured else np.nan,
            oracle_reward=np.mean(list(measured.oracle.values())) if measured else np.nan,
        )
        pairs = comparisons(own, reference)
        figures = figures.merge(pairs, on="agent", how="left") if len(pairs) else figures
        found.append(figures.assign(cell=cell))
    whole = pd.concat(found, ignore_index=True)
    return whole.loc[:, ["cell", *whole.columns.drop("cell")]]
