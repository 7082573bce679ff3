"""P(what an SLO shows | demand over capacity): the bins of a ratio, and how each kind of SLO fills them.

Everything is a function of u = demand / capacity, both in units of the spec's relative cost: 1 means that the
capacity is just used up.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from agents.common.bins import N_BINS, N_FULFILLED, in_bins
from envs.spec import RATIO_CAP

Array = NDArray[np.float64]

PRESSURE = (0.01, 8.0)  # outermost edges of the pressure's bins
LEAK = 0.02  # share of surprises that no model explains, spread over all bins
KEPT = 0.7  # ratio of a lower bound when capacity is just used up: somewhere below 1
TINY = 1e-9  # keeps a share of nothing finite

# SLOs with memory: how far and how fast they move is not in a spec, so these are broad. See `remembering`.
# Tried on the plants of tests/agents, with costs and measurements as the specs have them and otherwise.
PULL = 1.5  # how far u moves such a ratio within an interval, in powers of u
SPREAD = 0.8  # log-standard deviation of where it then is
DRAINS = 0.5  # a u from which less would not drain a backlog any faster
CARRIED = (0.3, 1.5)  # a carried ratio moves as if it were in this range
AT_REST = (0.1, 0.4, 0.1)  # below capacity: shares that go a bin down, stay and go up, the rest falls
UNMOVED = 0.3  # above capacity: share that does not rise yet


def pressure_edges(n_bins: int) -> Array:
    """Return the edges of the pressure's bins, equally spaced in the logarithm, shape (n_bins - 1,)."""
    return np.geomspace(*PRESSURE, n_bins - 1)


def centres(edges: Array) -> Array:
    """Return a ratio that stands for each bin, shape (n_bins,)."""
    inner = np.sqrt(edges[:-1] * edges[1:])
    return np.array([edges[0] / 2, *inner, np.sqrt(edges[-1] * RATIO_CAP)])


def with_leak(probabilities: Array) -> Array:
    """Return probabilities with a little of everything, so that no observation is impossible."""
    return (1 - LEAK) * probabilities + LEAK / probabilities.shape[-1]


def proportional(ln_u: Array, noise: float, edges: Array) -> Array:
    """Return P(bin) of a ratio that is u itself, as a load is; shape (*ln_u.shape, n_bins)."""
    return with_leak(in_bins(ln_u, noise, np.log(edges)))


def limiting(ln_u: Array, noise: float, edges: Array) -> Array:
    """Return P(bin) of a lower bound on what is delivered, as far as capacity goes; shape likewise.

    While capacity suffices it limits nothing: the lowest bin. Beyond, a share 1 / u is delivered of what
    would be otherwise, and the ratio grows.
    """
    ratio = np.log(KEPT) + np.maximum(ln_u, 0.0)
    beyond = in_bins(ratio, noise, np.log(edges))
    lowest = np.eye(edges.size + 1)[0]
    is_beyond = ndtr(ln_u / noise)[..., None]
    return with_leak(is_beyond * beyond + (1 - is_beyond) * lowest)


def remembering(ln_u: Array, noise: float, edges: Array) -> Array:
    """Return P(bin) of a ratio that carries the past, by the bin before, (n_bins, *ln_u.shape, n_bins).

    Above capacity it rises from where it was; below, it falls, or is at rest where it was. It goes on
    responding to u wherever it is, or an agent that sees it at its worst would stop caring.
    """
    before = np.arange(N_BINS).reshape(-1, *[1] * (ln_u.ndim + 1))
    after = np.arange(N_BINS)
    ln_before = np.log(np.clip(centres(edges), *CARRIED)).reshape(-1, *[1] * ln_u.ndim)
    pull = PULL * np.maximum(ln_u, np.log(DRAINS))
    moved = in_bins(ln_before + pull, SPREAD, np.log(edges)) + TINY
    rising, falling = moved * (after >= before), moved * (after <= before)
    falls = falling / falling.sum(-1, keepdims=True)
    rests = sum(share * (after == before + step) for step, share in zip((-1, 0, 1), AT_REST, strict=True))
    rests = rests * ((before < N_FULFILLED) & (after < N_FULFILLED))
    quiet = rests + (1 - rests.sum(-1, keepdims=True)) * falls
    busy = UNMOVED * (after == before) + (1 - UNMOVED) * rising / rising.sum(-1, keepdims=True)
    is_quiet = ndtr(-ln_u / noise)[None, ..., None]
    return with_leak(is_quiet * quiet + (1 - is_quiet) * busy)
