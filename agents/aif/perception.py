"""What an observation tells: of the costs first, then, by pymdp's exact inference, of the capacity.

With the capacity c, the setting a, its ln cost x, each SLO's bin oₛ and the bin bₛ that it was in before,

    Q(c) ∝ P(c) · Πₛ P(oₛ | bₛ, a, c)^wₛ · P(pressure | a, c),    surprise = −ln of the sum over c
    P(o | b, a, c) = Σₓ P(x | a) A(o | b, u = x − ln c)
    P(c') = (1 − jump) Σ B(c' | c) Q(c) + jump / n

where A leaves an SLO's fulfilment the share `p_kept`, the mean of a Dirichlet distribution over the intervals
in which the setting kept and broke it with capacity to spare. Source: Heins et al. 2022, pymdp.

The levels of the knobs and the backlogs are seen exactly, so the posterior over all hidden states is that
over the capacity, given them: pymdp's inference is evaluated on the rows of A at hand instead of on the whole
product of factors; a test compares them with pymdp's own agent.
"""

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import erf
from pymdp import control, inference

from agents.aif import costs
from agents.aif.beliefs import Arrays, Belief, Evidence
from agents.common.bins import N_BINS, N_FULFILLED

SQRT_2 = 2.0**0.5
CAPACITY_ONLY = [[0]]  # pymdp's A_dependencies and B_dependencies: the capacity is the only factor left
UNSETTLED = 0.35  # log-standard deviation of a setting's first pressure: frames made before are in it
RESTED = 4  # intervals in a setting after which an SLO that is still broken is its own doing
SHRINKING = 0.98  # a ratio that is below this share of the last one is on its way down
NOISE_MEMORY = 0.05  # weight of the newest difference in what is believed of a pressure's noise
OUTLIER = 3.0  # standard deviations: a larger difference counts as one of these
KEPT_FORGETTING = 0.2  # a setting's long good record must not outweigh that it breaks an SLO now
PRIOR_BROKEN, PRIOR_KEPT = 0.004, 1.0  # counts of an SLO at a setting, while there is capacity to spare


def demand_shares(arrays: Arrays, mean: Array, variance: Array) -> Array:
    """Return P(demand) of settings whose ln cost is normal, (..., x); arguments of shape (...).

    A spread of half a bin stands for the grid's own coarseness, and lets costs move between bins.
    """
    width = arrays.demand[1] - arrays.demand[0]
    spread = jnp.sqrt(variance + width**2 / 4)[..., None]
    edges = (arrays.demand[:-1] + arrays.demand[1:]) / 2
    below = 0.5 + 0.5 * erf((edges - mean[..., None]) / (spread * SQRT_2))
    return jnp.diff(below, axis=-1, prepend=0.0, append=1.0)


def by_capacity(arrays: Arrays, shares: Array) -> Array:
    """Return, from P(demand), the matrix (u, c) that takes a table over u to one over capacities."""
    n_u, n_c = arrays.A_pressure.shape[1], arrays.ln_capacity.size
    x = jnp.arange(n_u)[:, None] + jnp.arange(n_c) - (n_c - 1)
    return jnp.where((x >= 0) & (x < shares.size), shares[jnp.clip(x, 0, shares.size - 1)], 0.0)


def by_demand(arrays: Arrays, capacity: Array) -> Array:
    """Return, from P(capacity), the matrix (u, x) that takes a table over u to one over demands."""
    n_u, n_c, n_x = arrays.A_pressure.shape[1], arrays.ln_capacity.size, arrays.demand.size
    c = jnp.arange(n_x) - jnp.arange(n_u)[:, None] + n_c - 1
    return jnp.where((c >= 0) & (c < n_c), capacity[jnp.clip(c, 0, n_c - 1)], 0.0)


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
    that is new or shrinks is the past's.
    """
    has_settled = here == belief.setting
    spread = noise_of(arrays, belief, seen, has_settled)
    noise = jnp.where(has_settled, spread, UNSETTLED)
    known = costs.remember(belief.costs, arrays.costs, arrays.forgetting, arrays.drift)
    known = costs.update(known, here, seen.ln_pressure, noise, arrays.jump, seen.pressure_known)
    is_roomy = jnp.where(seen.pressure_known > 0, seen.ln_pressure < 0, arrays.is_instant > 0)
    n_held = jnp.where(has_settled, belief.n_held + 1, 0)
    counts = seen.known * (1 - arrays.is_pressing) * is_roomy
    is_broken, shrinks = seen.heights > 1, seen.heights < SHRINKING * belief.heights
    breaks = is_broken & ~shrinks & (n_held >= jnp.where(arrays.is_instant > 0, 1, RESTED))
    near = arrays.nearness[here]
    return belief._replace(
        costs=known,
        noise=spread,
        ln_pressure=jnp.where(seen.pressure_known > 0, seen.ln_pressure, belief.ln_pressure),
        n_held=n_held,
        broken=(1 - arrays.count_forgetting) * belief.broken + jnp.outer(counts * breaks, near),
        kept=(1 - KEPT_FORGETTING) * belief.kept + jnp.outer(counts * ~is_broken * has_settled, near),
    )


def perceive(arrays: Arrays, belief: Belief, seen: Evidence, here: Array) -> tuple[Array, Array]:
    """Return P(capacity) after an observation made at joint setting `here`, and the surprise.

    What is unknown has weight 0, and so no say; an even observation would have one.
    """
    known, at = belief.costs, (arrays.kind, belief.backlog)
    unsure = costs.relative_variance(known.cov, belief.anchor)[here]
    spread = jnp.where(here == belief.setting, belief.noise, UNSETTLED)
    unsure += spread**2 - arrays.least_noise**2  # noisier than the tables have it
    to_capacity = by_capacity(arrays, demand_shares(arrays, known.mean[here], unsure))
    rows = arrays.A_slo[(*at, seen.ratios)] @ to_capacity  # of each bin that was seen, (s, c)
    fulfilled, kept = arrays.F_slo[at] @ to_capacity, p_kept(belief)[:, here, None]
    bins = seen.ratios[:, None]
    rows = jnp.where(bins < N_FULFILLED, kept * rows, rows + (bins == N_FULFILLED) * (1 - kept) * fulfilled)
    pressure = arrays.A_pressure[seen.pressure] @ to_capacity
    weights = jnp.append(arrays.weight * seen.known, seen.pressure_known)
    (posterior,), info = inference.update_posterior_states(
        [*rows[:, None], pressure[None]],
        None,
        [*weights[:, None, None]],
        None,
        prior=[belief.capacity],
        A_dependencies=CAPACITY_ONLY * weights.size,
        method="exact",
        return_info=True,
    )
    return posterior[-1], jnp.asarray(info["vfe"])


def walked(arrays: Arrays, capacity: Array) -> Array:
    """Return P(capacity) one interval later, unless it jumps."""
    (after,) = control.compute_expected_state([capacity], [arrays.B[..., None]], jnp.zeros(1, int))
    return after
