"""The Gaussian (Kalman) update that the agents share, for worlds that jump; arrays of NumPy or of JAX.

Of unknowns x ~ N(m, P) a reading y = h·x + noise is taken, the noise of variance R:

    s = P h          covariance of the unknowns with the reading
    S = h·s + R      variance of the reading
    K = s / S        gain
    e = y − h·m      error
    m' = m + K e,    P' = P − s Kᵀ

(Särkkä 2013, "Bayesian filtering and smoothing", sections 3.2 and 4.3). That x has jumped, by a variance J
that was not expected, is another hypothesis: P + J in place of P, s + J h in place of s, S + h·J h in place
of S. The reading speaks for it by

    ln N(e; 0, S + h·J h) − ln N(e; 0, S)

What follows from that is each agent's own: aif and bayes keep all hypotheses and merge their posteriors by
the first two moments (Bar-Shalom, Li and Kirubarajan 2001, "Estimation with applications to tracking and
navigation", section 11.6: a generalised pseudo-Bayesian filter of first order), causal goes on with the
likelier one, and mpc limits an error until a second one on the same side confirms the jump.
"""

import math
from typing import Any, NamedTuple

Array = Any  # of NumPy or of JAX


def corrected(mean: Array, cov: Array, gain: Array, error: Array, towards: Array) -> tuple[Array, Array]:
    """Return m + K e and P − s Kᵀ, of one belief or of many side by side.

    The division by S may stand with any of the factors: K, e and s, or s, e / S and s / S.

    Args:
        mean: m, shape (..., d).
        cov: P, shape (..., d, d).
        gain: K, shape (..., d).
        error: e, shape (...); 0 where nothing was read.
        towards: s, shape (..., d); 0 where nothing was read.
    """
    return mean + gain * error[..., None], cov - towards[..., :, None] * gain[..., None, :]


def lessened(cov: Array, along: Array, weight: Array | float) -> Array:
    """Return P − w k kᵀ, what is left after w of variance is lost along k, of one belief or of many.

    Args:
        cov: P, shape (..., d, d).
        along: k, shape (..., d).
        weight: w, a number or an array of shape (..., 1).
    """
    return cov - (weight * along)[..., :, None] * along[..., None, :]


def matched(mean: Array, cov: Array, gain: Array, shift: Array, lost: Array) -> tuple[Array, Array]:
    """Return what evidence on z = h·x makes of x, told by what it makes of the mean and the variance of z.

    m' = m + K · shift, P' = P − lost · K Kᵀ with K = P h / (h·P h), for given z the evidence says no more of
    x.
    """
    return mean + shift * gain, lessened(cov, gain, lost)


def shift(towards: Array, variance: Array, error: Array) -> Array:
    """Return S⁻¹-weighted errors of n readings at once, K e = P Hᵀ S⁻¹ e; shapes (d, n), (n, n) and (n,)."""
    return towards @ towards.__array_namespace__().linalg.solve(variance, error)


def ln_normal(error: float, variance: float) -> float:
    """Return ln N(e; 0, S)."""
    return -0.5 * (error**2 / variance + math.log(2 * math.pi * variance))


def merged(shares: Array, means: Array, covs: Array) -> tuple[Array, Array]:
    """Return mean and covariance of a mixture of n Gaussians, Σ p (P + (m − m̄)(m − m̄)ᵀ).

    Args:
        shares: p, shape (n,).
        means: shape (n, d).
        covs: shape (n, d, d).
    """
    mean = shares @ means
    apart = means - mean
    spread = covs + apart[:, :, None] * apart[:, None, :]
    return mean, covs.__array_namespace__().einsum("k,kij->ij", shares, spread)


class Told(NamedTuple):
    """What a reading does to a belief under one hypothesis; arrays side by side.

    Attributes:
        gain: K, shape (..., d).
        shift: of h·x, shape (...): e of a reading; 0 where nothing was read.
        taken: variance that is lost along K, shape (...): S of a reading; 0 likewise.
    """

    gain: Array
    shift: Array
    taken: Array


def either(mean: Array, cov: Array, stayed: Told, jumped: Told, p: Array) -> tuple[Array, Array]:
    """Return `merged` of the two posteriors after a reading, had x stayed and had it jumped; makes neither.

    Args:
        mean: m, shape (..., d).
        cov: P + p J, shape (..., d, d).
        stayed, jumped: what the reading does under each.
        p: probability that it has jumped, the reading known, shape (...).
    """
    near, far = (told.gain * told.shift[..., None] for told in (stayed, jumped))
    cov = lessened(cov, stayed.gain, ((1 - p) * stayed.taken)[..., None])
    cov = lessened(cov, jumped.gain, (p * jumped.taken)[..., None])
    cov = lessened(cov, far - near, (-p * (1 - p))[..., None])
    return mean + (1 - p)[..., None] * near + p[..., None] * far, cov
