"""Aggregates over episodes and what is certain about them: pure functions on strata.

Strata are one array per cell, shape (n_seeds,), which may differ in length. A statistic is of the values of
all cells together; its interval resamples the seeds within each cell (stratified bootstrap, percentiles).

Source: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (rliable).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

N_RESAMPLES = 2000
COVERED = 0.95  # by an interval
TRIMMED = 0.25  # of the values at either end, for the interquartile mean
TAIL = 0.1  # of the values, the worst ones
GAMMA = 1.0  # score that is asked for; the optimality gap is what is missing to it
EDGES = ((1 - COVERED) / 2, (1 + COVERED) / 2)
PLATEAU = 0.2  # share of a curve, its end, whose mean is the plateau
REACHED = 0.9  # share of the way from random decisions to the plateau

Values = NDArray[np.float64]
Strata = Sequence[Values]


class Estimate(NamedTuple):
    """A statistic and its 95 % interval: numbers, or arrays of one shape."""

    value: Any
    low: Any
    high: Any


def iqm(values: Values) -> Values:
    """Return the mean over the last axis without the lowest and the highest quarter.

    Of n values, int(n / 4) are left out at either end, as scipy's `trim_mean` does; that one adds them up in
    another order, so that last digits would differ.
    """
    n = values.shape[-1]
    cut = int(TRIMMED * n)
    return np.sort(values, axis=-1)[..., cut : n - cut].mean(axis=-1)


def mean(values: Values) -> Values:
    """Return the mean over the last axis."""
    return values.mean(axis=-1)


def worst_tenth(values: Values) -> Values:
    """Return the mean of the worst tenth over the last axis, the conditional value at risk at TAIL.

    Of n values it is of the lowest n / 10, the last of them with the share that is left; of fewer than ten,
    of the lowest. Source: Rockafellar, Uryasev 2002, "Conditional Value-at-Risk for General Loss
    Distributions", Journal of Banking & Finance 26, proposition 8.
    """
    n = max(TAIL * values.shape[-1], 1.0)
    whole = int(n)
    ordered = np.sort(values, axis=-1)
    last = (n - whole) * ordered[..., whole] if n > whole else 0.0
    return (ordered[..., :whole].sum(axis=-1) + last) / n


def optimality_gap(values: Values) -> Values:
    """Return the mean of max(0, γ − score) over the last axis: what is missing to γ."""
    return np.maximum(0.0, GAMMA - values).mean(axis=-1)


def estimate(
    strata: Strata, statistic: Callable[[Values], Values], rng: np.random.Generator, n: int = N_RESAMPLES
) -> Estimate:
    """Return a statistic over all values, as `iqm`, and its interval by n resamples.

    Equal generators give equal intervals; each of the strata has at least one value.
    """
    resampled = [values[rng.integers(len(values), size=(n, len(values)))] for values in strata]
    drawn = statistic(np.concatenate(resampled, axis=1))
    return Estimate(statistic(np.concatenate(strata)), *bounds(drawn))


def bounds(drawn: Values) -> Values:
    """Return both ends of the interval that covers the middle of what was drawn, along the first axis."""
    return np.quantile(drawn, EDGES, axis=0)


def counts(n_values: int, rng: np.random.Generator, n: int) -> Values:
    """Count how often each value is in n resamples, shape (n, n_values): enough where only sums matter."""
    drawn = rng.integers(n_values, size=(n, n_values)) + n_values * np.arange(n)[:, np.newaxis]
    return np.bincount(drawn.ravel(), minlength=n * n_values).reshape(n, n_values).astype(np.float64)


def mean_band(curves: Strata, rng: np.random.Generator, n: int = N_RESAMPLES) -> Estimate:
    """Return the mean of all curves and its band, step by step, shape (n_steps,) each.

    `curves` are, per cell, a row per seed, shape (n_seeds, n_steps); n_steps is the same in all cells.
    """
    drawn = sum((counts(len(own), rng, n) @ own for own in curves), np.zeros(1)) / sum(map(len, curves))
    return Estimate(np.concatenate(curves).mean(axis=0), *bounds(drawn))


def probability_of_improvement(
    ours: Strata, theirs: Strata, rng: np.random.Generator, n: int = N_RESAMPLES
) -> Estimate:
    """Return how likely it is that one does better than the other on a cell drawn at random.

    P(X > Y) = mean over cells of (1/NM) Σ Σ S(x, y), S = 1, ½ or 0 for x >, =, < y (Mann and Whitney's U).
    Both are resampled on their own, as rliable does it; they have the same cells, one at least.
    """
    value, drawn = 0.0, np.zeros(n)
    for x, y in zip(ours, theirs, strict=True):
        won = (x[:, np.newaxis] > y) + 0.5 * (x[:, np.newaxis] == y)
        value += float(won.mean())
        drawn += ((counts(len(x), rng, n) @ won) * counts(len(y), rng, n)).sum(axis=1) / won.size
    return Estimate(value / len(ours), *bounds(drawn / len(ours)))


# --- how fast something was learned ---


def plateau_of(curve: Sequence[float] | Values) -> float:
    """Return the mean of a learning curve's end; the curve has at least one value."""
    return float(np.mean(curve[-max(1, round(PLATEAU * len(curve))) :]))


def plateau_reached(curve: Sequence[float] | Values, random_reward: float) -> int:
    """Return the first place of a curve that has come most of the way to its plateau; its end if none has.

    The curve is of mean rewards per step, as they were earned; the way is measured from random decisions.
    """
    needed = random_reward + REACHED * (plateau_of(curve) - random_reward)
    return next((i for i, reward in enumerate(curve) if reward >= needed), len(curve) - 1)
