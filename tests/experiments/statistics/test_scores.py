"""Scores lie between random decisions and the best that is known, and beyond."""

import math

import numpy as np
import pytest

from experiments.statistics.episode import Reference, cumulative_regret, references_of
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


def test_the_score_of_steps_is_against_the_oracle_in_the_same_steps():
    reference = Reference(0.0, {0: 0.5}, {0: np.array([0.9, 0.1])})
    found = reference.score_by_step(np.array([0.4, 0.1]), 0)
    assert found == pytest.approx([0.0, 1.0])  # half of the spread lost twice over, and nothing
    assert found.mean() == pytest.approx(reference.score(0.25, 0))


def test_where_only_the_oracles_mean_is_known_steps_are_measured_by_it():
    bare = Reference(0.0, {0: 0.5})
    short = Reference(0.0, {0: 0.5}, {0: np.array([0.9])})
    for reference in (bare, short):
        assert reference.score_by_step(np.array([0.4, 0.1]), 0) == pytest.approx([0.8, 0.2])


def test_regret_adds_up_what_was_lost():
    assert cumulative_regret(np.array([0.0, 1.0, 0.5, 1.5])) == pytest.approx([1.0, 1.0, 1.5, 1.0])
    random = cumulative_regret(np.zeros((2, 3)))
    assert random.tolist() == [[1.0, 2.0, 3.0]] * 2


def test_references_are_of_cells_that_both_were_in():
    played = [episode("random", "a", s, reward=r) for s, r in enumerate((0.1, 0.3))]
    played += [episode("oracle", "a", 0, reward=0.8), episode("oracle", "b", 0), episode("other", "a", 0)]
    found = references_of(played)
    assert found.keys() == {"a"}
    assert found["a"].random == pytest.approx(0.2)
    assert found["a"].oracle == {0: pytest.approx(0.8)}
    assert found["a"].curves[0].tolist() == [0.8] * 20
