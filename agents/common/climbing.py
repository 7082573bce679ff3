"""Hill climbing with pgmpy. Importing this takes seconds, for pgmpy brings PyTorch and pandas along."""

import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what pgmpy imports and does not call
    from pgmpy.causal_discovery import ExpertKnowledge, HillClimbSearch
    from pgmpy.structure_score import BaseStructureScore


def column(variable: int) -> str:
    """Return what pgmpy calls a column of an array."""
    return f"x{variable}"


class CountedScore(BaseStructureScore):
    """AIC or BIC of a discrete network, as pgmpy's own, but counted by NumPy, some hundred times faster.

    Args:
        samples: one row per sample, one column per variable, shape (n, n_variables).
        n_states: per variable, whether all of them occur or not.
        penalty: what each free parameter takes from ln L: 1 (AIC) or ln(n) / 2 (BIC).
    """

    def __init__(self, samples: NDArray[np.int64], n_states: Sequence[int], penalty: float) -> None:
        self.variables = [column(i) for i in range(len(n_states))]
        self._columns = dict(zip(self.variables, samples.T, strict=True))
        self._n_states = dict(zip(self.variables, n_states, strict=True))
        self._penalty = penalty
        self._cached_local_score = lru_cache(maxsize=10_000)(self._local_score)

    def _local_score(self, variable: str, parents: tuple[str, ...]) -> float:
        own, n_own = self._columns[variable], self._n_states[variable]
        cell, n_cells = np.zeros_like(own), 1
        for parent in parents:
            cell = cell * self._n_states[parent] + self._columns[parent]
            n_cells *= self._n_states[parent]
        counts = np.bincount(cell * n_own + own, minlength=n_cells * n_own).reshape(n_cells, n_own)
        rows, states = np.nonzero(counts)
        seen = counts[rows, states]
        ln_likelihood = float(seen @ np.log(seen / counts.sum(axis=1)[rows]))
        return ln_likelihood - self._penalty * n_cells * (n_own - 1)


def climb(
    samples: NDArray[np.int64],
    n_states: Sequence[int],
    allowed: Mapping[int, Sequence[int]],
    penalty: float,
    max_parents: int,
    least_gain: float = 1e-4,
) -> dict[int, tuple[int, ...]]:
    """Return the parents of each variable that may have some, found from no edge at all.

    Args:
        samples, n_states, penalty: see `CountedScore`.
        allowed: by variable, those that an edge to it may come from; one that is absent is a root.
        max_parents: bound on the parents of each.
        least_gain: in score, of a change of one edge that is still made.

    Returns:
        By variable of `allowed`: its parents, ascending.
    """
    variables = range(len(n_states))
    forbidden = [
        (column(cause), column(effect))
        for cause in variables
        for effect in variables
        if cause != effect and cause not in allowed.get(effect, ())
    ]
    search = HillClimbSearch(
        scoring_method=CountedScore(samples, n_states, penalty),
        max_indegree=max_parents,
        epsilon=least_gain,
        expert_knowledge=ExpertKnowledge(forbidden_edges=forbidden),
        return_type="dag",
        show_progress=False,
    )
    search.fit(samples)  # pyright: ignore[reportArgumentType] - an array will do, its docstring says
    names = {column(i): i for i in variables}
    graph = search.causal_graph_
    return {i: tuple(sorted(names[name] for name in graph.predecessors(column(i)))) for i in allowed}
