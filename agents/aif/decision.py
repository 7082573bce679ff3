"""One decision of active inference, as a pure function that is compiled once.

The levels of the knobs and the backlogs are seen exactly, so the posterior over all hidden states is that
over the capacity, given them: pymdp's inference and expected free energy are evaluated on the rows of A at
hand instead of on the whole product of factors; a test compares them with pymdp's own agent. What a policy's
step is worth depends only on where it leads, so it is computed once per joint setting, not once per policy.
"""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from pymdp import control, inference
from pymdp.maths import stable_entropy, stable_xlogx

from agents.aif.likelihood import N_BINS, N_FULFILLED
from agents.aif.policies import Moves, Selection

CAPACITY_ONLY = [[0]]  # pymdp's A_dependencies and B_dependencies: the capacity is the only factor left


class Arrays(NamedTuple):
    """`agents.aif.model.Model` on the device, and the policies; axes as there."""

    ln_capacity: Array
    A_slo: Array
    H_slo: Array  # entropy of A_slo, (kinds, o, a, c)
    kind: Array
    A_pressure: Array
    H_pressure: Array  # likewise, (a, c)
    B: Array
    jump: Array
    C_slo: Array
    C_setting: Array
    weight: Array
    pressure_weight: Array
    switching: Array  # what leaving the current levels costs, in nats, scalar
    policies: Array  # (n_policies, horizon, n_knobs)


class Belief(NamedTuple):
    """What is carried from one decision to the next.

    Attributes:
        capacity: P(capacity), predicted for the interval to come, shape (c,).
        backlog: bin of each SLO's ratio when that interval begins, shape (s,).
    """

    capacity: Array
    backlog: Array


class Evidence(NamedTuple):
    """An observation in bins, by NumPy as it is handed over.

    Attributes:
        levels: per knob, shape (n_knobs,).
        ratios: bin per SLO, shape (s,).
        known: 1 where an SLO's ratio was measured, else 0, shape (s,).
        pressure: bin.
        pressure_known: 1 if an SLO of the pressure was measured, else 0.
    """

    levels: Any
    ratios: Any
    known: Any
    pressure: Any
    pressure_known: Any


class Figures(NamedTuple):
    """What stands behind a decision, in nats unless named otherwise.

    Attributes:
        expected_free_energy: of the chosen policy.
        pragmatic, epistemic: what it promises, and what it would tell of the capacity.
        belief_entropy: of the capacity.
        expected_capacity: in cost units, the exponential of the expected logarithm.
        surprise: -ln evidence of what was observed.
        policy_entropy: of the posterior over policies.
        p_fulfilled: predicted for the next interval, per SLO, shape (s,).
    """

    expected_free_energy: Any
    pragmatic: Any
    epistemic: Any
    belief_entropy: Any
    expected_capacity: Any
    surprise: Any
    policy_entropy: Any
    p_fulfilled: Any


class Options(NamedTuple):
    """What the compiled code is specialised to.

    Attributes:
        n_levels: per knob.
        moves: what the policies' steps are.
        gamma: precision of the choice among policies.
        information_gain: whether expected information on the capacity is worth something.
        selection: how one policy is chosen.
    """

    n_levels: tuple[int, ...]
    moves: Moves
    gamma: float
    information_gain: bool
    selection: Selection


class Plan(NamedTuple):
    """Policies compared; the leading axis is that of the policies.

    Attributes:
        pragmatic, epistemic: summed over the steps, shape (n_policies,).
        p_fulfilled: after the first step, shape (n_policies, s).
        targets: levels after the first step, shape (n_policies, n_knobs).
    """

    pragmatic: Array
    epistemic: Array
    p_fulfilled: Array
    targets: Array


def joint_index(levels: Array, n_levels: tuple[int, ...]) -> Array:
    """Row of `settings` at these levels, shape (...,)."""
    return jnp.ravel_multi_index(tuple(jnp.moveaxis(levels, -1, 0)), n_levels, mode="clip")


def perceive(arrays: Arrays, belief: Belief, seen: Evidence, here: Array) -> tuple[Array, Array]:
    """P(capacity) after an observation made at joint setting `here`, and the surprise.

    What is unknown has weight 0, and so no say; an even observation would have one.
    """
    likelihoods = [
        *arrays.A_slo[arrays.kind, belief.backlog, here],
        arrays.A_pressure[here],
    ]
    shares = jax.nn.one_hot(seen.ratios, N_BINS) * (arrays.weight * seen.known)[:, None]
    pressure = jax.nn.one_hot(seen.pressure, arrays.A_pressure.shape[1]) * seen.pressure_known
    (posterior,), info = inference.update_posterior_states(
        likelihoods,
        None,
        [*shares[:, None], pressure[None]],
        None,
        prior=[belief.capacity],
        A_dependencies=CAPACITY_ONLY * len(likelihoods),
        method="exact",
        return_info=True,
    )
    return posterior[-1], jnp.asarray(info["vfe"])


