"""How good probability forecasts are: the Brier score, and what it is made of."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

JOINTLY = ("all SLOs, product", "all SLOs, least")  # see `jointly`


class Brier(NamedTuple):
    """A Brier score, taken apart; all are in units of squared probability, but `base_rate`, `error` and `n`.

    Attributes:
        score: mean of (forecast − outcome)², in [0, 1], 0 is best; over all questions and all their clones.
        reliability: how far forecasts of a bin are from what happens then, 0 is best.
        resolution: how far what happens in the bins is from the base rate, more is better.
        uncertainty: base rate × (1 − base rate): the score of who always forecasts the base rate.
        within_bins: what bins leave out: score − (reliability − resolution + uncertainty).
        base_rate: share of all outcomes that were fulfilled; who always forecasts 1 scores 1 − base_rate.
        error: root of the mean of (forecast − share of the clones)², in units of probability.
        n: questions.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float
    base_rate: float
    error: float
    n: int

    @property
    def skill(self) -> float:
        """1 − score ÷ that of the base rate: 1 is perfect, 0 no better than it; NaN where nothing varied."""
        return 1 - self.score / self.uncertainty if self.uncertainty > 0 else float("nan")


class Bins(NamedTuple):
    """Forecasts by their size; a row per bin, empty ones too.

    Attributes:
        counts: questions in it.
        forecasts: mean forecast, NaN where there is none.
        shares: mean share of the clones in which it was fulfilled, likewise.
    """

    counts: NDArray[np.int64]
    forecasts: Array
    shares: Array


def binned(forecasts: Array, shares: Array, n_bins: int) -> Bins:
    """Equally wide bins of [0, 1]; a forecast of 1 is in the last.

    Args:
        forecasts: P(fulfilled), shape (n,), in [0, 1].
        shares: of the clones that fulfilled it, shape (n,), in [0, 1].
        n_bins: >= 1.
    """
    index = np.minimum((forecasts * n_bins).astype(int), n_bins - 1)
    counts = np.bincount(index, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(index, values, n_bins) / counts for values in (forecasts, shares)]
    return Bins(counts, *means)


def brier(forecasts: Array, shares: Array, n_bins: int) -> Brier:
    """The score and its parts; arguments as of `binned`, n >= 1.

    Source: Murphy 1973, "A new vector partition of the probability score", J. Appl. Meteorology 12; what bins
    leave out: Stephenson et al. 2008, "Two extra components in the Brier score decomposition".
    """
    squared = (forecasts - shares) ** 2
    score = float(np.mean(squared + shares * (1 - shares)))
    base_rate = float(np.mean(shares))
    counts, means, happened = binned(forecasts, shares, n_bins)
    filled = counts > 0
    weights = counts[filled] / counts.sum()
    reliability = float(weights @ (means - happened)[filled] ** 2)
    resolution = float(weights @ (happened[filled] - base_rate) ** 2)
    uncertainty = base_rate * (1 - base_rate)
    return Brier(
        score=score,
        reliability=reliability,
        resolution=resolution,
        uncertainty=uncertainty,
        within_bins=score - (reliability - resolution + uncertainty),
        base_rate=base_rate,
        error=float(np.sqrt(np.mean(squared))),
        n=len(forecasts),
    )


def jointly(forecasts: Array) -> Array:
    """P(all SLOs fulfilled) from forecasts for each, shape (n, n_slos): two guesses, shape (n, 2).

    Agents forecast each SLO by itself. The product is right if they are independent, the least of them (the
    upper bound of Fréchet and Hoeffding) if they break together, as those that watch the same queue do.
    """
    return np.stack([forecasts.prod(axis=1), forecasts.min(axis=1)], axis=1)
