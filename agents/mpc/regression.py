"""Recursive least squares of several figures on the same features, each with a constant that drifts.

The Kalman filter of a linear model (e.g. Särkkä 2013, "Bayesian filtering and smoothing", ch. 3.2) is
recursive least squares whose forgetting can be told per coefficient: the constant carries the world's
capacity and is forgotten soon, what the knobs do is remembered.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.common.demand import LEAST_NOISE
from agents.common.kalman import corrected

Array = NDArray[np.float64]

SURPRISE = 3.0  # standard deviations from which a figure is an outlier, or two in a row a jump
NOISE_WEIGHT = 0.05  # of the newest figure in a residual variance


@dataclass(frozen=True, slots=True)
class Fit:
    """What is known of m figures, each linear in f features.

    Attributes:
        mean: of the coefficients, shape (m, f).
        cov: of the coefficients, shape (m, f, f).
        variance: of what the features leave open, shape (m,).
        surprises: sign of the last figure's surprise, 0 for none, shape (m,).
        culprits: what a jump is blamed on: a covariance up to its scale, shape (m, f, f).
    """

    mean: Array
    cov: Array
    variance: Array
    surprises: Array
    culprits: Array


def predict(fit: Fit, features: Array) -> tuple[Array, Array]:
    """Return mean and variance of every figure at n points, without the residual; both of shape (n, m)."""
    spread = np.einsum("nf,mfg,ng->nm", features, fit.cov, features, optimize=True)
    return features @ fit.mean.T, np.maximum(spread, 0.0)


def forget(fit: Fit, drift: Array, fade: float) -> Fit:
    """Return the fit one interval later: constants may have drifted, shape (m,), the rest hardly."""
    grown = fit.cov.copy()
    diagonal = np.arange(fit.mean.shape[1])
    grown[:, diagonal, diagonal] += fade**2
    grown[:, 0, 0] += drift**2 - fade**2
    return replace(fit, cov=grown)


def update(fit: Fit, point: Array, figures: Array, known: NDArray[np.bool_], doubt: Array) -> Fit:
    """Take one reading in.

    A figure far from what was expected is taken for an outlier, and moves the fit by SURPRISE standard
    deviations at most. A second one in a row, on the same side, is a jump: its culprits follow at once.

    Args:
        fit: before.
        point: features, shape (f,).
        figures: what was read, shape (m,); of no meaning where not `known`.
        known: which were read, shape (m,).
        doubt: variance that a reading has beyond the residual one, shape (m,).
    """
    error = np.where(known, figures - fit.mean @ point, 0.0)
    noise = fit.variance + doubt
    gain = fit.cov @ point
    total = gain @ point + noise
    sigmas = error / np.sqrt(total)
    sign = np.where(np.abs(sigmas) > SURPRISE, np.sign(error), 0.0)
    jumps = (sign != 0) & (sign == fit.surprises)
    cov = fit.cov
    if jumps.any():
        width = np.einsum("f,mfg,g->m", point, fit.culprits, point)
        cov = cov + (np.where(jumps, error**2, 0.0) / width)[:, None, None] * fit.culprits
        gain = cov @ point
        total = gain @ point + noise
    limited = np.where(jumps, error, np.clip(sigmas, -SURPRISE, SURPRISE) * np.sqrt(total))
    share = np.where(known, 1.0 / total, 0.0)
    mean, cov = corrected(fit.mean, cov, gain, share * limited, share[:, None] * gain)
    trusted = np.where(known & (sign == 0), fit.variance / total, 0.0)
    residual = error**2 * fit.variance / total  # the residual's part of the error
    variance = fit.variance + NOISE_WEIGHT * trusted * (residual - fit.variance)
    surprises = np.where(known, sign, fit.surprises)
    return Fit(mean, cov, np.maximum(variance, LEAST_NOISE**2), surprises, fit.culprits)
