"""What an observation tells: of the costs first, then, by pymdp's exact inference, of the capacity.

With a stage's capacity c, the setting a, its ln cost x, each SLO's bin oₛ and the bin bₛ that it was in
before,

    Q(c) ∝ P(c) · Πₛ P(oₛ | bₛ, a, c)^wₛ · P(pressure | a, c),    surprise = −ln of the sum over c
    P(o | b, a, c) = Σᵤ P(u* = u | a, c) A(o | b, u),    u* = the largest x − ln c of all stages
    P(c') = (1 − jump) Σ B(c' | c) Q(c) + jump / n

where A leaves an SLO's fulfilment the share `p_kept`, the mean of a Dirichlet distribution over the intervals
in which the setting kept and broke it with capacity to spare. Source: Heins et al. 2022, pymdp.

The levels of the knobs and the backlogs are seen exactly, so the posterior over all hidden states is that
over the capacity, given them: pymdp's inference is evaluated on the rows of A at hand instead of on the whole
product of factors; a test compares them with pymdp's own agent.

Stages are factors of their own. Each has a pressure of its own; an SLO hangs on all of them, by the one that
binds, and tells a stage what the others leave open: in u* they count as their own pressures have them (Pearl
1988, belief propagation, exact for one SLO).
"""

import math

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import erf
from pymdp import control, inference

from agents.aif import costs
from agents.aif.beliefs import Arrays, Belief, Evidence
from agents.common.bins import N_BINS, N_FULFILLED
from agents.common.bottleneck import IDLE

SQRT_2 = 2.0**0.5
CAPACITY_ONLY = [[0]]  # pymdp's A_dependencies and B_dependencies: a capacity is the only factor left
LN_IDLE = math.log(IDLE) + 1e-3  # up to there: rounding
TRACE = 1e-4  # of probability, so that no capacity is impossible
UNSETTLED = 0.35  # log-standard deviation of a setting's first pressure: frames made before are in it
RESTED = 4  # intervals in a setting after which an SLO that is still broken or a load is its own doing
SHRINKING = 0.98  # a ratio that is below this share of the last one is on its way down
NOISE_MEMORY = 0.05  # weight of the newest difference in what is believed of a pressure's noise
OUTLIER = 3.0  # standard deviations: a larger difference counts as one of these
KEPT_FORGETTING = 0.2  # a setting's long good record must not outweigh that it breaks an SLO now
PRIOR_BROKEN, PRIOR_KEPT = 0.004, 1.0  # counts of an SLO at a setting, while there is capacity to spare


def p_below(demand: Array, mean: Array, variance: Array) -> Array:
    """Return P(demand below each edge of its bins) where ln cost is normal, (..., x + 1), from 0 to 1.

    A spread of half a bin stands for the grid's own coarseness, and lets costs move between bins.

    Args:
        demand: bins of one stage, shape (x,).
        mean, variance: of ln cost, shape (...).
    """
    width = demand[1] - demand[0]
    spread = jnp.sqrt(variance + width**2 / 4)[..., None]
    edges = (demand[:-1] + demand[1:]) / 2
    below = 0.5 + 0.5 * erf((edges - mean[..., None]) / (spread * SQRT_2))
    ends = [(0, 0)] * mean.ndim
    return jnp.pad(jnp.pad(below, [*ends, (1, 0)]), [*ends, (0, 1)], constant_values=1.0)


def demand_shares(demand: Array, mean: Array, variance: Array) -> Array:
    """Return P(demand) of settings, shape (..., x); arguments as for `p_below`."""
    return jnp.diff(p_below(demand, mean, variance))


def by_capacity(arrays: Arrays, shares: Array) -> Array:
    """Return, from P(demand), the matrix (u, c) that takes a table over u to one over capacities."""
    return shifted(shares, arrays.ln_capacity.shape[1])[::-1].T


def by_demand(arrays: Arrays, capacity: Array) -> Array:
    """Return, from P(capacity), the matrix (u, x) that takes a table over u to one over demands."""
    return shifted(capacity[::-1], arrays.demand.shape[1]).T


