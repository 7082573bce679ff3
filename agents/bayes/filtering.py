"""Online inference: the Gaussian that is nearest to the posterior's peak, interval after interval.

Assumed-density filtering by Laplace's method: the belief before an interval is a Gaussian, NumPyro gives the
log density of what was then read, and Newton's method finds its mode and curvature, in units z of that
belief:

    x = m + L z,    ẑ = argmax ln p(reading, z),    Λ = −∂² ln p(reading, ẑ)
    m' = m + L ẑ,    P' = L Λ⁻¹ Lᵀ,    ln evidence = ln p(reading, ẑ) + d/2 ln 2π − ½ ln det Λ

Three stories are told of each interval - nothing happened, the load jumped, what does not follow the load
jumped - and their posteriors are merged by their evidence: see agents.common.kalman, with the source.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from numpyro.infer.util import log_density

from agents.bayes.layout import Layout
from agents.bayes.model import Gaussian, Reading, interval, reckon
from agents.common import kalman

NEWTON_STEPS = 5
SHARES = (1.0, 0.4, 0.1, 0.02, 0.0)  # of a Newton step that are tried; the best is taken
JITTER = 1e-6  # variance that keeps a covariance positive in 32 bits


class Stories(NamedTuple):
    """How the unknowns may move in an interval.

    Attributes:
        sigmas: standard deviation of each unknown's move, shape (n_stories, size).
        ln_odds: ln P(story), shape (n_stories,).
    """

    sigmas: jax.Array
    ln_odds: jax.Array


class Point(NamedTuple):
    """Where Newton's method has come to, and the curvature where it stood one step before.

    Attributes:
        standard: unknowns in units of the belief before, shape (size,).
        ln_density: there, shape ().
        values, vectors: see `curvature`; once the method has converged, one step makes no difference.
    """

    standard: jax.Array
    ln_density: jax.Array
    values: jax.Array
    vectors: jax.Array


@partial(jax.jit, static_argnames="layout")
def update(
    layout: Layout, belief: Gaussian, stories: Stories, reading: Reading
) -> tuple[Gaussian, jax.Array]:
    """Return the belief after an interval, and the posterior probability of each story."""
    covariance = belief.root @ belief.root.T

    def tell(sigmas: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        before = Gaussian(belief.mean, root_of(covariance + jnp.diag(sigmas**2)))
        return laplace(layout, before, reading)

    means, covariances, evidence = jax.vmap(tell)(stories.sigmas)
    shares = jax.nn.softmax(evidence + stories.ln_odds)
    mean, merged = kalman.merged(shares, means, covariances)
    return Gaussian(mean, root_of(merged)), shares


def laplace(layout: Layout, before: Gaussian, reading: Reading) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return the mode, covariance and ln evidence of one interval."""

    def ln_joint(standard: jax.Array) -> jax.Array:
        return jnp.asarray(log_density(interval, (layout, before, reading), {}, {"standard": standard})[0])

    slope = jax.grad(ln_joint)

    def step(at: Point, _: None) -> tuple[Point, None]:
        values, vectors = curvature(ln_joint, at.standard)
        move = vectors @ ((vectors.T @ slope(at.standard)) / values)
        trials = at.standard + jnp.array(SHARES)[:, None] * move
        ln_densities = jax.vmap(ln_joint)(trials)
        best = jnp.argmax(ln_densities)
        return Point(trials[best], ln_densities[best], values, vectors), None

    starts = jnp.stack([jnp.zeros(layout.size), linear_update(layout, before, reading)])
    start = starts[jnp.argmax(jax.vmap(ln_joint)(starts))]
    anywhere = Point(start, jnp.zeros(()), jnp.ones(layout.size), jnp.eye(layout.size))
    (mode, ln_density, values, vectors), _ = jax.lax.scan(step, anywhere, None, length=NEWTON_STEPS)
    spread = before.root @ (vectors / jnp.sqrt(values))
    ln_evidence = ln_density + layout.size / 2 * jnp.log(2 * jnp.pi) - jnp.log(values).sum() / 2
    return before.mean + before.root @ mode, spread @ spread.T, ln_evidence


def linear_update(layout: Layout, before: Gaussian, reading: Reading) -> jax.Array:
    """Return where a Kalman filter would go: far from its mode, a density with tails is no guide to it."""

    def reckoned(standard: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        return reckon(layout, layout.parts(before.mean + before.root @ standard), reading)

    seen, expected, scale = reckoned(jnp.zeros(layout.size))
    slopes = jax.jacrev(lambda standard: reckoned(standard)[1])(jnp.zeros(layout.size))
    slopes = slopes * (reading.counts > 0)[:, None]
    total = slopes @ slopes.T + jnp.diag(scale**2)
    return kalman.shift(slopes.T, total, seen - expected)


def curvature(ln_joint: Callable[[jax.Array], jax.Array], standard: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return eigenvalues and -vectors of −∂² ln_joint, none below the prior's 1: no reading blurs it."""
    values, vectors = jnp.linalg.eigh(-jax.hessian(ln_joint)(standard))
    return jnp.maximum(values, 1.0), vectors


def root_of(covariance: jax.Array) -> jax.Array:
    """Return L with L Lᵀ = covariance, lower triangular."""
    return jnp.linalg.cholesky(covariance + JITTER * jnp.eye(len(covariance)))
