"""Learning the structure again: what a structure is learned from, and how the tables follow it."""

import logging
from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from agents.causal import metrics
from agents.causal.model import Model, Sample
from agents.causal.structure import Kind, Node, Parents, Score
from agents.causal.tables import Cpt
from agents.common.bins import N_BINS, N_FULFILLED

logger = logging.getLogger(__name__)

# A structure is learned on fewer states than the tables have, or a window would tell nothing of them.
METRIC_EDGES = np.log([0.5, 0.8, 1.0, 1.25, 2.0])
SLO_EDGES = (N_FULFILLED - 3, N_FULFILLED - 1, N_FULFILLED)  # of bins
SEED = 5  # of the draws from the prior: they are the same for every agent of a spec


class Samples:
    """The last samples, as rows of states, over as many that were drawn from the given network beforehand.

    Without those, an SLO that was never broken would hang on nothing, and any setting would do.

    Args:
        model: whose structure is learned.
        window: samples that are kept, >= 1.
    """

    def __init__(self, model: Model, window: int) -> None:
        self._nodes = nodes_of(model)
        self._prior = drawn(model, self._nodes, window)
        self.recent: deque[Sample] = deque(maxlen=window)

    def learn(self, model: Model, score: Score, max_parents: int) -> bool:
        """Give the model the structure that the samples speak for; whether it is another one."""
        from agents.common.climbing import climb  # takes seconds the first time

        column = {node: i for i, node in enumerate(self._nodes)}
        allowed = {
            column[Node(Kind.SLO, slo)]: [column[node] for node in candidates]
            for slo, candidates in enumerate(model.variables.candidates)
        }
        rows = np.concatenate([self._prior, [row_of(model, self._nodes, s) for s in self.recent]])
        states = [n_coarse(model, node) for node in self._nodes]
        found = climb(rows, states, allowed, score.penalty(len(rows)), max_parents)
        changed = False
        for slo, table in enumerate(model.tables):
            parents = tuple(self._nodes[i] for i in found[column[Node(Kind.SLO, slo)]])
            if parents != table.parents:
                changed = True
                model.tables[slo] = recounted(model, slo, parents, self.recent)
                names = ", ".join(map(model.variables.name, parents)) or "nothing"
                logger.info("%s now hangs on %s", model.variables.spec.slos[slo].metric, names)
        return changed


def nodes_of(model: Model) -> Parents:
    """Return every variable, in the order of the columns: as the axes of a table, then the SLOs."""
    variables = model.variables
    above: dict[Node, None] = dict.fromkeys(Node(Kind.METRIC, i) for i in range(len(variables.belief_of)))
    for candidates in variables.candidates:
        above |= dict.fromkeys(candidates)
    return (*above, *(Node(Kind.SLO, slo) for slo in range(len(variables.spec.slos))))


def recounted(model: Model, slo: int, parents: Parents, samples: Iterable[Sample]) -> Cpt:
    """Return a table with other parents, of all the samples that are left."""
    table = model.table(slo, parents)
    for sample in samples:
        if slo in sample.expectations:
            model.count(table, slo, sample)
    return table


def n_coarse(model: Model, node: Node) -> int:
    """Return the number of states of a variable in a row."""
    if node.kind is Kind.KNOB:
        return model.variables.spec.n_levels[node.index]
    return 1 + len(METRIC_EDGES if node.kind is Kind.METRIC else SLO_EDGES)


def row_of(model: Model, nodes: Parents, sample: Sample) -> list[int]:
    """Return the state of each variable in a sample; an SLO that was not measured counts as where it was."""
    metric_of, row = model.variables.metric_of, []
    expected = {metric_of[slo]: float(e @ metrics.CENTRES) for slo, e in sample.expectations.items()}
    for kind, i in nodes:
        if kind is Kind.KNOB:
            row.append(sample.interval.levels[i])
        elif kind is Kind.METRIC:
            row.append(int(np.searchsorted(METRIC_EDGES, expected.get(i, float(METRIC_EDGES[0])))))
        else:
            known = kind is Kind.SLO and i in sample.expectations
            bin_ = sample.interval.bins[i] if known else sample.previous_bins[i]
            row.append(int(np.searchsorted(SLO_EDGES, bin_, side="right")))
    return row


def drawn(model: Model, nodes: Parents, n: int) -> NDArray[np.int64]:
    """Return rows of a world that is as the given network has it, settings and contexts at random."""
    rng, variables = np.random.default_rng(SEED), model.variables
    states = {node: rng.integers(0, size, n) for node, size in _fine(model, nodes).items()}
    for slo, parents in enumerate(variables.given):
        chances = model.table(slo, parents).probabilities[tuple(states[node] for node in parents)]
        below = chances.cumsum(axis=1)
        states[Node(Kind.SLO, slo)] = (below < rng.random((n, 1)) * below[:, -1:]).sum(axis=1)
    columns = []
    for node in nodes:
        state = states[node]
        if node.kind is Kind.METRIC:
            state = np.searchsorted(METRIC_EDGES, metrics.CENTRES[state])
        elif node.kind is not Kind.KNOB:
            state = np.searchsorted(SLO_EDGES, state, side="right")
        columns.append(state)
    return np.stack(columns, axis=1).astype(np.int64)


def _fine(model: Model, nodes: Parents) -> dict[Node, int]:
    """Return the number of states of the roots and the metrics in the tables."""
    sizes = {Kind.METRIC: metrics.N_BINS, Kind.BEFORE: N_BINS}
    levels = model.variables.spec.n_levels
    return {n: sizes.get(n.kind, 0) or levels[n.index] for n in nodes if n.kind is not Kind.SLO}
