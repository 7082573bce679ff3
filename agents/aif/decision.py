"""One decision of active inference, as a pure function that is compiled once."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from pymdp import control
from pymdp.maths import stable_entropy

from agents.aif import costs
from agents.aif.beliefs import Arrays, Belief, Evidence
from agents.aif.perception import learned, perceive, walked
from agents.aif.planning import Options, Plan, compare, held, joint_index
from agents.common.words import Word


class Selection(Word, file="conf/agent/aif.yaml"):
    """How one policy is chosen."""

    DETERMINISTIC = "DETERMINISTIC"  # the most probable
    STOCHASTIC = "STOCHASTIC"  # a draw from their posterior


class Figures(NamedTuple):
    """What stands behind a decision, in nats unless named otherwise.

    Attributes:
        expected_free_energy: of the chosen policy.
        pragmatic, epistemic, novelty: what it promises, and what it would tell of capacities and of costs.
        improvement: what it may earn in every later interval, by proving to be cheaper than is expected.
        stage: that binds at the chosen setting, by its index; the next four are of it.
        belief_entropy: of its capacity.
        expected_capacity: in cost units, the exponential of the expected logarithm.
        expected_load: demand / capacity of the chosen setting, likewise.
        cost_spread: log-standard deviation of its cost, relative to that of the setting last settled in.
        surprise: -ln evidence of what was observed.
        policy_entropy: of the posterior over policies.
        p_fulfilled: predicted for the next interval, per SLO, shape (n_slos,).
    """

    expected_free_energy: Any
    pragmatic: Any
    epistemic: Any
    novelty: Any
    improvement: Any
    stage: Any
    belief_entropy: Any
    expected_capacity: Any
    expected_load: Any
    cost_spread: Any
    surprise: Any
    policy_entropy: Any
    p_fulfilled: Any


class Decision(NamedTuple):
    """Levels to set, shape (n_knobs,), what to carry on, and the figures behind it."""

    levels: Array
    now: Belief  # what is believed of the interval that has just ended
    capacity: Array  # P(capacity) of each stage in the one to come, shape (i, c); the rest is as now
    key: Array
    figures: Figures


class Appraisal(NamedTuple):
    """Policies compared.

    Attributes:
        plan: what they promise.
        value: the negative expected free energy of each, in nats, shape (n_policies,).
        probabilities: of each, with the habit of staying, shape (n_policies,).
    """

    plan: Plan
    value: Array
    probabilities: Array


@partial(jax.jit, static_argnames="options")
def appraise(arrays: Arrays, now: Belief, levels: Array, options: Options) -> Appraisal:
    """Compare every policy, from beliefs about now, at these levels; for `decide` and who looks on."""
    plan = compare(arrays, now, levels, options)
    value = plan.pragmatic + arrays.state_gain * plan.epistemic + arrays.cost_gain * plan.novelty
    value += arrays.patience * plan.improvement
    habit = -arrays.switching * (plan.settings != joint_index(levels, options.n_levels))  # ln E / gamma
    return Appraisal(plan, value, jax.nn.softmax(arrays.gamma * (value + habit)))


@partial(jax.jit, static_argnames="options")
def decide(arrays: Arrays, belief: Belief, seen: Evidence, key: Array, options: Options) -> Decision:
    """Update the beliefs by what was seen, value the policies by them, and choose one of these."""
    key, draw = jax.random.split(key)
    here = joint_index(seen.levels, options.n_levels)
    before = learned(arrays, belief, seen, here) if options.learns else belief
    capacity, surprise = perceive(arrays, before, seen, here)
    is_settled = (here == belief.setting) & (seen.pressure_known > 0).any()
    now = before._replace(
        capacity=capacity,
        backlog=jnp.where(seen.known > 0, seen.ratios, belief.backlog),
        heights=jnp.where(seen.known > 0, seen.heights, belief.heights),
        setting=here,
        anchor=jnp.where(is_settled, here, belief.anchor),
    )
    plan, value, q_policies = appraise(arrays, now, seen.levels, options)
    indices = jnp.arange(q_policies.size)[:, None, None]
    selection = "deterministic" if options.is_deterministic else "stochastic"
    (chosen,) = control.sample_policy(indices, q_policies, selection, 1.0, draw)
    to = plan.settings[chosen]
    ln_capacity = jnp.einsum("ic,ic->i", capacity, arrays.ln_capacity)
    ln_load = now.costs.mean[:, to] - ln_capacity
    stage = ln_load.argmax()
    figures = Figures(
        expected_free_energy=-value[chosen],
        pragmatic=plan.pragmatic[chosen],
        epistemic=plan.epistemic[chosen],
        novelty=plan.novelty[chosen],
        improvement=plan.improvement[chosen],
        stage=stage,
        belief_entropy=stable_entropy(capacity[stage]),
        expected_capacity=jnp.exp(ln_capacity[stage]),
        expected_load=jnp.exp(ln_load[stage]),
        cost_spread=jnp.sqrt(costs.relative_variance(now.costs.cov[stage], now.anchor)[to]),
        surprise=surprise,
        policy_entropy=stable_entropy(q_policies),
        p_fulfilled=plan.p_fulfilled[chosen],
    )
    predicted = (1 - arrays.jump) * walked(arrays, capacity) + arrays.jump / capacity.shape[1]
    levels = jnp.stack(jnp.unravel_index(to, options.n_levels))
    return Decision(levels, now, predicted, key, figures)


@jax.jit
def forecast(arrays: Arrays, now: Belief, settings: Array) -> Array:
    """Return P(fulfilled) of every SLO, shape (n, n_slos); `settings`: rows, shape (n,)."""
    return held(arrays, now, settings)
