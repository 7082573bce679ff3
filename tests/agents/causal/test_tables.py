"""Counts become tables, forget by contradiction, and seed every state."""

import numpy as np
import pytest

from agents.causal import metrics
from agents.causal.structure import Kind, Node, Variables
from agents.causal.tables import Cpt, Share, at_level, in_metric, in_state, prior_of, remembering
from agents.common.bins import N_BINS, N_FULFILLED
from tests.agents.streams import video

PARENTS = (Node(Kind.KNOB, 0),)
PRIOR = np.array([[0.5, 0.5], [0.5, 0.5]])


def test_a_table_is_counts_over_the_seeds():
    table = Cpt(PARENTS, PRIOR, prior_weight=2.0, forgetting=1.0)
    for _ in range(3):
        table.add([in_state(0)], 1, 1.0)
    assert table.probabilities.tolist() == [[1 / 5, 4 / 5], [1 / 2, 1 / 2]]


def test_tables_converge_to_the_truth():
    rng, table = np.random.default_rng(0), Cpt(PARENTS, PRIOR, 4.0, forgetting=1.0)
    for state in rng.random(4000) < 0.8:
        table.add([in_state(1)], int(state), 1.0)
    assert table.probabilities[1, 1] == pytest.approx(0.8, abs=0.02)


def test_what_contradicts_takes_the_place_of_what_was_known_and_unmet_cells_keep_theirs():
    table = Cpt(PARENTS, PRIOR, 1.0, forgetting=0.9)
    for state in [0] * 100 + [1] * 30:
        table.add([in_state(0)], state, 1.0)
    table.add([in_state(1)], 0, 1.0)
    assert table.counts[0].sum() == pytest.approx(10, abs=0.01)  # 1 / (1 - .9)
    assert table.counts[0, 1] == pytest.approx(10 * (1 - 0.9**30), abs=0.01)
    assert table.counts[1].tolist() == [1, 0]


def test_fading_leaves_a_share():
    table = Cpt(PARENTS, PRIOR, 1.0, 1.0)
    table.add([in_state(0)], 0, 1.0)
    table.fade(0.5)
    assert table.probabilities[0].tolist() == [1 / 1.5, 0.5 / 1.5]


def test_neighbours_share_a_sample():
    table = Cpt(PARENTS, np.full((4, 2), 0.5), 1.0, 1.0)
    table.add([at_level(4, 3)], 1, 1.0)
    assert table.counts[:, 1].tolist() == [0, 0, 0.3, 1]
    share = in_metric(np.array([0.0, 0.25, 0.5, 0.25, 0.0]))
    assert (share.states, share.weights.tolist()) == (slice(1, 4), [0.5, 1, 0.5])
    assert isinstance(share, Share)


@pytest.mark.parametrize("slo", range(5))
def test_every_state_is_possible_beforehand(slo):
    variables = Variables(video().spec)
    prior = prior_of(variables, slo, variables.given[slo])
    assert prior.min() > 0
    assert np.allclose(prior.sum(axis=-1), 1)


def test_a_prior_that_is_told_less_is_the_mean_and_more_makes_no_difference():
    variables = Variables(video().spec)
    metric, before = variables.given[0]
    full = prior_of(variables, 0, (metric, before))
    knob = Node(Kind.KNOB, 1)
    assert np.allclose(prior_of(variables, 0, (before,)), full.mean(axis=0))
    assert np.allclose(prior_of(variables, 0, (metric, knob, before))[:, 2], full)


def test_a_queue_rises_above_capacity_rests_below_and_drains_the_faster_the_less_there_is_to_do():
    idle, light, heavy = remembering(np.log([0.2, 0.9, 3.0]))
    up = np.triu(np.ones((N_BINS, N_BINS)), 1)
    assert (heavy * up).sum(axis=1)[:-1].min() > 0.5
    assert (idle * up).sum(axis=1).max() < 0.1
    assert idle[:N_FULFILLED, N_FULFILLED:].max() < 1e-9  # it does not break by itself
    stays = np.arange(N_FULFILLED, N_BINS)
    assert np.all(idle[stays, stays] < light[stays, stays])
    assert len(metrics.CENTRES) == metrics.N_BINS
