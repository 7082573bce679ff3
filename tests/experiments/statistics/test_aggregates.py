"""Aggregates on matrices small enough to be checked by hand."""

import numpy as np
import pytest

from experiments.statistics.aggregates import (
    Estimate,
    counts,
    estimate,
    iqm,
    mean,
    mean_band,
    optimality_gap,
    plateau_of,
    plateau_reached,
    probability_of_improvement,
    worst_tenth,
)


def rng() -> np.random.Generator:
    """The same every time."""
    return np.random.default_rng(7)


def test_the_interquartile_mean_leaves_out_a_quarter_at_either_end():
    # of eight, two at either end go: (2 + 3 + 4 + 5) / 4
    assert iqm(np.array([5.0, 0.0, 100.0, 3.0, 2.0, 4.0, -50.0, 9.0])) == 3.5


def test_where_there_are_too_few_for_a_quarter_none_is_left_out():
    assert iqm(np.array([1.0, 2.0, 6.0])) == 3.0


def test_it_is_of_each_row():
    assert iqm(np.array([[0.0, 1.0, 3.0, 9.0], [4.0, 4.0, 4.0, 0.0]])).tolist() == [2.0, 4.0]


def test_the_optimality_gap_is_what_is_missing_to_one():
    # of 0.25, 0.5, 1.5 and -1: 0.75 + 0.5 + 0 + 2
    assert optimality_gap(np.array([0.25, 0.5, 1.5, -1.0])) == 3.25 / 4


def test_the_worst_tenth_of_fifteen_is_the_lowest_and_half_of_the_next():
    values = np.array([5.0, -1.0, 2.0] + [9.0] * 12)
    assert worst_tenth(values) == pytest.approx((-1.0 + 0.5 * 2.0) / 1.5)
    assert worst_tenth(np.stack([values, values + 1])).tolist() == pytest.approx([0.0, 1.0])


def test_the_worst_tenth_of_a_few_is_the_worst():
    assert worst_tenth(np.array([3.0, 1.0, 2.0])) == 1.0
    assert worst_tenth(np.arange(20.0)) == 0.5


def test_equal_generators_give_equal_intervals_and_others_do_not():
    strata = [np.random.default_rng(1).random(9), np.random.default_rng(2).random(9)]
    assert estimate(strata, iqm, rng()) == estimate(strata, iqm, rng())
    assert estimate(strata, iqm, rng()) != estimate(strata, iqm, np.random.default_rng(8))


def test_what_does_not_vary_within_its_cells_is_certain():
    assert estimate([np.full(3, 0.2), np.full(3, 0.8)], mean, rng()) == Estimate(0.5, 0.5, 0.5)


def test_an_interval_of_two_values_is_between_them():
    # the mean of two draws is 0, 1/2 or 1, with 1/4, 1/2 and 1/4
    assert estimate([np.array([0.0, 1.0])], mean, rng()) == Estimate(0.5, 0.0, 1.0)


def test_the_interval_has_the_size_that_theory_gives_it():
    values = np.random.default_rng(3).standard_normal(400)
    found = estimate([values], mean, rng())
    half = 1.96 * values.std() / np.sqrt(400)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.08)


def test_resamples_can_be_counted():
    drawn = counts(3, rng(), 500)
    assert drawn.shape == (500, 3) and (drawn.sum(axis=1) == 3).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(3), abs=0.15)


def test_a_band_is_the_interval_at_each_step():
    curves = [np.array([[0.0, 1.0, 5.0], [1.0, 1.0, 5.0]]), np.array([[0.5, 1.0, 3.0]])]
    band = mean_band(curves, rng())
    assert band.value == pytest.approx([0.5, 1.0, 13 / 3])
    # as `estimate` of the first step: two draws of 0 and 1, and one that never varies
    assert (band.low[0], band.high[0]) == pytest.approx((0.5 / 3, 2.5 / 3))
    assert (band.low[1:] == band.high[1:]).all()


def test_the_probability_of_improvement_is_the_mean_over_cells():
    ours = [np.array([1.0, 2.0]), np.array([5.0])]
    theirs = [np.array([0.0, 1.0]), np.array([6.0])]
    found = probability_of_improvement(ours, theirs, rng())
    assert found.value == (0.875 + 0.0) / 2  # 1 beats 0 and ties with 1, 2 beats both; 5 loses
    assert found.low < found.value < found.high


def test_against_oneself_it_is_a_half():
    values = [np.random.default_rng(4).random(6)]
    assert probability_of_improvement(values, values, rng()).value == 0.5


def test_what_was_not_in_the_same_cells_is_not_compared():
    with pytest.raises(ValueError):
        probability_of_improvement([np.ones(2)], [np.ones(2), np.ones(2)], rng())


# --- how fast something was learned ---


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