def walked(arrays: Arrays, capacity: Array) -> Array:
    """P(capacity) one interval later, unless it jumps."""
    (after,) = control.compute_expected_state([capacity], [arrays.B[..., None]], jnp.zeros(1, int))
    return after


def outcomes(likelihoods: Array, entropies: Array, capacity: Array) -> tuple[Array, Array]:
    """What is to be expected of rows of a likelihood.

    Args:
        likelihoods: P(bin | capacity) in any number of rows, shape (..., o, c).
        entropies: theirs, shape (..., c).
        capacity: P(capacity), shape (c,).

    Returns:
        (P(bin), shape (..., o); expected information on the capacity in nats, shape (...,)).
    """
    bins = likelihoods @ capacity
    return bins, -jnp.asarray(stable_xlogx(bins)).sum(-1) - entropies @ capacity


def at_once(arrays: Arrays, capacity: Array, backlog: Array, at: Array) -> tuple[Array, Array]:
    """P(bin) and expected information of each policy's first step, shapes (p, s, o) and (p, s)."""
    known = arrays.kind, backlog
    bins, gains = outcomes(arrays.A_slo[known], arrays.H_slo[known], capacity)  # (s, a, o), (s, a)
    return bins[:, at].swapaxes(0, 1), gains[:, at].T


def later(arrays: Arrays, capacity: Array, carried: Array, at: Array) -> tuple[Array, Array]:
    """The same of a later step, which finds P(backlog), shape (p, s, o), as the steps before it left it."""
    bins, gains = outcomes(arrays.A_slo, arrays.H_slo, capacity)  # (kinds, o, a, o), (kinds, o, a)
    bins, gains = bins[arrays.kind][:, :, at], gains[arrays.kind][:, :, at]
    return jnp.einsum("psb,sbpo->pso", carried, bins), jnp.einsum("psb,sbp->ps", carried, gains)


def compare(arrays: Arrays, capacity: Array, backlog: Array, levels: Array, options: Options) -> Plan:
    """Value of each policy, from beliefs about now."""
    n_policies, horizon, _ = arrays.policies.shape
    top = jnp.array(options.n_levels) - 1
    position = jnp.broadcast_to(levels, (n_policies, levels.size))
    pragmatic = epistemic = jnp.zeros(n_policies)
    first, bins = position, jnp.zeros(())
    for step in range(horizon):
        move = arrays.policies[:, step]
        position = jnp.clip(position + move, 0, top) if options.moves is Moves.RELATIVE else move
        at = joint_index(position, options.n_levels)
        capacity = walked(arrays, capacity)
        _, gain = outcomes(arrays.A_pressure, arrays.H_pressure, capacity)
        if step == 0:
            first, (bins, gains) = position, at_once(arrays, capacity, backlog, at)
            p_fulfilled = bins[..., :N_FULFILLED].sum(-1)
        else:
            bins, gains = later(arrays, capacity, bins, at)
        pragmatic += arrays.C_setting[at] + jax.vmap(partial(utility, arrays.C_slo))(bins)
        epistemic += arrays.pressure_weight * gain[at] + gains @ arrays.weight
    return Plan(pragmatic, epistemic, p_fulfilled, first)


def utility(preferences: Array, bins: Array) -> Array:
    """Expected log-preference of one policy's outcome, both of shape (s, o), summed over SLOs."""
    return jnp.asarray(control.compute_expected_utility([*bins], [*preferences]))


@eqx.filter_jit
def decide(
    arrays: Arrays, belief: Belief, seen: Evidence, key: Array, options: Options
) -> tuple[Array, Belief, Array, Figures]:
    """What was seen updates the belief, the belief values the policies, and one of them is chosen.

    Returns:
        (levels to set, shape (n_knobs,); belief and key to carry on; the figures behind the decision).
    """
    key, draw = jax.random.split(key)
    capacity, surprise = perceive(arrays, belief, seen, joint_index(seen.levels, options.n_levels))
    backlog = jnp.where(seen.known > 0, seen.ratios, belief.backlog)
    plan = compare(arrays, capacity, backlog, seen.levels, options)
    value = plan.pragmatic + options.information_gain * plan.epistemic
    habit = -arrays.switching * jnp.any(plan.targets != seen.levels, axis=-1)  # ln E / gamma
    q_policies = jax.nn.softmax(options.gamma * (value + habit))
    indices = jnp.arange(q_policies.size)[:, None, None]
    (chosen,) = control.sample_policy(indices, q_policies, options.selection.lower(), 1.0, draw)
    figures = Figures(
        expected_free_energy=-value[chosen],
        pragmatic=plan.pragmatic[chosen],
        epistemic=plan.epistemic[chosen],
        belief_entropy=stable_entropy(capacity),
        expected_capacity=jnp.exp(capacity @ arrays.ln_capacity),
        surprise=surprise,
        policy_entropy=stable_entropy(q_policies),
        p_fulfilled=plan.p_fulfilled[chosen],
    )
    predicted = (1 - arrays.jump) * walked(arrays, capacity) + arrays.jump / capacity.size
    return plan.targets[chosen], Belief(predicted, backlog), key, figures
