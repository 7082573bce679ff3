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
from typing import Any

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
    """Return P − w k kᵀ: what is left after w of variance is lost along k; shapes (d, d), (d,) and ()."""
    return cov - weight * (along[:, None] * along)


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


def either(
    mean: Array, cov: Array, stayed: tuple[Array, Array], jumped: tuple[Array, Array], p: Array, error: Array
) -> tuple[Array, Array]:
    """Return `merged` of the two posteriors after a reading, had x stayed and had it jumped; makes neither.

    Args:
        mean: m, shape (d,).
        cov: P + p J, shape (d, d).
        stayed: s and S.
        jumped: the same of the other hypothesis.
        p: probability that it has jumped, the reading known.
        error: e, the same under both.
    """
    gains = stayed[0] / stayed[1], jumped[0] / jumped[1]
    apart = (gains[1] - gains[0]) * error
    cov = lessened(cov, gains[0], (1 - p) * stayed[1])
    cov = lessened(cov, gains[1], p * jumped[1])
    cov = lessened(cov, apart, -p * (1 - p))
    return mean + ((1 - p) * gains[0] + p * gains[1]) * error, cov
