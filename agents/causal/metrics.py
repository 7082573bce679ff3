"""What a metric is expected to be at every joint setting: the linear-Gaussian nodes of the network.

Of each stage's load, the pressure on it, and of each lower bound without memory,

ln ratio = price + the sum over the knobs of the effect of their levels (+ bottleneck, of a queue) + noise

The price is what a unit of work costs in the world as it is now. It drifts, and now and then it jumps: a
worker is lost, the load triples. The effects belong to the stream and stay, so what was learned of them holds
after a loss. The same work fills the queues, but a measured pressure need not be all that they feel,
for there may be another bottleneck: how much more it is, is inferred from what the SLOs with memory do.

Where there are several stages, an SLO hangs on the one that binds: the largest of them (`largest`).

All three are one Gaussian belief, see agents.causal.inference for how it is updated; with tables below such
nodes the network is a conditional Gaussian one (Lauritzen 1992, "Propagation of probabilities, means and
variances in mixed graphical association models").
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from agents.common import bins
from envs.spec import ElasticitySpec

Array = NDArray[np.float64]

WIDTH = 0.1  # of a bin of ln ratio
EDGES = np.asarray(WIDTH * np.arange(-40, 23), np.float64)  # ratios of .018 to 9.0, the threshold among them
CENTRES = np.concatenate([[EDGES[0] - WIDTH / 2], EDGES + WIDTH / 2])
N_BINS = len(CENTRES)

PRICE = (-2.0, 3.0)  # mean and standard deviation of ln price, before anything was seen
JUMP = 1.2  # log-standard deviation of a jump of the price
BOTTLENECK_DRIFT = 0.03  # of the bottleneck in one interval, likewise
BOTTLENECK_JUMP = 0.5
EXPONENT = 0.9  # of a spec's costs: work that no knob moves makes real ones differ less
SLOPE = 0.25  # by which that may be off, from level to level SLOPE_STEP more
SLOPE_STEP = 0.15
UNSTEADY = 0.03  # by which the effect of a level may be off in any case
BOTTLENECK = 0.25  # log-standard deviation of what a queue feels beyond the measured pressure
FAR = 6.0  # standard deviations from which on a normal is taken to be below, or above, for sure
UNTOLD = 0.5  # log-standard deviation of a level's effect over the one below, where costs say nothing of it


class Belief(NamedTuple):
    """Of the price, the effects of each knob's levels above its lowest, and the bottleneck, in that order.

    Attributes:
        mean: shape (d,).
        cov: shape (d, d).
    """

    mean: Array
    cov: Array


def design(spec: ElasticitySpec, settings: NDArray[np.int64], is_queue: bool) -> Array:
    """Return rows that pick, from a `Belief`, what adds up at each of these settings; shape (n, d)."""
    columns = [np.ones(len(settings))]
    for knob, n_levels in enumerate(spec.n_levels):
        columns += [settings[:, knob] == level for level in range(1, n_levels)]
    columns.append(np.full(len(settings), float(is_queue)))
    return np.stack(columns, axis=1).astype(np.float64)


def prior(spec: ElasticitySpec, stage: int | None) -> Belief:
    """Return what is believed before anything was seen: effects are those of a stage's costs, or anything.

    Args:
        spec: the stream.
        stage: whose demand the metric grows with; None: no level's effect is known beforehand.
    """
    follows_cost = stage is not None
    means, blocks = [np.array([PRICE[0] if follows_cost else 0.0])], [np.array([[PRICE[1] ** 2]])]
    for knob in spec.knobs:
        costs = np.array(knob.costs[stage or 0])
        ln_cost = EXPONENT * np.log(costs[1:] / costs[0])
        steps = np.abs(np.diff(ln_cost, prepend=0.0)) * SLOPE_STEP + UNSTEADY
        if not follows_cost:
            ln_cost, steps = np.zeros_like(ln_cost), np.full_like(steps, UNTOLD)
        walk = np.cumsum(steps**2)
        means.append(ln_cost)
        blocks.append(SLOPE**2 * np.outer(ln_cost, ln_cost) + np.minimum.outer(walk, walk))
    means.append(np.zeros(1))
    blocks.append(np.array([[BOTTLENECK**2]]))
    size = sum(len(mean) for mean in means)
    cov, start = np.zeros((size, size)), 0
    for block in blocks:
        stop = start + len(block)
        cov[start:stop, start:stop] = block
        start = stop
    return Belief(np.concatenate(means), cov)


def price_forgotten(belief: Belief, first: Belief) -> Belief:
    """Return the same effects in a world of which nothing was seen yet; `first` is the prior."""
    mean, cov = belief.mean.copy(), belief.cov.copy()
    for i in (0, -1):
        mean[i] = first.mean[i]
        cov[i, :] = cov[:, i] = 0.0
        cov[i, i] = first.cov[i, i]
    return Belief(mean, cov)


def widened(belief: Belief, price_variance: float, bottleneck_variance: float = 0.0) -> Belief:
    """Return the same with a price and a bottleneck that are less certain."""
    cov = belief.cov.copy()
    cov[0, 0] += price_variance
    cov[-1, -1] += bottleneck_variance
    return Belief(belief.mean, cov)


def expected(belief: Belief, rows: Array) -> tuple[Array, Array]:
    """Return mean and variance of ln ratio at these rows of a design, without the noise; shape (n,) each."""
    return rows @ belief.mean, np.maximum(((rows @ belief.cov) * rows).sum(axis=1), 0.0)


def in_bins(mean: Array, variance: Array) -> Array:
    """Return P(bin) of ln ratio, shape (*mean.shape, N_BINS)."""
    return bins.in_bins(mean, _spread(variance), EDGES)


def largest_in_bins(means: Array, variances: Array) -> Array:
    """Return P(bin) of the largest of several stages' ln ratios, shape (n, N_BINS).

    Stages that are far below another at a setting, as idle ones are, are left out of it.

    Args:
        means, variances: of each by itself, shape (n_stages, n).
    """
    spreads = _spread(variances)
    counts = means + FAR * spreads >= (means - FAR * spreads).max(axis=0)
    away = (EDGES - means[..., None]) / spreads[..., None]
    unsure = (np.abs(away) < FAR) & counts[..., None]
    below = (away > 0).astype(np.float64)
    below[unsure] = ndtr(away[unsure])
    together = np.zeros((means.shape[1], N_BINS + 1))
    together[:, 1:-1], together[:, -1] = below.prod(axis=0), 1.0
    return np.asarray(together[:, 1:] - together[:, :-1])


def largest(stages: Sequence[Array]) -> Array:
    """Return P(bin) of the largest of some metrics, from P(bin) of each by itself, shape (N_BINS,)."""
    if len(stages) == 1:
        return stages[0]
    below = np.array(stages).cumsum(axis=-1).prod(axis=0)
    below[1:] -= below[:-1].copy()
    return np.asarray(below)


def _spread(variance: Array) -> Array:
    return np.sqrt(variance + (WIDTH / 4) ** 2)  # a certain value is in its bin


def moments(probabilities: Array) -> tuple[float, float]:
    """Return mean and variance of ln ratio whose bins have these probabilities."""
    mean = float(probabilities @ CENTRES)
    return mean, float(probabilities @ (CENTRES - mean) ** 2) + WIDTH**2 / 12
