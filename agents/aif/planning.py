"""What policies promise and what they would tell: the expected free energy G of each policy π.

A policy sets the joint settings a₁, a₂, … in the intervals to come; Q is what is believed, o the bin of an
SLO's ratio or of a pressure, c a capacity, x(a) ln of what a setting costs, σ the noise of a pressure, U(a)
what a setting is worth, its preference and what is expected of its ratios together, and U* the best of them.

    −G(π) = Σₜ ( ln C(aₜ) + Σₛ E_Q ln C(oₛ) )                                pragmatic value
          + state_gain · Σₜ Σₛ wₛ I(oₛ; c)                                    epistemic value
          + cost_gain · ½ ln(1 + Var x(a₁) / σ²)                              novelty
          + patience · ( E max(U(a₁) − U*, 0), less the same if x were sure ) improvement

    I(o; c) = H[E_Q P(o | a, c)] − E_Q H[P(o | a, c)],    Q(π) ∝ exp γ (−G(π) − switching · [a₁ ≠ a₀])

Where there are several stages, E over x and c is over whichever binds, with the probability that its
x − E ln c is the largest; the pressures' information and the novelty are sums over stages.

Sources: Da Costa et al. 2020, "Active inference on discrete state-spaces: a synthesis", and Heins
et al. 2022 (pymdp) of the first two terms and of Q(π); the novelty is the information that one reading gives
on a Gaussian; the improvement is that of Jones, Schonlau and Welch 1998, "Efficient global optimization".

What a policy's step is worth depends only on where it leads, so everything is computed once per demand of a
stage, then read for each joint setting at what it is believed to cost, and then for each policy.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from pymdp.maths import stable_xlogx

from agents.aif.beliefs import Arrays, Belief
from agents.aif.perception import BELOW, SHARES, VARIANCE, at_most, binding, by_demand, p_kept, walked
from agents.common.bins import N_BINS, N_FULFILLED
from agents.common.policies import Moves

STEPS_HELD = 10  # intervals after which a forecast is to come true


class Outlook(NamedTuple):
    """What is to be expected of each joint setting in one interval; a leading axis per setting.

    Attributes:
        utility: expected log-preference of all ratios, shape (a,).
        information: on the capacity, in nats, shape (a,).
        improvement: what is to be gained in every later interval if it is cheap enough after all, shape (a,).
        p_fulfilled: of every SLO, shape (s, a).
        by_x: P(bin) of every ratio by a stage's demand, as its capacity has it, shape (i, s, o, x).
    """

    utility: Array
    information: Array
    improvement: Array
    p_fulfilled: Array
    by_x: Array


class Plan(NamedTuple):
    """Policies compared; the leading axis is that of the policies.

    Attributes:
        pragmatic, epistemic: summed over the steps, shape (n_policies,).
        novelty, improvement: of the first step, likewise.
        settings: row of the setting after the first step, shape (n_policies,).
        p_fulfilled: after that step, shape (n_policies, s).
    """

    pragmatic: Array
    epistemic: Array
    novelty: Array
    improvement: Array
    settings: Array
    p_fulfilled: Array


class Options(NamedTuple):
    """What the compiled code is specialised to.

    Attributes:
        n_levels: per knob.
        moves: what the policies' steps are.
        is_deterministic: whether the most probable policy is taken, or one is drawn.
        learns: whether costs are learned.
    """

    n_levels: tuple[int, ...]
    moves: Moves
    is_deterministic: bool
    learns: bool


def joint_index(levels: Array, n_levels: tuple[int, ...]) -> Array:
    """Return the row of `settings` at these levels, shape (...,)."""
    return jnp.ravel_multi_index(tuple(jnp.moveaxis(levels, -1, 0)), n_levels, mode="clip")


def gains(to_demand: Array, tables: Array, entropies: Array) -> tuple[Array, Array]:
    """Return P(bin) of tables (..., o, u) over demands, and expected information on the capacity in nats.

    Args:
        to_demand: see `by_demand`, of each stage, shape (i, u, x).
        tables, entropies: shapes (..., o, u) and (..., u).

    Returns:
        (shape (i, ..., o, x); shape (i, ..., x)).
    """
    *kinds, n_bins, n_u = tables.shape
    rows = jnp.concatenate([tables, entropies[..., None, :]], axis=-2).reshape(-1, n_u)
    by_x = (rows @ to_demand).reshape(len(to_demand), *kinds, n_bins + 1, -1)
    bins, unsure = by_x[..., :-1, :], by_x[..., -1, :]
    return bins, -jnp.asarray(stable_xlogx(bins)).sum(-2) - unsure


BY_DEMAND = jax.vmap(by_demand, in_axes=(None, 0))


class Shares(NamedTuple):
    """What settings may demand of the stages.

    Attributes:
        each: P(demand) of each stage by itself, shape (i, a, x).
        binding: P(demand, and it is this stage that binds), sums to 1 over stages and demands, likewise.
    """

    each: Array
    binding: Array


def shares_of(arrays: Arrays, mean: Array, variance: Array, capacity: Array) -> Shares:
    """Return the shares of settings of such ln costs, shape (i, a), at P(capacity), shape (i, c).

    Bins of all stages are as wide, so that to look up in another stage's what lies as far beyond its expected
    capacity is to shift it.
    """
    edges = BELOW(arrays.demand, mean, variance)
    each, below = jnp.diff(edges), (edges[..., :-1] + edges[..., 1:]) / 2  # up to the middle of each bin
    width, n_x = arrays.demand[0, 1] - arrays.demand[0, 0], each.shape[-1]
    first = arrays.demand[:, 0] - jnp.einsum("ic,ic->i", capacity, arrays.ln_capacity)
    weight = each
    padded = jnp.pad(below, ((0, 0), (0, 0), (n_x, n_x + 1)), mode="edge")
    for i, j in itertools.permutations(range(len(each)), 2):
        shift = (first[i] - first[j]) / width
        whole = jnp.floor(shift)
        start = jnp.clip(whole.astype(jnp.int32) + n_x, 0, 2 * n_x)
        near = lax.dynamic_slice_in_dim(padded[j], start, n_x + 1, axis=1)
        share = shift - whole
        weight = weight.at[i].multiply((1 - share) * near[:, :-1] + share * near[:, 1:])
    return Shares(each, weight)


def outlook(arrays: Arrays, belief: Belief, shares: Shares, sharp: Shares, capacity: Array) -> Outlook:
    """Return what is to be expected of the interval to come.

    Args:
        belief: about now.
        shares: of each setting, as sure as its cost is.
        sharp: the same if costs were sure.
        capacity: P(capacity) in that interval.
    """
    to_demand, at = BY_DEMAND(arrays, capacity), (arrays.kind, belief.backlog)
    by_x, told = gains(to_demand, arrays.A_slo[at], arrays.H_slo[at])
    _, loud = gains(to_demand, arrays.A_pressure, arrays.H_pressure)
    fulfilled = jnp.einsum("isx,iax->sa", by_x[:, :, :N_FULFILLED].sum(2), shares.binding)
    kept = p_kept(belief)
    if_x = jnp.einsum("o,isox->ix", arrays.C_slo, by_x)  # utility at a demand, by capacity alone
    of_setting = arrays.C_slo[N_FULFILLED] * (fulfilled * (1 - kept)).sum(0)
    utility = jnp.einsum("iax,ix->a", shares.binding, if_x) + of_setting
    best = (arrays.C_setting + utility).max()
    surplus = jnp.maximum((arrays.C_setting + of_setting)[:, None] + if_x[:, None] - best, 0.0)
    cheapest = jnp.take_along_axis(belief.costs.mean, arrays.cheapest[:, None], 1)
    surplus *= (arrays.demand >= cheapest)[:, None]  # no setting proves cheaper than the cheapest
    unsure = shares.binding - sharp.binding
    return Outlook(
        utility=utility,
        information=jnp.einsum("iax,s,isx->a", sharp.binding, arrays.weight, told)
        + arrays.pressure_weight * jnp.einsum("iax,ix->a", sharp.each, loud),
        improvement=jnp.maximum((unsure * surplus).sum((0, -1)), 0.0),
        p_fulfilled=fulfilled * kept,
        by_x=by_x,
    )


class Later(NamedTuple):
    """What a further step brings, by the bins that ratios are in before it.

    Attributes:
        bins: P(bin | bin before), shape (s, o, a, o).
        information: on the capacity from each ratio, shape (s, o, a), and from the pressure, shape (a,).
    """

    bins: Array
    information: tuple[Array, Array]


def later(arrays: Arrays, belief: Belief, shares: Shares, sharp: Shares, capacity: Array) -> Later:
    """Return what a further step brings; arguments as for `outlook`."""
    to_demand = BY_DEMAND(arrays, capacity)
    by_x, told = gains(to_demand, arrays.A_slo, arrays.H_slo)  # (i, k, o, o, x), (i, k, o, x)
    _, loud = gains(to_demand, arrays.A_pressure, arrays.H_pressure)
    dynamic = jnp.einsum("ikbox,iax->kbao", by_x, shares.binding)[arrays.kind]
    return Later(
        bins=at_most(dynamic, p_kept(belief)[:, None]),
        information=(
            jnp.einsum("ikbx,iax->kba", told, sharp.binding)[arrays.kind],
            jnp.einsum("iax,ix->a", sharp.each, loud),
        ),
    )


def compare(arrays: Arrays, belief: Belief, levels: Array, options: Options) -> Plan:
    """Return the value of each policy, from beliefs about now, at these levels."""
    n_policies, horizon, _ = arrays.policies.shape
    top = jnp.array(options.n_levels) - 1
    mean, capacity = belief.costs.mean[:, :-1], belief.capacity
    unsure, noise = VARIANCE(belief.costs.cov, belief.anchor)[:, :-1], belief.noise[:, None]
    noisier = noise**2 - arrays.least_noise**2  # than the tables have it
    hidden = jnp.maximum(unsure - noise**2, 0.0)  # what a load's own noise hides is not to be learned
    shares = shares_of(arrays, mean, noisier + hidden, capacity)
    sharp = shares_of(arrays, mean, jnp.broadcast_to(noisier, mean.shape), capacity)
    newness = 0.5 * jnp.log1p(unsure / noise**2).sum(0) * arrays.pressure_weight
    position = jnp.broadcast_to(levels, (n_policies, levels.size))
    pragmatic = epistemic = jnp.zeros(n_policies)
    first = novelty = improvement = p_fulfilled = bins = jnp.zeros(())
    for step in range(horizon):
        move = arrays.policies[:, step]
        position = jnp.clip(position + move, 0, top) if options.moves is Moves.RELATIVE else move
        at = joint_index(position, options.n_levels)
        capacity = walked(arrays, capacity)
        pragmatic += arrays.C_setting[at]
        if step == 0:
            view = outlook(arrays, belief, shares, sharp, capacity)
            bins = at_most(
                jnp.einsum("isox,iax->sao", view.by_x, shares.binding), p_kept(belief)
            )  # if there are more
            first, bins, p_fulfilled = at, bins[:, at].swapaxes(0, 1), view.p_fulfilled[:, at].T
            pragmatic += view.utility[at]
            epistemic += view.information[at]
            novelty, improvement = newness[at], view.improvement[at]
        else:
            view = later(arrays, belief, shares, sharp, capacity)
            told, loud = view.information
            told = jnp.einsum("psb,sbp->ps", bins, told[:, :, at])
            bins = jnp.einsum("psb,sbpo->pso", bins, view.bins[:, :, at])
            pragmatic += (bins @ arrays.C_slo).sum(-1)
            epistemic += arrays.pressure_weight * loud[at] + told @ arrays.weight
    return Plan(pragmatic, epistemic, novelty, improvement, first, p_fulfilled)


def held(arrays: Arrays, belief: Belief, settings: Array) -> Array:
    """Return P(fulfilled) of every SLO when each setting has been held for some intervals, shape (n, s).

    Args:
        belief: about now.
        settings: rows, shape (n,).
    """
    unsure = VARIANCE(belief.costs.cov, belief.anchor)
    shares = SHARES(arrays.demand, belief.costs.mean[:, settings], unsure[:, settings])
    capacity = lax.fori_loop(0, STEPS_HELD, lambda _, q: walked(arrays, q), belief.capacity)
    over_u = binding(jnp.einsum("inx,iux->inu", shares, BY_DEMAND(arrays, capacity)))  # (n, u)
    tables = arrays.A_slo[arrays.kind]  # (s, o, o, u)
    start = jnp.eye(N_BINS)[belief.backlog][..., None]
    start = jnp.broadcast_to(start, (*belief.backlog.shape, N_BINS, over_u.shape[1]))
    bins = lax.fori_loop(0, STEPS_HELD, lambda _, q: jnp.einsum("sbu,sbou->sou", q, tables), start)
    return (bins[:, :N_FULFILLED].sum(1) @ over_u.T * p_kept(belief)[:, settings]).T
