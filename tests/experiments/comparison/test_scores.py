"""Scores lie between random decisions and the best that is known, and beyond."""

import math

import numpy as np
import pytest

from experiments.comparison.scores import Yardstick, rank_correlation


def test_a_score_is_the_share_of_the_way_from_random_to_oracle():
    yardstick = Yardstick(random=-0.2, oracle={0: 0.8, 1: 0.6})
    assert yardstick.score(0.3, seed=0) == pytest.approx(0.5)
    assert yardstick.score(0.2, seed=1) == pytest.approx(0.5)


def test_it_is_not_clipped():
    yardstick = Yardstick(random=0.0, oracle={0: 0.5})
    assert yardstick.score(-0.5, 0) == -1.0
    assert yardstick.score(0.6, 0) == pytest.approx(1.2)


def test_a_cell_in_which_random_is_nearly_as_good_as_the_best_is_not_scored():
    yardstick = Yardstick(random=0.5, oracle={0: 0.9, 1: 0.59})
    assert not yardstick.is_normal
    assert math.isnan(yardstick.score(0.9, 0))


def test_ranks_are_correlated_and_ties_share_theirs():
    assert rank_correlation(np.array([1.0, 5.0, 9.0]), np.array([0.1, 0.2, 30.0])) == pytest.approx(1.0)
    assert rank_correlation(np.array([1.0, 5.0, 9.0]), np.array([3.0, 2.0, 1.0])) == pytest.approx(-1.0)
    # ranks 1, 2.5, 2.5 and 1, 2, 3: r = 1.5 / sqrt(1.5 x 2)
    tied = rank_correlation(np.array([1.0, 5.0, 5.0]), np.array([1.0, 2.0, 3.0]))
    assert tied == pytest.approx(1.5 / math.sqrt(3.0))


def test_where_all_are_alike_there_is_no_order():
    assert math.isnan(rank_correlation(np.ones(3), np.arange(3.0)))
