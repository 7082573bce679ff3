"""When a learner has come most of its own way."""

import pytest

from experiments.statistics.aggregates import plateau_of, plateau_reached


def test_the_plateau_is_the_mean_of_the_last_fifth():
    assert plateau_of([0.0] * 8 + [0.6, 0.8]) == pytest.approx(0.7)
    assert plateau_of([0.3]) == 0.3


def test_nine_tenths_of_the_way_are_counted_from_random_decisions():
    learned = [-0.5, 0.30, 0.36, 0.5, 0.5]  # plateau 0.5, random -1: needed is -1 + 0.9 * 1.5 = 0.35
    assert plateau_reached(learned, random_reward=-1.0) == 2


def test_a_plateau_below_random_decisions_is_reached_at_the_curves_end():
    assert plateau_reached([0.0] * 10, random_reward=1.0) == 9


def test_a_single_good_evaluation_near_the_end_counts():
    falling = [0.1] * 8 + [0.5, 0.0]  # plateau 0.25: needed is 0.2 + 0.9 * 0.05
    assert plateau_reached(falling, random_reward=0.2) == 8
