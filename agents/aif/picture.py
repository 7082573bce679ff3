"""An agent's last decision for people to look at: what it believed, and what it compared."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from agents.aif.beliefs import Arrays, Belief
from agents.aif.decision import appraise
from agents.aif.planning import Options

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is to draw; policies along the leading axis, nats unless named otherwise.

    Attributes:
        capacities: the grid of each stage, in units of the spec's relative cost, ascending, shape (i, c).
        belief: P(capacity) of each, after the last observation, shape (i, c).
        settings: where each policy's first step leads, level per knob, shape (n_policies, n_knobs).
        demands: what these settings are expected to cost, in the unit of the capacities, (i, n_policies).
        expected_free_energy: of each policy; the least is best, shape (n_policies,).
        pragmatic, epistemic, improvement: its parts, see `agents.aif.decision.Figures`; shape (n_policies,).
        probabilities: of the policies, with what leaving the present setting costs, shape (n_policies,).
    """

    capacities: Array
    belief: Array
    settings: NDArray[np.int64]
    demands: Array
    expected_free_energy: Array
    pragmatic: Array
    epistemic: Array
    improvement: Array
    probabilities: Array


def picture_of(arrays: Arrays, now: Belief, options: Options) -> Picture:
    """Return the picture of beliefs about an interval that has just ended; at first, of the first ones."""
    levels = jnp.stack(jnp.unravel_index(now.setting, options.n_levels))
    plan, value, probabilities = jax.device_get(appraise(arrays, now, levels, options))
    return Picture(
        capacities=np.exp(plain(arrays.ln_capacity)),
        belief=plain(now.capacity),
        settings=np.stack(np.unravel_index(plan.settings, options.n_levels), axis=1),
        demands=np.exp(plain(now.costs.mean)[:, plan.settings]),
        expected_free_energy=-plain(value),
        pragmatic=plain(plan.pragmatic),
        epistemic=plain(plan.epistemic),
        improvement=plain(plan.improvement),
        probabilities=plain(probabilities),
    )


def plain(values: jax.Array) -> Array:
    """Return values as NumPy has it, in double precision."""
    return np.asarray(values, dtype=np.float64)