def shifted(row: Array, n: int) -> Array:
    """Return a row n times, each time one place further right, in zeros; shape (n, row.size + n - 1)."""
    length = row.size + n - 1
    return jnp.tile(jnp.pad(row, (0, n)), n)[: n * length].reshape(n, length)


REMEMBER = jax.vmap(costs.remember, in_axes=(0, 0, None, None))
UPDATE = jax.vmap(costs.update, in_axes=(0, None, 0, 0, None, 0))
VARIANCE = jax.vmap(costs.relative_variance, in_axes=(0, None))
BELOW = jax.vmap(p_below)
SHARES = jax.vmap(demand_shares)


def p_kept(belief: Belief) -> Array:
    """Return P(SLO kept | setting, capacity to spare), the mean of a Dirichlet of two, shape (s, a)."""
    broken, kept = PRIOR_BROKEN + belief.broken, PRIOR_KEPT + belief.kept
    return kept / (broken + kept)


def at_most(bins: Array, kept: Array) -> Array:
    """Return P(bin) where an SLO may be broken for another reason: of fulfilled ones a share remains.

    Args:
        bins: P(bin) by demand and capacity, shape (..., o).
        kept: see `p_kept`, shape (...).
    """
    fulfilled = bins * (jnp.arange(N_BINS) < N_FULFILLED)
    lost = (fulfilled * (1 - kept[..., None])).sum(-1)
    return (bins - fulfilled * (1 - kept[..., None])).at[..., N_FULFILLED].add(lost)


def noise_of(arrays: Arrays, belief: Belief, seen: Evidence, has_settled: Array) -> Array:
    """Return how noisy pressures are, from differences at the same setting; a jump is no noise."""
    variance = belief.noise**2
    apart = jnp.minimum((seen.ln_pressure - belief.ln_pressure) ** 2 / 2, OUTLIER**2 * variance)
    counts = has_settled & (seen.pressure_known > 0) & jnp.isfinite(apart)
    newest = jnp.where(counts, apart, variance)
    return jnp.maximum(jnp.sqrt((1 - NOISE_MEMORY) * variance + NOISE_MEMORY * newest), arrays.least_noise)


def learned(arrays: Arrays, belief: Belief, seen: Evidence, here: Array) -> Belief:
    """Return costs and counts after one more interval.

    What breaks while there is capacity to spare is the setting's own doing: a slow worker that holds up all
    others, or a lower bound that the setting is too low for. It is counted only where it goes on: a backlog
    that is new or shrinks is the past's. So is the load while such a backlog is worked off: it is of what was
    begun under other settings, and taken for this one's it would teach that all cost alike.
    """
    has_settled = here == belief.setting
    spread = noise_of(arrays, belief, seen, has_settled)
    noise = jnp.where(has_settled, spread, UNSETTLED)
    known = REMEMBER(belief.costs, arrays.costs, arrays.forgetting, arrays.drift)
    n_held = jnp.where(has_settled, belief.n_held + 1, 0)
    is_broken, rests = seen.heights > 1, n_held >= jnp.where(arrays.is_instant > 0, 1, RESTED)
    is_past = ((belief.heights > 1) & (arrays.is_instant == 0) & ~rests).any()
    known = UPDATE(known, here, seen.ln_pressure, noise, arrays.jump, seen.pressure_known * ~is_past)
    pressed = jnp.where(seen.pressure_known > 0, seen.ln_pressure, -jnp.inf).max()
    is_roomy = jnp.where((seen.pressure_known > 0).any(), pressed < 0, arrays.is_instant > 0)
    counts = seen.known * (1 - arrays.is_pressing) * is_roomy
    breaks = is_broken & rests & (seen.heights >= SHRINKING * belief.heights)
    near = arrays.nearness[here]
    return belief._replace(
        costs=known,
        noise=spread,
        ln_pressure=jnp.where(seen.pressure_known > 0, seen.ln_pressure, belief.ln_pressure),
        n_held=n_held,
        broken=(1 - arrays.count_forgetting) * belief.broken + jnp.outer(counts * breaks, near),
        kept=(1 - KEPT_FORGETTING) * belief.kept + jnp.outer(counts * ~is_broken * has_settled, near),
    )


