"""Two agents at a time: differences under the same luck, who is likely to do better, and seeds needed."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from experiments.statistics.aggregates import Estimate, paired_difference, probability_of_improvement
from experiments.statistics.episode import Episode
from experiments.statistics.leaderboard import (
    NOTHING,
    SEED,
    Yardsticks,
    by_agent,
    figure_of,
    named,
    strata_of,
)
from experiments.statistics.power import seeds_needed

COMPARED = ("score", "reward_mean", "slo_fulfilment", "qoe_mean")
DECISIVE = "reward_mean"  # what an improvement is one of: within a cell, rewards order agents as scores do


def comparisons(episodes: Sequence[Episode], reference: str, yardsticks: Yardsticks) -> pd.DataFrame:
    """The reference against each other agent, episode by episode where both have one.

    Columns: reference, agent, pairs, seeds (of the cell that has the fewest); per figure of COMPARED, the
    difference, reference minus other, with its interval, and `seeds_needed`; and the probability of
    improvement of the reference's reward over the other's.
    """
    by_place = {
        agent: {(episode.cell, episode.seed): episode for episode in own}
        for agent, own in by_agent(episodes).items()
    }
    ours = by_place.get(reference, {})
    rows = []
    for agent, theirs in by_place.items():
        both = sorted(ours.keys() & theirs.keys())
        if agent != reference and both:
            row = {"reference": reference, "agent": agent, "pairs": len(both)}
            rows.append(row | compared([ours[k] for k in both], [theirs[k] for k in both], yardsticks))
    return pd.DataFrame(rows)


def compared(ours: Sequence[Episode], theirs: Sequence[Episode], yardsticks: Yardsticks) -> dict[str, float]:
    """Figures of two agents in the same episodes."""
    rng = np.random.default_rng(SEED)
    cells = [episode.cell for episode in ours]
    row: dict[str, float] = {"seeds": min(cells.count(cell) for cell in set(cells))}
    for name in COMPARED:
        figure = figure_of(name, yardsticks)
        known = [pair for pair in zip(ours, theirs, strict=True) if np.isfinite([*map(figure, pair)]).all()]
        x, y = (list(strata_of([pair[i] for pair in known], figure).values()) for i in (0, 1))
        row |= named(f"{name}_difference", paired_difference(x, y, rng) if x else NOTHING)
        row[f"{name}_seeds_needed"] = seeds_needed([a - b for a, b in zip(x, y, strict=True)])
        if name == DECISIVE:
            row |= named("improvement", probability_of_improvement(x, y, rng))
    return row


def improvements(episodes: Sequence[Episode], agents: Sequence[str]) -> pd.DataFrame:
    """The probability of improvement in reward of each agent over each other, where they share a cell.

    Columns: agent, other, cells, improvement with its interval; both ways, P(Y > X) = 1 − P(X > Y).

    Args:
        episodes: of at least these agents.
        agents: in the order of the rows.
    """
    own = by_agent(episodes)
    strata = {agent: strata_of(own[agent], figure_of(DECISIVE, {})) for agent in agents}
    rows = []
    for agent, other in combinations(agents, 2):
        cells = [cell for cell in strata[agent] if cell in strata[other]]
        if not cells:
            continue
        rng = np.random.default_rng(SEED)
        ours, theirs = ([strata[name][cell] for cell in cells] for name in (agent, other))
        value, low, high = probability_of_improvement(ours, theirs, rng)
        for pair, found in (
            ((agent, other), Estimate(value, low, high)),
            ((other, agent), Estimate(1 - value, 1 - high, 1 - low)),
        ):
            row = {"agent": pair[0], "other": pair[1], "cells": len(cells)}
            rows.append(row | named("improvement", found))
    return pd.DataFrame(rows, columns=["agent", "other", "cells", *named("improvement", NOTHING)])
