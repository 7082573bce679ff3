"""How good probability forecasts are: the Brier score and its parts. Pure functions."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

ALL = "all SLOs"  # at once


class Brier(NamedTuple):
    """A Brier score, taken apart; all in units of squared probability, but `base_rate`, `error` and `n`."""

    score: float  # mean of (forecast − outcome)² over all questions and their clones, in [0, 1], 0 is best
    reliability: float  # how far forecasts of a bin are from what happens then, 0 is best
    resolution: float  # how far what happens in the bins is from the base rate, more is better
    uncertainty: float  # base rate × (1 − base rate): the score of who always forecasts the base rate
    within_bins: float  # what bins leave out: score − (reliability − resolution + uncertainty)
    base_rate: float  # share of all outcomes that were fulfilled; who always forecasts 1 scores 1 − base_rate
    error: float  # root of the mean of (forecast − share of the clones)², in units of probability
    n: int  # questions

    @property
    def skill(self) -> float:
        """1 − score ÷ that of the base rate: 1 is perfect, 0 no better than it; NaN where nothing varied."""
        return 1 - self.score / self.uncertainty if self.uncertainty > 0 else float("nan")


def binned(forecasts: Array, shares: Array, n_bins: int) -> pd.DataFrame:
    """Sort questions into n_bins >= 1 equally wide bins of [0, 1] by their forecast; one of 1 is in the last.

    `forecasts` are P(fulfilled), `shares` of the clones that fulfilled it, shapes (n,), in [0, 1]. Returns a
    row per bin that is not empty, by its index: n, and the means forecast and share.
    """
    index = np.minimum((forecasts * n_bins).astype(int), n_bins - 1)
    bins = pd.DataFrame({"n": 1, "forecast": forecasts, "share": shares}).groupby(index)
    return bins.agg({"n": "sum", "forecast": "mean", "share": "mean"})


def brier(forecasts: Array, shares: Array, n_bins: int) -> Brier:
    """Return the score and its parts; arguments as of `binned`, n >= 1.

    Source: Murphy 1973, "A new vector partition of the probability score", J. Appl. Meteorology 12; what bins
    leave out: Stephenson et al. 2008, "Two extra components in the Brier score decomposition".
    """
    squared = (forecasts - shares) ** 2
    score, base_rate = float(np.mean(squared + shares * (1 - shares))), float(np.mean(shares))
    bins = binned(forecasts, shares, n_bins)
    reliability, resolution = np.average(
        [(bins["forecast"] - bins["share"]) ** 2, (bins["share"] - base_rate) ** 2], axis=1, weights=bins["n"]
    ).tolist()
    uncertainty = base_rate * (1 - base_rate)
    within_bins = score - (reliability - resolution + uncertainty)
    error, n = float(np.sqrt(np.mean(squared))), len(forecasts)
    return Brier(score, reliability, resolution, uncertainty, within_bins, base_rate, error, n)


def scores_of(pairs: pd.DataFrame, n_bins: int) -> pd.DataFrame:
    """Return a row per agent and SLO: the figures of `Brier`."""
    groups: Any = pairs.groupby(["agent", "slo"], sort=False)
    rows = []
    for (agent, slo), own in groups:
        figures = brier(own["forecast"].to_numpy(), own["share"].to_numpy(), n_bins)
        rows.append({"agent": agent, "slo": slo, **figures._asdict(), "skill": figures.skill})
    return pd.DataFrame(rows)
