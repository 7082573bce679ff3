"""Decisions from samples of the posterior: what each setting earns in every world that is still possible.

Of a setting a in sampled worlds w, with rewards R as in agents.common.objective, R* the best expected one,
and the share ℓ of `patience` that a failed trial loses with the work that it leaves over,

    value(a) = E R + learnt² · max(E tried − E R, 0) − switching_cost · [a ≠ now]
    tried(w) = R(a, w) if that is above R*, else (1 − ℓ) R* + ℓ R(a, w)
    learnt = Var ln u / (Var ln u + noise²)        the share of doubt that one reading takes away

the knowledge gradient of one interval (Frazier, Powell and Dayanik 2008), over samples.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr

from agents.bayes.layout import Layout, Unknowns
from agents.bayes.model import (
    Gaussian,
    excess,
    ln_rest,
    memory_of_rest,
    noise_of,
    per_slo,
    rates_of_rest,
    stage_demands,
    with_past,
)
from agents.common.demand import SOFT
from agents.common.objective import DEEPER


class Question(NamedTuple):
    """What is asked of the samples.

    Attributes:
        features: of the n settings, shape (n, n_features).
        costs: of each for every stage, shape (n, n_stages).
        worth: of each, shape (n,).
        held: 1 for the setting in force, else 0, shape (n,).
        ratios: of the last interval, shape (n_slos,).
        standard: normal deviates that make a sample each, shape (n_samples, size).
        horizon: intervals after setting it at which a setting is judged, shape (h,).
        margin: standard deviations of the noise that are kept to every threshold; half of it if held.
        switching_cost: by how much a change must be better.
        patience: intervals within which a trial must pay.
    """

    features: jax.Array
    costs: jax.Array
    worth: jax.Array
    held: jax.Array
    ratios: jax.Array
    standard: jax.Array
    horizon: jax.Array
    margin: jax.Array
    switching_cost: jax.Array
    patience: jax.Array


class Answer(NamedTuple):
    """What came out, for the best setting.

    Attributes:
        best: its row.
        expected_reward: without trials and switching.
        trial_value: what the chance to try it adds.
        ln_demand, demand_doubt: expected, and its standard deviation for want of knowledge.
        p_fulfilled: per SLO, margin kept, at the end of the horizon, shape (n_slos,).
    """

    best: jax.Array
    expected_reward: jax.Array
    trial_value: jax.Array
    ln_demand: jax.Array
    demand_doubt: jax.Array
    p_fulfilled: jax.Array


def sample(layout: Layout, belief: Gaussian, standard: jax.Array) -> Unknowns:
    """Return worlds that the belief holds possible, one per row of `standard`."""
    return layout.parts(belief.mean + standard @ belief.root.T)


def ln_ratios(
    layout: Layout, worlds: Unknowns, features: jax.Array, ratios: jax.Array, intervals: jax.Array
) -> jax.Array:
    """Return ln(ratio / threshold) of each SLO so many intervals later, no noise, (k, n_slos, n)."""
    memory = memory_of_rest(layout)[:, None]
    rest = ln_rest(layout, worlds, features)
    ln_demand = stage_demands(layout, worlds, features).max(axis=-2)
    over = excess(ln_demand)[:, None, :]
    before = ratios[jnp.array(layout.rest, dtype=int)][:, None]
    carried = before + intervals * jnp.exp(rates_of_rest(layout, worlds))[..., None] * over
    rest = jnp.where(memory, with_past(rest, carried) - jnp.log1p(SOFT), rest)
    return per_slo(layout, rest, ln_demand)


def slo_noise(layout: Layout, worlds: Unknowns) -> jax.Array:
    """Return the noise of each SLO's reading, of a prompt one that of the noisiest stage, (k, n_slos, 1)."""
    noise = noise_of(worlds)[..., None]
    n_rest = len(layout.rest)
    return per_slo(layout, noise[..., :n_rest, :], noise[..., n_rest:, :].max(axis=-2))


def rewards(
    ln_ratio: jax.Array, ln_demand: jax.Array, noise: jax.Array, margin: jax.Array, worth: jax.Array
) -> tuple[jax.Array, ...]:
    """Return expected reward, shape (k, n), and P(SLO fulfilled), shape (k, n_slos, n), in each world.

    As `agents.common.objective.expected_reward`, with the SLOs' noises independent in each world.
    """
    p_each = ndtr(-ln_ratio / noise - margin)
    ln_worst = jnp.maximum(jnp.maximum(ln_ratio.max(axis=1), ln_demand), 0.0)
    severity = 0.5 + 0.5 * jnp.minimum(jnp.expm1(ln_worst), 1.0) + DEEPER * ln_worst
    return p_each.prod(axis=1) * worth - (1 - p_each).mean(axis=1) * severity, p_each


@partial(jax.jit, static_argnames="layout")
def choose(layout: Layout, belief: Gaussian, question: Question) -> Answer:
    """Return the setting of the highest expected reward, trials and switching counted.

    A trial: in the worlds where a setting is better than the best by expectation, it is kept; in the others
    it is left again, after the interval and after the work that it left over is done.
    """
    worlds = sample(layout, belief, question.standard)
    noise = slo_noise(layout, worlds)
    margin = question.margin * (1.0 - 0.5 * question.held)

    demands = stage_demands(layout, worlds, question.features)
    ln_demand = demands.max(axis=1)

    def at(intervals: jax.Array) -> tuple[jax.Array, ...]:
        ln_ratio = ln_ratios(layout, worlds, question.features, question.ratios, intervals)
        return rewards(ln_ratio, ln_demand, noise, margin, question.worth)

    each, p_each = jax.vmap(at)(question.horizon)
    gains = each.mean(axis=0)
    expected = gains.mean(axis=0)
    doubt = ln_demand.std(axis=0)
    mean_noise = noise_of(worlds)[:, len(layout.rest) :].mean()
    learnt = doubt**2 / (doubt**2 + mean_noise**2)
    over = jnp.maximum(jnp.exp(jnp.minimum(ln_demand, 5.0)) - 1.0, 0.0)
    lost = jnp.minimum((1.0 + over) / question.patience, 1.0)
    best = expected.max()
    tried = jnp.where(gains >= best, gains, (1 - lost) * best + lost * gains).mean(axis=0)
    trial_value = learnt**2 * jnp.maximum(tried - expected, 0.0)
    row = jnp.argmax(expected + trial_value - question.switching_cost * (1.0 - question.held))
    least = ln_demand.mean(axis=0).argmin()
    binding = demands.mean(axis=0)[:, least].argmax()  # nothing fits: do as little as possible
    row = jnp.where(ln_demand.mean(axis=0).min() > 0, question.costs[:, binding].argmin(), row)
    return Answer(
        row,
        expected[row],
        trial_value[row],
        ln_demand[:, row].mean(),
        doubt[row],
        p_each[-1, :, :, row].mean(axis=0),
    )


@partial(jax.jit, static_argnames="layout")
def foresee(layout: Layout, belief: Gaussian, question: Question, intervals: jax.Array) -> jax.Array:
    """Return P(SLO fulfilled) so many intervals after each setting was set, shape (n, n_slos)."""
    worlds = sample(layout, belief, question.standard)
    ln_ratio = ln_ratios(layout, worlds, question.features, question.ratios, intervals)
    return ndtr(-ln_ratio / slo_noise(layout, worlds)).mean(axis=0).T
