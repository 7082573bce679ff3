"""How ratios fill their bins."""

import numpy as np
import pytest

from agents.aif import likelihood
from agents.aif.likelihood import LEAK
from agents.common.bins import N_BINS, N_FULFILLED, ratio_edges

EDGES = ratio_edges(0.9)
LN_U = np.log([0.1, 0.5, 0.8, 1.0, 1.3, 2.0, 6.0])
KINDS = {
    "proportional": likelihood.proportional(LN_U, 0.1, EDGES),
    "limiting": likelihood.limiting(LN_U, 0.1, EDGES),
    "remembering": likelihood.remembering(LN_U, 0.1, EDGES),
}


def p_fulfilled(table):
    return table[..., :N_FULFILLED].sum(-1)


@pytest.mark.parametrize("warn_at", (0.05, 0.9, 1.0))
def test_the_threshold_and_warn_at_are_edges_so_that_bins_agree_with_states(warn_at):
    edges = ratio_edges(warn_at)
    assert edges.size == N_BINS - 1
    assert np.all(np.diff(edges) >= 0)
    assert edges[N_FULFILLED - 1] == 1
    assert edges[N_FULFILLED - 2] == warn_at
    for ratio, is_fulfilled in ((0.0, True), (warn_at, True), (1.0, True), (1.001, False), (10.0, False)):
        assert (np.searchsorted(edges, ratio) < N_FULFILLED) == is_fulfilled


@pytest.mark.parametrize("kind", KINDS)
def test_bins_are_a_distribution_that_holds_nothing_for_impossible(kind):
    np.testing.assert_allclose(KINDS[kind].sum(-1), 1, atol=1e-9)
    assert KINDS[kind].min() >= LEAK / N_BINS * 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_more_demand_never_makes_fulfilment_likelier(kind):
    along_u = p_fulfilled(KINDS[kind])
    assert np.all(np.diff(along_u, axis=-1) <= 1e-9)


def test_a_load_is_where_u_is():
    # half of a log-normal about 1 lies below 1
    assert p_fulfilled(KINDS["proportional"])[3] == pytest.approx(
        (1 - LEAK) / 2 + LEAK * N_FULFILLED / N_BINS
    )
    assert KINDS["proportional"][5].argmax() in (N_FULFILLED + 1, N_FULFILLED + 2)  # u = 2, between 1.3 and 4


def test_a_lower_bound_says_nothing_of_how_much_capacity_is_to_spare():
    np.testing.assert_allclose(KINDS["limiting"][0], KINDS["limiting"][1], atol=1e-6)


def test_with_capacity_to_spare_a_backlog_falls_or_rests_and_beyond_it_grows():
    table = KINDS["remembering"]
    for before in range(N_BINS):
        higher = np.arange(N_BINS) > before + 1
        lower = np.arange(N_BINS) < before
        assert table[before, 0, higher].sum() <= LEAK
        assert table[before, -1, lower].sum() <= LEAK


def test_a_backlog_goes_on_responding_to_demand_wherever_it_is():
    """Or an agent that sees it at its worst would stop caring, and want the highest levels."""
    mean_bin = KINDS["remembering"] @ np.arange(N_BINS)
    above = mean_bin[:, 3:]  # u >= 1
    assert np.all(np.diff(above, axis=1) > 0)
