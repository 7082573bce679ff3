"""The generative model of one interval, in NumPyro: what the SLOs show, given the unknowns and the setting.

A ratio that follows the work at once is load × what the knobs do. One with memory is where it rests at the
setting, or where the demand has taken it from where it was, whichever is worse. Readings are log-normal about
that with tails (Student's t), and those at the ratios' cap say "at least so much". With features φ of the
setting in force, load k, demand u, rate ρ of an SLO and its noise τ,

    ln u = k + max w·φ         over the rows of the SLOs that follow the work at once
    ln r° = w·φ, + k           of one of these
    r = r°                     without memory
    r = max(r°, r before + ρ (1 − 1/u))    with memory
    ln reading ~ t₅(ln r, τ)

Source: ours, after the polynomials of RASK (Sedlak et al. 2025); NumPyro is Phan, Pradhan and Jankowiak 2019.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import log_ndtr

from agents.bayes.layout import RATE, Layout, Unknowns
from agents.common.demand import LEAST_DEMAND, LEAST_NOISE, SOFT, TINY
from envs.spec import RATIO_CAP

TAILS = 5.0  # degrees of freedom of a reading's noise


class Reading(NamedTuple):
    """One interval, as the likelihood needs it.

    Attributes:
        features: of the setting in force, shape (n_features,).
        ratios, before: of this interval and of the one before, shape (n_slos,).
        counts: 1 for the ratios that tell something, else 0, shape (n_slos,).
        doubt: log-standard deviation that a reading has beyond its noise, shape (n_slos,).
        ln_demand: as it was measured, shape ().
        is_measured: 1 if it was, else 0: then the ratios with memory have to tell it.
        is_resting: 1 if no past can be in these ratios, else 0.
    """

    features: jax.Array
    ratios: jax.Array
    before: jax.Array
    counts: jax.Array
    doubt: jax.Array
    ln_demand: jax.Array
    is_measured: jax.Array
    is_resting: jax.Array


class Gaussian(NamedTuple):
    """A belief about all unknowns: mean, shape (size,), and a root L of the covariance L Lᵀ."""

    mean: jax.Array
    root: jax.Array


def demand(layout: Layout, unknowns: Unknowns, features: jax.Array) -> jax.Array:
    """Return ln of the demand at settings, shapes: unknowns (...), features (n, f) -> (..., n)."""
    rows = unknowns.weights[..., list(layout.demanding), :]
    return unknowns.load[..., None] + jnp.einsum("...rf,nf->...rn", rows, features).max(axis=-2)


def excess(ln_demand: jax.Array) -> jax.Array:
    """Return the share of what arrives that is left over, negative if more could be served."""
    return 1.0 - 1.0 / jnp.maximum(jnp.exp(ln_demand), LEAST_DEMAND)


def ln_rest(layout: Layout, unknowns: Unknowns, features: jax.Array) -> jax.Array:
    """Return ln(ratio), of those with memory ln(ratio + SOFT), without the past; (..., n_slos, n)."""
    n_slos = len(layout.memory)
    own = jnp.einsum("...rf,nf->...rn", unknowns.weights[..., :n_slos, :], features)
    return own + jnp.array(layout.prompt)[:, None] * unknowns.load[..., None, None]


def with_past(ln_ratio: jax.Array, carried: jax.Array) -> jax.Array:
    """Return ln(ratio + SOFT) of a ratio with memory, at rest or carried by the past if that is more."""
    return jnp.maximum(ln_ratio, jnp.log(jnp.clip(carried, 0.0, RATIO_CAP) + SOFT))


def noise_of(unknowns: Unknowns) -> jax.Array:
    """Return the log-standard deviation of each SLO's reading."""
    return jnp.hypot(jnp.exp(unknowns.ln_noise), LEAST_NOISE)


class Reckoning(NamedTuple):
    """What a reading should be: `seen` about `expected`, with `scale`; in ln(ratio), shapes (n_slos,)."""

    seen: jax.Array
    expected: jax.Array
    scale: jax.Array


def reckon(layout: Layout, unknowns: Unknowns, reading: Reading) -> Reckoning:
    """Return what the unknowns make of the setting and the past, beside what was read."""
    memory = jnp.array(layout.memory)
    features = reading.features[None]
    modelled = demand(layout, unknowns, features)[0]
    driver = jnp.where(reading.is_measured > 0, reading.ln_demand, modelled)
    rest = ln_rest(layout, unknowns, features)[..., 0]
    # the demand and how fast it moves a backlog cannot both be read off the same ratio
    ln_rate = jnp.where(reading.is_measured > 0, unknowns.ln_rate, jnp.log(RATE[0]))
    carried = reading.before + jnp.exp(ln_rate) * excess(driver)
    expected = jnp.where(memory & (reading.is_resting == 0), with_past(rest, carried), rest)
    seen = jnp.log(jnp.maximum(reading.ratios, TINY) + jnp.where(memory, SOFT, 0.0))
    return Reckoning(seen, expected, jnp.hypot(noise_of(unknowns), reading.doubt))


def observe(layout: Layout, unknowns: Unknowns, reading: Reading) -> None:
    """Make NumPyro's sites of one interval: each SLO's ratio, "at least the cap" for those there."""
    seen, expected, scale = reckon(layout, unknowns, reading)
    at_cap = reading.ratios >= RATIO_CAP
    read = dist.StudentT(TAILS, expected, scale).mask((reading.counts > 0) & ~at_cap)
    numpyro.sample("ratio", read, obs=seen)
    beyond = jnp.where((reading.counts > 0) & at_cap, log_ndtr((expected - seen) / scale), 0.0)
    numpyro.factor("at_cap", beyond.sum())


def interval(layout: Layout, belief: Gaussian, reading: Reading) -> None:
    """Make the model of one interval, given what was believed before, unknowns in units of that."""
    standard = numpyro.sample("standard", dist.Normal(0.0, 1.0).expand([layout.size]).to_event(1))
    observe(layout, layout.parts(belief.mean + belief.root @ standard), reading)
