"""What policies promise and what they would tell: the expected free energy G of each policy π.

A policy sets the joint settings a₁, a₂, … in the intervals to come; Q is what is believed, o the bin of an
SLO's ratio or of the pressure, c the capacity, x(a) ln of what a setting costs, σ the noise of a pressure,
U(a) what a setting is worth, its preference and what is expected of its ratios together, and U* the best of
them.

    −G(π) = Σₜ ( ln C(aₜ) + Σₛ E_Q ln C(oₛ) )                                pragmatic value
          + state_gain · Σₜ Σₛ wₛ I(oₛ; c)                                    epistemic value
          + cost_gain · ½ ln(1 + Var x(a₁) / σ²)                              novelty
          + patience · ( E max(U(a₁) − U*, 0), less the same if x were sure ) improvement

    I(o; c) = H[E_Q P(o | a, c)] − E_Q H[P(o | a, c)],    Q(π) ∝ exp γ (−G(π) − switching · [a₁ ≠ a₀])

Sources: Da Costa et al. 2020, "Active inference on discrete state-spaces: a synthesis", and Heins
et al. 2022 (pymdp) of the first two terms and of Q(π); the novelty is the information that one reading gives
on a Gaussian; the improvement is that of Jones, Schonlau and Welch 1998, "Efficient global optimization".

What a policy's step is worth depends only on where it leads, so everything is computed once per demand, then
read for each joint setting at what it is believed to cost, and then for each policy.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax
from pymdp.maths import stable_xlogx

from agents.aif import costs
from agents.aif.beliefs import Arrays, Belief
from agents.aif.perception import at_most, by_demand, demand_shares, p_kept, walked
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
        by_x: P(bin) of every ratio by demand, as capacity has it, shape (s, o, x).
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


def gains(arrays: Arrays, to_demand: Array, tables: Array, entropies: Array) -> tuple[Array, Array]:
    """Return P(bin) of tables (..., o, u) over demands, and expected information on the capacity in nats.

    Returns:
        (shape (..., o, x); shape (..., x)).
    """
    bins = tables @ to_demand
    return bins, -jnp.asarray(stable_xlogx(bins)).sum(-2) - entropies @ to_demand


def outlook(arrays: Arrays, belief: Belief, shares: Array, sharp: Array, capacity: Array) -> Outlook:
    """Return what is to be expected of the interval to come.

    Args:
        belief: about now.
        shares: P(demand) of each setting, as sure as its cost is, shape (a, x).
        sharp: the same if costs were sure.
        capacity: P(capacity) in that interval.
    """
    to_demand, at = by_demand(arrays, capacity), (arrays.kind, belief.backlog)
    by_x, told = gains(arrays, to_demand, arrays.A_slo[at], arrays.H_slo[at])
    _, loud = gains(arrays, to_demand, arrays.A_pressure, arrays.H_pressure)
    fulfilled, kept = by_x[:, :N_FULFILLED].sum(1) @ shares.T, p_kept(belief)
    if_x = jnp.einsum("o,sox->x", arrays.C_slo, by_x)  # utility at a demand, by capacity alone
    of_setting = arrays.C_slo[N_FULFILLED] * (fulfilled * (1 - kept)).sum(0)
    utility = shares @ if_x + of_setting
    best = (arrays.C_setting + utility).max()
    surplus = jnp.maximum((arrays.C_setting + of_setting)[:, None] + if_x - best, 0.0)
    surplus *= arrays.demand >= belief.costs.mean[0]  # no setting proves cheaper than the lowest
    return Outlook(
        utility=utility,
        information=sharp @ (arrays.weight @ told + arrays.pressure_weight * loud),
        improvement=jnp.maximum(((shares - sharp) * surplus).sum(-1), 0.0),
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


def later(arrays: Arrays, belief: Belief, shares: Array, sharp: Array, capacity: Array) -> Later:
    """Return what a further step brings; arguments as for `outlook`."""
    to_demand = by_demand(arrays, capacity)
    by_x, told = gains(arrays, to_demand, arrays.A_slo, arrays.H_slo)  # (k, o, o, x), (k, o, x)
    _, loud = gains(arrays, to_demand, arrays.A_pressure, arrays.H_pressure)
    dynamic = jnp.einsum("kbox,ax->kbao", by_x, shares)[arrays.kind]
    return Later(
        bins=at_most(dynamic, p_kept(belief)[:, None]),
        information=(jnp.einsum("kbx,ax->kba", told, sharp)[arrays.kind], sharp @ loud),
    )


def compare(arrays: Arrays, belief: Belief, levels: Array, options: Options) -> Plan:
    """Return the value of each policy, from beliefs about now, at these levels."""
    n_policies, horizon, _ = arrays.policies.shape
    top = jnp.array(options.n_levels) - 1
    mean, capacity = belief.costs.mean[:-1], belief.capacity
    unsure = costs.relative_variance(belief.costs.cov, belief.anchor)[:-1]
    noisier = belief.noise**2 - arrays.least_noise**2  # than the tables have it
    hidden = jnp.maximum(unsure - belief.noise**2, 0.0)  # what a load's own noise hides is not to be learned
    shares = demand_shares(arrays, mean, noisier + hidden)
    sharp = demand_shares(arrays, mean, jnp.broadcast_to(noisier, mean.shape))
    newness = 0.5 * jnp.log1p(unsure / belief.noise**2) * arrays.pressure_weight
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
            bins = at_most(jnp.einsum("sox,ax->sao", view.by_x, shares), p_kept(belief))  # if there are more
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
    mean, unsure = belief.costs.mean, costs.relative_variance(belief.costs.cov, belief.anchor)
    shares = demand_shares(arrays, mean[settings], unsure[settings])
    capacity = lax.fori_loop(0, STEPS_HELD, lambda _, q: walked(arrays, q), belief.capacity)
    over_u = shares @ by_demand(arrays, capacity).T  # (n, u)
    tables = arrays.A_slo[arrays.kind]  # (s, o, o, u)
    start = jnp.eye(N_BINS)[belief.backlog][..., None]
    start = jnp.broadcast_to(start, (*belief.backlog.shape, N_BINS, over_u.shape[1]))
    bins = lax.fori_loop(0, STEPS_HELD, lambda _, q: jnp.einsum("sbu,sbou->sou", q, tables), start)
    return (bins[:, :N_FULFILLED].sum(1) @ over_u.T * p_kept(belief)[:, settings]).T
