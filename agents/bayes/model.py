"""The generative model of one interval, in NumPyro: what the SLOs show, given the unknowns and the setting.

Each stage's demand is its load × what the knobs do. A ratio that follows the work at once is the demand on
the stage that binds. One with memory is where it rests at the setting, or where that demand has taken it from
where it was, whichever is worse. Readings, of ratios and of the stages' pressures, are log-normal about that
with tails (Student's t), and those at the ratios' cap say "at least so much". With features φ of the setting
in force, loads kᵢ, demands uᵢ, rate ρ of an SLO and noises τ,

    ln uᵢ = kᵢ + wᵢ·φ,    u = max uᵢ
    r = u                      of one that follows the work at once
    ln r° = w·φ,    r = r°     without memory
    r = max(r°, r before + ρ (1 − 1/u))    with memory
    ln reading ~ t₅(ln r, τ),    ln pressureᵢ ~ t₅(ln uᵢ, τᵢ)

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
CAP_SLACK = 1e-5  # share by which a logarithm's rounding may leave a pressure short of the cap


class Reading(NamedTuple):
    """One interval, as the likelihood needs it; rows as those of the weights.

    Attributes:
        features: of the setting in force, shape (n_features,).
        ratios, before: of the SLOs that are not prompt, of this interval and of the one before, (n_rest,).
        ln_pressures: of the stages, shape (n_stages,).
        counts: 1 for the rows that tell something, else 0, shape (n_rows,).
        doubt: log-standard deviation that a reading has beyond its noise, shape (n_rows,).
        is_measured: 1 if any pressure was, else 0: then the ratios with memory have to tell the demand.
        is_resting: 1 if no past can be in these ratios, else 0.
    """

    features: jax.Array
    ratios: jax.Array
    before: jax.Array
    ln_pressures: jax.Array
    counts: jax.Array
    doubt: jax.Array
    is_measured: jax.Array
    is_resting: jax.Array


class Gaussian(NamedTuple):
    """A belief about all unknowns: mean, shape (size,), and a root L of the covariance L Lᵀ."""

    mean: jax.Array
    root: jax.Array


def stage_demands(layout: Layout, unknowns: Unknowns, features: jax.Array) -> jax.Array:
    """Return ln of each stage's demand at settings: unknowns (...), features (n, f) -> (..., n_stages, n)."""
    rows = unknowns.weights[..., len(layout.rest) :, :]
    return unknowns.load[..., None] + jnp.einsum("...rf,nf->...rn", rows, features)


def excess(ln_demand: jax.Array) -> jax.Array:
    """Return the share of what arrives that is left over, negative if more could be served."""
    return 1.0 - 1.0 / jnp.maximum(jnp.exp(ln_demand), LEAST_DEMAND)


def ln_rest(layout: Layout, unknowns: Unknowns, features: jax.Array) -> jax.Array:
    """Return ln(ratio), of those with memory ln(ratio + SOFT), without the past; (..., n_rest, n)."""
    return jnp.einsum("...rf,nf->...rn", unknowns.weights[..., : len(layout.rest), :], features)


def per_slo(layout: Layout, of_rest: jax.Array, of_prompt: jax.Array) -> jax.Array:
    """Return figures of every SLO, shape (..., n_slos, n), of those (..., n_rest, n) and one (..., n)."""
    return jnp.concatenate([of_rest, of_prompt[..., None, :]], axis=-2)[..., list(layout.row_of), :]


def with_past(ln_ratio: jax.Array, carried: jax.Array) -> jax.Array:
    """Return ln(ratio + SOFT) of a ratio with memory, at rest or carried by the past if that is more."""
    return jnp.maximum(ln_ratio, jnp.log(jnp.clip(carried, 0.0, RATIO_CAP) + SOFT))


def noise_of(unknowns: Unknowns) -> jax.Array:
    """Return the log-standard deviation of a reading of each row."""
    return jnp.hypot(jnp.exp(unknowns.ln_noise), LEAST_NOISE)


class Reckoning(NamedTuple):
    """What a reading should be: `seen` about `expected`, with `scale`; logarithms, shapes (n_rows,)."""

    seen: jax.Array
    expected: jax.Array
    scale: jax.Array


def reckon(layout: Layout, unknowns: Unknowns, reading: Reading) -> Reckoning:
    """Return what the unknowns make of the setting and the past, beside what was read."""
    memory, n_rest = memory_of_rest(layout), len(layout.rest)
    features = reading.features[None]
    demands = stage_demands(layout, unknowns, features)[..., 0]
    measured = jnp.where(reading.counts[n_rest:] > 0, reading.ln_pressures, -jnp.inf).max()
    driver = jnp.where(reading.is_measured > 0, measured, demands.max())
    rest = ln_rest(layout, unknowns, features)[..., 0]
    # the demand and how fast it moves a backlog cannot both be read off the same ratio
    ln_rate = jnp.where(reading.is_measured > 0, rates_of_rest(layout, unknowns), jnp.log(RATE[0]))
    carried = reading.before + jnp.exp(ln_rate) * excess(driver)
    expected = jnp.where(memory & (reading.is_resting == 0), with_past(rest, carried), rest)
    seen = jnp.log(jnp.maximum(reading.ratios, TINY) + jnp.where(memory, SOFT, 0.0))
    return Reckoning(
        jnp.concatenate([seen, reading.ln_pressures]),
        jnp.concatenate([expected, demands]),
        jnp.hypot(noise_of(unknowns), reading.doubt),
    )


def rates_of_rest(layout: Layout, unknowns: Unknowns) -> jax.Array:
    """Return ln(rate) of the SLOs that are not prompt, shape (..., n_rest)."""
    return unknowns.ln_rate[..., jnp.array(layout.rest, dtype=int)]


def memory_of_rest(layout: Layout) -> jax.Array:
    """Return which of the SLOs that are not prompt have memory, shape (n_rest,)."""
    return jnp.array([layout.memory[slo] for slo in layout.rest], dtype=bool)


def observe(layout: Layout, unknowns: Unknowns, reading: Reading) -> None:
    """Make NumPyro's sites of one interval: each row's reading, "at least the cap" for those there."""
    seen, expected, scale = reckon(layout, unknowns, reading)
    ratios = jnp.concatenate([reading.ratios, jnp.exp(reading.ln_pressures) * (1 + CAP_SLACK)])
    at_cap = ratios >= RATIO_CAP
    read = dist.StudentT(TAILS, expected, scale).mask((reading.counts > 0) & ~at_cap)
    numpyro.sample("ratio", read, obs=seen)
    beyond = jnp.where((reading.counts > 0) & at_cap, log_ndtr((expected - seen) / scale), 0.0)
    numpyro.factor("at_cap", beyond.sum())


def interval(layout: Layout, belief: Gaussian, reading: Reading) -> None:
    """Make the model of one interval, given what was believed before, unknowns in units of that."""
    standard = numpyro.sample("standard", dist.Normal(0.0, 1.0).expand([layout.size]).to_event(1))
    observe(layout, layout.parts(belief.mean + belief.root @ standard), reading)
