"""Beliefs about all settings are those about what they have in common."""

import numpy as np

from agents.aif.beliefs import N_OWN, along, everywhere, known_of, visited
from tests.agents.aif.small import LOADS, PRIOR, belief

ROWS = np.arange(6)


def test_mean_and_variance_everywhere_are_those_of_each_setting_alone():
    of = belief(longest_delay=1, row=3)
    rng = np.random.default_rng(0)
    root = rng.standard_normal(of.cov.shape)
    of = of._replace(mean=rng.standard_normal(of.mean.shape), cov=root @ root.swapaxes(-1, -2))
    mean, variance = everywhere(PRIOR, of)
    own = np.where(ROWS == 3, 0.0, PRIOR.own_var[:, None])  # of settings without room for it
    np.testing.assert_allclose(mean, np.einsum("rd,lcd->lcr", along(PRIOR, of, ROWS), of.mean))
    by_hand = np.einsum("rd,lcde,re->lcr", along(PRIOR, of, ROWS), of.cov, along(PRIOR, of, ROWS)) + own
    np.testing.assert_allclose(variance, by_hand)


def test_the_setting_visited_the_longest_ago_makes_room():
    of = belief()
    for time, row in enumerate([1, 2, 1, 3, 4, 5, 0], start=1):
        of = visited(PRIOR, of._replace(time=time), row)
    assert set(of.own[of.own >= 0]) == set(range(6))
    full = of._replace(own=np.arange(100, 100 + N_OWN), used=np.arange(N_OWN)[::-1])
    assert visited(PRIOR, full, 5).own[-1] == 5


def test_room_that_is_made_holds_nothing_of_the_setting_before():
    of = belief()
    of = of._replace(cov=of.cov + 0.1, mean=of.mean + 1.0, own=np.arange(100, 100 + N_OWN))
    of = visited(PRIOR, of, 2)
    (place,) = np.flatnonzero(of.own == 2) + PRIOR.table.shape[1]
    assert not of.mean[..., place].any()
    assert of.cov[0, 0, place, place] == LOADS.own_sd**2
    assert np.count_nonzero(of.cov[0, 0, place]) == 1


def test_the_next_episode_knows_how_settings_differ_and_not_what_the_world_offers():
    of = belief()
    of = of._replace(mean=of.mean + 1.0)
    known = known_of(PRIOR, of)
    f = PRIOR.table.shape[1]
    np.testing.assert_array_equal(known.mean[:, :f], of.mean[0, :, :f])
    np.testing.assert_array_equal(known.mean[:, f:], PRIOR.mean[:, f:])
