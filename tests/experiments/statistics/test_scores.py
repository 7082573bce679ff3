"""Scores lie between random decisions and the best that is known, and beyond."""

import math

import pytest

from experiments.statistics.episode import Reference, references_of
from tests.experiments.statistics.played import episode


def test_a_score_is_the_share_of_the_way_from_random_to_oracle():
    reference = Reference(random=-0.2, oracle={0: 0.8, 1: 0.6})
    assert reference.score(0.3, seed=0) == pytest.approx(0.5)
    assert reference.score(0.2, seed=1) == pytest.approx(0.5)


def test_it_is_not_clipped():
    reference = Reference(random=0.0, oracle={0: 0.5})
    assert reference.score(-0.5, 0) == -1.0
    assert reference.score(0.6, 0) == pytest.approx(1.2)


def test_a_cell_in_which_random_is_nearly_as_good_as_the_best_is_not_scored():
    reference = Reference(random=0.5, oracle={0: 0.9, 1: 0.59})
    assert not reference.is_normal
    assert math.isnan(reference.score(0.9, 0))


def test_a_seed_that_the_oracle_has_not_played_is_measured_by_its_mean():
    assert Reference(random=0.0, oracle={0: 0.6, 1: 1.0}).score(0.4, seed=7) == pytest.approx(0.5)


def test_references_are_of_cells_that_both_were_in():
    played = [episode("random", "a", s, reward=r) for s, r in enumerate((0.1, 0.3))]
    played += [episode("oracle", "a", 0, reward=0.8), episode("oracle", "b", 0), episode("other", "a", 0)]
    found = references_of(played)
    assert found.keys() == {"a"}
    assert found["a"].random == pytest.approx(0.2)
    assert found["a"].oracle == {0: pytest.approx(0.8)}