def binding(by_stage: Array) -> Array:
    """Return P(u* = u) from P(u) of each stage, u* the largest of them; shapes (..., u) and (i, ..., u)."""
    return jnp.diff(by_stage.cumsum(-1).prod(0), axis=-1, prepend=0.0)


def against_others(tables: Array, to_capacity: Array, capacity: Array) -> Array:
    """Return tables over u*, the largest of all stages' u, as each stage's capacity has them; (i, t, c).

    Where the others are at most at u, it is u that counts, else where they are.

    Args:
        tables: over u, shape (t, u).
        to_capacity: P(u | c) of each stage by itself, shape (i, u, c).
        capacity: P(c) of each, shape (i, c).
    """
    below = jnp.einsum("iuc,ic->iu", to_capacity, capacity).cumsum(1)
    others = jnp.where(jnp.eye(len(below), dtype=bool)[..., None], 1.0, below).prod(1)[:, None]
    where_others_are = tables * jnp.diff(others, prepend=0.0)  # the largest of them is u
    beyond = where_others_are.sum(-1, keepdims=True) - where_others_are.cumsum(-1)
    return jnp.asarray((tables * others + beyond) @ to_capacity)


def perceive(arrays: Arrays, belief: Belief, seen: Evidence, here: Array) -> tuple[Array, Array]:
    """Return P(capacity) of each stage after an observation made at joint setting `here`, and the surprise.

    What is unknown has weight 0, and so no say; an even observation would have one. The surprise is the sum
    of the stages': what an SLO does counts for each.
    """
    known, at = belief.costs, (arrays.kind, belief.backlog)
    unsure = VARIANCE(known.cov, belief.anchor)[:, here]
    spread = jnp.where(here == belief.setting, belief.noise, UNSETTLED)
    unsure += spread**2 - arrays.least_noise**2  # noisier than the tables have it
    shares = SHARES(arrays.demand, known.mean[:, here], unsure)
    to_capacity = jax.vmap(by_capacity, in_axes=(None, 0))(arrays, shares)
    pressure = jnp.einsum("iu,iuc->ic", arrays.A_pressure[seen.pressure], to_capacity)
    most = jnp.eye(pressure.shape[1])[-1] + TRACE  # an idle stage has all the capacity that there can be
    pressure = jnp.where(seen.ln_pressure[:, None] > LN_IDLE, pressure, most)
    heard = belief.capacity * jnp.where(seen.pressure_known[:, None] > 0, pressure, 1.0)
    tables = jnp.concatenate([arrays.A_slo[(*at, seen.ratios)], arrays.F_slo[at]])  # the bins that were seen
    told = against_others(tables, to_capacity, heard / heard.sum(1, keepdims=True))
    rows, fulfilled = jnp.split(told, 2, axis=1)  # (i, s, c)
    bins, kept = seen.ratios[:, None], p_kept(belief)[:, here, None]
    rows = jnp.where(bins < N_FULFILLED, kept * rows, rows + (bins == N_FULFILLED) * (1 - kept) * fulfilled)
    posteriors, surprises = jax.vmap(inferred, in_axes=(None, 0, 0, 0, 0))(
        arrays.weight * seen.known, rows, pressure, seen.pressure_known, belief.capacity
    )
    return posteriors, surprises.sum()


def inferred(
    weights: Array, rows: Array, pressure: Array, pressure_known: Array, prior: Array
) -> tuple[Array, Array]:
    """Return pymdp's posterior of one stage's capacity, and the surprise."""
    weights = jnp.append(weights, pressure_known)
    (posterior,), info = inference.update_posterior_states(
        [*rows[:, None], pressure[None]],
        None,
        [*weights[:, None, None]],
        None,
        prior=[prior],
        A_dependencies=CAPACITY_ONLY * weights.size,
        method="exact",
        return_info=True,
    )
    return posterior[-1], jnp.asarray(info["vfe"])


def walked(arrays: Arrays, capacity: Array) -> Array:
    """Return P(capacity) of each stage one interval later, unless it jumps."""

    def one(own: Array) -> Array:
        return control.compute_expected_state([own], [arrays.B[..., None]], jnp.zeros(1, int))[0]

    return jax.vmap(one)(capacity)
