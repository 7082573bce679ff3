"""What the settings really cost: a Gaussian belief over the logarithm of every joint setting's demand.

The spec gives relative costs, and the world has others; of each stage by itself. A measured pressure r at
setting a is taken as ln r = x(a) - k + noise: x is what is learned, and k, the logarithm of the capacity,
moves with the world (workers are lost, load comes). x and k are jointly Gaussian, so what is seen at one
setting tells of its neighbours too; the update is a Kalman filter's, of two hypotheses (k as before; k
anywhere) merged into one Gaussian: see agents.common.kalman, with the source.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from agents.common import kalman
from envs.spec import ElasticitySpec

Floats = NDArray[np.float64]

MAX_LEARNED = 1024  # joint settings whose costs are learned: their covariances are updated in every step
ANYWHERE = 2.0  # log-standard deviation of k before anything was seen, and of a jump


@dataclass(frozen=True, slots=True)
class CostPrior:
    """How far the spec's relative costs are trusted; the figures of conf/agent/aif.yaml.

    Attributes:
        slope: what a unit of the spec's ln cost is expected to be, > 0; below 1, for what no knob moves
            (overheads) makes real costs flatter than those in a spec.
        slope_sd: of that, per knob, >= 0.
        step_sd: log-standard deviation of what one more level of one knob costs beside that, >= 0.
        interaction_sd: log-standard deviation by which two knobs, from end to end, cost more together, >= 0.
    """

    slope: float
    slope_sd: float
    step_sd: float
    interaction_sd: float

    def __post_init__(self) -> None:
        if self.slope <= 0 or min(self.slope_sd, self.step_sd, self.interaction_sd) < 0:
            raise ValueError(
                "cost_prior: slope must be > 0 and the standard deviations >= 0, got "
                f"{self} (conf/agent/aif.yaml)"
            )


class Costs(NamedTuple):
    """A Gaussian over x of every joint setting and, last, k.

    Attributes:
        mean: shape (n_settings + 1,).
        cov: shape (n_settings + 1, n_settings + 1).
    """

    mean: Array
    cov: Array


def covariance(
    steps: Sequence[Floats],
    slope_sds: Sequence[float],
    step_sd: float,
    interaction_sd: float,
    rows: NDArray[np.int64],
) -> Floats:
    """Return the covariance of x over settings: a slope per knob, a walk along its levels, products.

    Args:
        steps: per knob, what the slope is of, per level, 0 for the lowest.
        slope_sds: per knob.
        step_sd, interaction_sd: see `CostPrior`.
        rows: level per knob, shape (n_settings, n_knobs).

    Returns:
        Shape (n_settings, n_settings).
    """
    n = len(rows)
    total, walks = np.zeros((n, n)), []
    for knob, (step, slope_sd) in enumerate(zip(steps, slope_sds, strict=True)):
        levels = rows[:, knob]
        along = step[levels]
        shared = np.minimum(levels[:, None], levels)  # levels that two settings both have climbed
        total += slope_sd**2 * np.outer(along, along) + step_sd**2 * shared
        walks.append(shared / max(step.size - 1, 1))
    for i in range(len(walks)):
        for j in range(i):
            total += interaction_sd**2 * walks[i] * walks[j]
    return total


def with_offset(mean: Floats, cov: Floats, k: float, k_sd: float) -> tuple[Floats, Floats]:
    """Return the same with k as a further, independent entry."""
    wider = np.zeros((mean.size + 1, mean.size + 1))
    wider[:-1, :-1], wider[-1, -1] = cov, k_sd**2
    return np.append(mean, k), wider


def demand_prior(
    spec: ElasticitySpec, stage: int, settings: NDArray[np.int64], prior: CostPrior, k: float, is_known: bool
) -> tuple[Floats, Floats]:
    """Return mean and covariance of the pressure over settings and k, the logarithm of the capacity.

    Args:
        spec: the stream.
        stage: whose pressure and capacity.
        settings: level per knob, shape (n_settings, n_knobs).
        prior: see there.
        k: expected.
        is_known: whether k is taken for known: then it is what all settings cost that has to be learned.
    """
    costs = [np.array(knob.costs[stage]) for knob in spec.knobs]
    steps = [np.log(cost / cost[0]) for cost in costs]
    lowest = float(np.log([cost[0] for cost in costs]).sum())
    mean = lowest + prior.slope * sum(step[settings[:, i]] for i, step in enumerate(steps))
    cov = covariance(steps, [prior.slope_sd] * len(steps), prior.step_sd, prior.interaction_sd, settings)
    if is_known:
        return with_offset(np.asarray(mean), cov + ANYWHERE**2, k, 0.0)
    return with_offset(np.asarray(mean), cov, k, ANYWHERE)


def remember(belief: Costs, prior: Costs, forgetting: Array, drift: Array) -> Costs:
    """Return the belief one interval later: x goes a share of the way back to its prior, k has walked."""
    keep = 1.0 - forgetting * jnp.ones_like(belief.mean).at[-1].set(0.0)
    mean = prior.mean + keep * (belief.mean - prior.mean)
    share = keep[:, None] * keep
    cov = prior.cov + share * (belief.cov - prior.cov)
    return Costs(mean, cov.at[-1, -1].add(drift**2))


def update(
    belief: Costs, here: Array, ln_pressure: Array, noise: Array, jump: Array, is_seen: Array
) -> Costs:
    """Return what one measured pressure teaches.

    Args:
        belief: before.
        here: row of the setting in force.
        ln_pressure: measured.
        noise: its log-standard deviation.
        jump: probability that k has gone anywhere since.
        is_seen: 0 if nothing was measured: then nothing changes.
    """
    row = belief.cov[:, here] - belief.cov[:, -1]  # covariance of everything with x(here) - k
    variance = row[here] - row[-1] + noise**2
    surprise = ln_pressure - (belief.mean[here] - belief.mean[-1])
    wide = row.at[-1].add(-(ANYWHERE**2))  # the same if k has jumped
    wide_variance = variance + ANYWHERE**2
    stayed = jnp.log1p(-jump) + jax.scipy.stats.norm.logpdf(surprise, 0.0, jnp.sqrt(variance))
    jumped = jnp.log(jump) + jax.scipy.stats.norm.logpdf(surprise, 0.0, jnp.sqrt(wide_variance))
    p_jumped = jax.nn.sigmoid(jumped - stayed)
    grown = belief.cov.at[-1, -1].add(p_jumped * ANYWHERE**2)
    told = kalman.either(belief.mean, grown, (row, variance), (wide, wide_variance), p_jumped, surprise)
    return Costs(*(jnp.where(is_seen > 0, new, old) for new, old in zip(told, belief, strict=True)))


def relative_variance(cov: Array, reference: Array) -> Array:
    """Return the variance of every entry's difference from that of one row, shape (n_settings + 1,)."""
    return jnp.maximum(jnp.diagonal(cov) + cov[reference, reference] - 2 * cov[:, reference], 0.0)
