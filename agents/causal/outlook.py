"""The query that decides: P(SLOs fulfilled | do(setting)) for all joint settings at once.

The knobs are roots, so that to set them is to condition on them. Given a setting, each metric is a normal in
bins; given its metric, the knobs and where it was, each SLO is independent of the others. A setting is judged
when it is held, in each of the intervals to come with the same b for all of them:

    P(all fulfilled | do(a)) = Σ_b P(b | a) Πₛ Σ_o P(bin of s is o | b, a, where it was) over fulfilled o

SLOs with memory go on from bin to bin, and of where they are by then each keeps its own
distribution (the factored belief of Boyen and Koller 1998, exact where an SLO hangs on its own past alone).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.causal.metrics import CENTRES
from agents.causal.structure import Kind
from agents.causal.tables import Cpt
from agents.common.bins import N_BINS, N_FULFILLED

Array = NDArray[np.float64]

NEGLIGIBLE = 1e-4  # probability of a metric's bin at a setting, below which it is left out


class Outlook(NamedTuple):
    """What is to come of n settings.

    Attributes:
        all_fulfilled: P(every SLO fulfilled) after 1, 2, … intervals, shape (horizon, n).
        each_fulfilled: of each SLO after the last of them, shape (n, n_slos).
        overload: how far above 1 the metrics are expected, the sum of their mean ln ratios there, shape (n,).
    """

    all_fulfilled: Array
    each_fulfilled: Array
    overload: Array


class _Rows(NamedTuple):
    """Pairs of a setting and a metric's bin that are gone through together.

    Attributes:
        levels: per knob, shape (n_rows, n_knobs); unused where no table looks at the knobs.
        bins: shape (n_rows,).
        weights: of each row in each setting, shape (n, n_rows); sums to 1 over the rows.
    """

    levels: NDArray[np.int64]
    bins: NDArray[np.intp]
    weights: Array


def outlook(
    tables: Sequence[Cpt],
    metric_of: Sequence[int],
    expectations: Sequence[Array],
    previous_bins: Sequence[int],
    settings: NDArray[np.int64],
    horizon: int,
) -> Outlook:
    """Return what is to come of settings that are set now and held.

    Args:
        tables: per SLO.
        metric_of: per SLO, the metric above it.
        expectations: per metric, P(bin | do(setting)), shape (n, bins).
        previous_bins: per SLO, the bin that it is in.
        settings: level per knob, shape (n, n_knobs).
        horizon: intervals to hold them, >= 1.
    """
    all_fulfilled = np.ones((horizon, len(settings)))
    each_fulfilled = np.ones((len(settings), len(tables)))
    for metric in sorted(set(metric_of)):
        members = {slo: tables[slo] for slo, above in enumerate(metric_of) if above == metric}
        rows = _rows(list(members.values()), expectations[metric], settings)
        each = _each(members, previous_bins, rows, horizon)  # horizon, members, rows
        all_fulfilled *= each.prod(axis=1) @ rows.weights.T
        each_fulfilled[:, list(members)] = rows.weights @ each[-1].T
    overload = sum(expectation @ np.maximum(CENTRES, 0.0) for expectation in expectations)
    return Outlook(all_fulfilled, each_fulfilled, np.asarray(overload))


def _rows(tables: Sequence[Cpt], expectation: Array, settings: NDArray[np.int64]) -> _Rows:
    """Return every likely pair; where no table looks at the knobs, every likely bin will do."""
    if any(node.kind is Kind.KNOB for table in tables for node in table.parents):
        of_setting, bins = np.nonzero(expectation > NEGLIGIBLE)
        weights = np.zeros((len(settings), len(bins)))
        weights[of_setting, np.arange(len(bins))] = expectation[of_setting, bins]
    else:
        bins = np.flatnonzero((expectation > NEGLIGIBLE).any(axis=0))
        of_setting, weights = np.zeros_like(bins), expectation[:, bins]
    return _Rows(settings[of_setting], bins, weights / weights.sum(axis=1, keepdims=True))


def _each(members: dict[int, Cpt], previous_bins: Sequence[int], rows: _Rows, horizon: int) -> Array:
    """Return P(fulfilled) after each interval, of every SLO and row, shape (horizon, n_members, n_rows)."""
    fulfilled = np.empty((horizon, len(members), len(rows.bins)))
    conditionals = {slo: _conditional(table, rows) for slo, table in members.items()}
    beliefs = {slo: np.zeros((len(rows.bins), N_BINS)) for slo in members}
    for slo, belief in beliefs.items():
        belief[:, previous_bins[slo]] = 1.0
    for step in range(horizon):
        beliefs = {slo: _after(members[slo], conditionals[slo], beliefs) for slo in members}
        for i, belief in enumerate(beliefs.values()):
            fulfilled[step, i] = belief[:, :N_FULFILLED].sum(axis=1)
    return fulfilled


def _conditional(table: Cpt, rows: _Rows) -> Array:
    """Return a table at the rows' bins and levels, shape (n_rows, *states of the previous_bins, N_BINS).

    A table has its previous_bins last. Without a metric and knobs it is the same for all rows.
    """
    above = [node for node in table.parents if node.kind is not Kind.BEFORE]
    if not above:
        return np.repeat(table.probabilities[None], len(rows.bins), axis=0)
    index = [rows.bins if node.kind is Kind.METRIC else rows.levels[:, node.index] for node in above]
    return table.probabilities[tuple(index)]


def _after(table: Cpt, conditional: Array, beliefs: dict[int, Array]) -> Array:
    """Return P(bin) of an SLO at the end of the interval, shape (n_rows, N_BINS)."""
    for kind, slo in table.parents:
        if kind is Kind.BEFORE:
            shape = conditional.shape
            flat = conditional.reshape(shape[0], N_BINS, -1)
            conditional = np.matmul(beliefs[slo][:, None, :], flat).reshape(shape[0], *shape[2:])
    return conditional
