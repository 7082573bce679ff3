"""SLOs that carry the past: how far their ratios are from breaking, and how fast the demand moves them.

A ratio with memory rises by rate · (1 − 1/u) in one interval of demand u > 1 (in units of the capacity), as a
queue does: of all that arrives, the share 1/u is served. Below 1 it falls by the same formula, to where it
rests at the setting in force.
"""

import numpy as np
from numpy.typing import NDArray

from agents.common.demand import LEAST_DEMAND

Array = NDArray[np.float64]

RATE = 0.5  # a rate before any is known: thresholds tend to be about two intervals' work
RATE_WEIGHT = 0.2  # what that counts for, in intervals of endless demand
RATE_FADE = 0.98  # share of what is known of a rate that is remembered in the next interval
LEAST_RATE = 0.02
LARGEST_SHARE = 0.95  # of what arrives is left over in an interval; more cannot be told from a ratio's rise


def excess(demand: Array) -> Array:
    """Return share of what arrives that is left over, negative if more could be served, at least −1."""
    return 1.0 - 1.0 / np.maximum(demand, LEAST_DEMAND)


def breaking_demand(ratio: Array, rate: Array, intervals: float) -> Array:
    """Return ln of the demand that takes a ratio to 1 in so many intervals, inf if none; any shapes.

    Below 0 for a ratio that is above 1: less than that, and it has drained by then.
    """
    left = 1.0 - (1.0 - ratio) / (rate * intervals)
    return np.where(left > 0, -np.log(np.maximum(left, 1e-12)), np.inf)


def carried(ratio: Array, rate: Array, demand: Array, intervals: float) -> Array:
    """Return a ratio after so many intervals of a demand, where nothing but the past holds it up; >= 0."""
    return np.maximum(ratio + rate * intervals * excess(demand), 0.0)


def implied_demand(ratio: float, before: float, rate: float) -> float:
    """Return ln of the demand that explains how a ratio moved in one interval."""
    return float(-np.log1p(-min((ratio - before) / rate, LARGEST_SHARE)))


def learned_rates(sums: Array) -> Array:
    """Return rate per SLO from the sums that `count_growth` keeps, shape (s,)."""
    return np.maximum((RATE * RATE_WEIGHT + sums[0]) / (RATE_WEIGHT + sums[1]), LEAST_RATE)


def count_growth(sums: Array, growth: Array, demand: float, counts: NDArray[np.bool_]) -> Array:
    """Return sums of a least-squares fit of growth on excess, one interval later, shape (2, s).

    Args:
        sums: Σ growth · excess and Σ excess², shape (2, s).
        growth: of each ratio in the last interval, shape (s,).
        demand: in that interval.
        counts: for which SLOs it tells anything, shape (s,).
    """
    over = float(excess(np.array(demand)))
    news = np.stack([growth * over, np.full(len(growth), over**2)])
    return np.where(counts, RATE_FADE * sums + news, sums)
