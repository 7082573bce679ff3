"""P(bin of an SLO's ratio | its parents): our own counts over a prior that seeds every state beforehand.

Neighbours share what is seen, for all axes are ordered: a metric counts in every bin that it may have been
in, a level of a knob in the levels beside it too. Forgetting is by contradiction: what is counted in a cell
takes the place of what that cell knew, up to 1 / (1 - forgetting) intervals of it, and cells that are not met
keep what they know:

    n(bin | cell) ← (1 − (1 − forgetting) · share) · n + share · [bin seen],    P(bin | cell) ∝ seeds + n

pgmpy's `fit_update` would give every column the weight of all earlier samples.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from agents.causal import metrics
from agents.causal.structure import Kind, Parents, Variables
from agents.common.bins import N_BINS, N_FULFILLED, in_bins, ratio_edges
from envs.spec import ElasticitySpec

Array = NDArray[np.float64]

BESIDE = 0.3  # of a sample's weight, what a level next to the one in force is given
NEGLIGIBLE = 1e-3  # probability of a metric's bin, below which a sample does not count in it
LEAK = 1.5e-4  # of each state, whatever the parents, so that none is impossible
AT_REST = (0.12, 0.08)  # below capacity: shares of fulfilled SLOs that go a bin down and up in an interval
UNMOVED = 0.3  # share of those that should move, and do not
SLOW = 0.1  # least share of those above capacity that rise by more than a bin
NOISE = 0.1  # log-standard deviation of a measured ratio about what it was expected to be


class Share(NamedTuple):
    """Which states of a parent a sample counts in, and how much in each: neighbours, the most being 1."""

    states: slice
    weights: Array


class Cpt:
    """The table of one SLO.

    Args:
        parents: its axes, in order.
        prior: P(bin | parents), shape (*states per parent, N_BINS).
        prior_weight: in samples, of each joint state of the parents, > 0.
        forgetting: share of a cell's counts that is left when one more is counted there; 1 = all of them.
    """

    def __init__(self, parents: Parents, prior: Array, prior_weight: float, forgetting: float) -> None:
        self.parents = parents
        self._seeds = prior_weight * prior
        self._forgetting = forgetting
        self.counts = np.zeros_like(prior)
        self.probabilities = prior.copy()

    def add(self, seen: Sequence[Share], state: int, weight: float) -> None:
        """Count one interval's outcome, for which each parent was in its `seen` states."""
        shares = np.array(weight)
        for share in seen:
            shares = shares[..., None] * share.weights
        cells = tuple(share.states for share in seen)
        counts = self.counts[cells]  # a view: cells are slices
        counts *= 1.0 - (1.0 - self._forgetting) * shares[..., None]
        counts[..., state] += shares
        self._normalise(cells)

    def fade(self, share: float) -> None:
        """Keep this share of everything that was counted."""
        self.counts *= share
        self._normalise(())

    def put(self, counts: Array) -> None:
        """Take over what such a table counted before."""
        self.counts[:] = counts
        self._normalise(())

    def _normalise(self, cells: tuple[slice, ...]) -> None:
        total = self._seeds[cells] + self.counts[cells]
        self.probabilities[cells] = total / total.sum(axis=-1, keepdims=True)


def remembering(ln_u: Array) -> Array:
    """Return P(bin after | congestion, bin before) with memory, shape (*ln_u.shape, N_BINS, N_BINS).

    Above capacity it rises, the faster the more. Below, a broken one falls, the faster the less there is to
    do; a fulfilled one is at rest, wherever that is: how low it rests says nothing of capacity.
    """
    n, n_fulfilled = N_BINS, N_FULFILLED
    u = np.exp(ln_u)[..., None, None]
    steps = np.arange(n) - np.arange(n)[:, None]  # bins up, of (before, after)
    faster = np.clip(1 - 1 / u, SLOW, 1 - SLOW)
    rising = np.where(steps > 0, faster ** np.maximum(steps - 1, 0), 0.0)
    falling = np.where(steps < 0, 0.5 ** np.maximum(-steps - 1, 0), 0.0) + 0.0 * u
    busy = _with_staying(rising, UNMOVED)
    drains = _with_staying(falling, UNMOVED + (1 - UNMOVED) * np.minimum(u, 1.0) ** 2)
    rests = np.select([steps == -1, steps == 1], AT_REST, 0.0)
    rests[:n_fulfilled, n_fulfilled:] = 0.0  # it does not break by itself
    rests[np.arange(n), np.arange(n)] = 1 - rests.sum(axis=1)
    quiet = np.where(np.arange(n)[:, None] < n_fulfilled, rests, drains)
    is_quiet = ndtr(-ln_u / NOISE)[..., None, None]
    return is_quiet * quiet + (1 - is_quiet) * busy


def _with_staying(moves: Array, staying: Array | float) -> Array:
    """Return moves of any weight as probabilities; a share stays, or all where there is nowhere to go."""
    total = moves.sum(axis=-1, keepdims=True)
    moves = moves * (1 - staying) / np.where(total > 0, total, 1.0)
    return moves + np.eye(moves.shape[-1]) * (1 - moves.sum(axis=-1, keepdims=True))


def n_states(spec: ElasticitySpec, parents: Parents) -> tuple[int, ...]:
    """Return the states of each parent, as an axis of a table."""
    sizes = {Kind.METRIC: metrics.N_BINS, Kind.BEFORE: N_BINS}
    return tuple(sizes[kind] if kind in sizes else spec.n_levels[index] for kind, index in parents)


def prior_of(variables: Variables, slo: int, parents: Parents) -> Array:
    """Return what is known of an SLO beforehand, given these of its candidates; shape (*states, N_BINS).

    It hangs on its metric, and with memory on where it was: a prior that is told neither is their mean.
    """
    spec, given = variables.spec, variables.given[slo]
    objective = spec.slos[slo]
    if objective.memory:
        table = remembering(metrics.CENTRES)
    else:
        table = in_bins(metrics.CENTRES, NOISE, np.log(ratio_edges(objective.warn_at)))
    table = table + LEAK
    table = table / table.sum(axis=-1, keepdims=True)
    for axis in reversed(range(len(given))):
        if given[axis] not in parents:
            table = table.mean(axis=axis)
    sizes = n_states(spec, parents)
    shape = [n if node in given else 1 for node, n in zip(parents, sizes, strict=True)]
    return np.broadcast_to(table.reshape(*shape, -1), (*sizes, N_BINS)).copy()


def in_metric(probabilities: Array) -> Share:
    """Return a sample whose metric is in each bin with these probabilities."""
    likely = np.flatnonzero(probabilities > NEGLIGIBLE)
    states = slice(int(likely[0]), int(likely[-1]) + 1)
    return Share(states, probabilities[states] / probabilities.max())


def at_level(n_levels: int, level: int) -> Share:
    """Return a sample at a level of a knob, which says a little of the levels beside it."""
    states = slice(max(level - 1, 0), min(level + 2, n_levels))
    return Share(states, np.where(np.arange(states.start, states.stop) == level, 1.0, BESIDE))


def in_state(state: int) -> Share:
    """Return a sample in one state alone."""
    return Share(slice(state, state + 1), np.ones(1))
