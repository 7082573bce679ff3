"""What a setting promises follows the reward, and a trial is worth what it may find."""

import numpy as np
import pytest

from agents.common.objective import expected_reward, with_trials

ONE = np.ones(1)


def test_a_setting_that_holds_for_sure_earns_its_worth():
    assert expected_reward(ONE, np.ones((1, 3)), 0.5 * ONE, 0.7 * ONE) == pytest.approx([0.7])


def test_a_setting_that_breaks_one_of_two_slos_loses_as_in_the_reward():
    p_each = np.array([[1.0, 0.0]])
    assert expected_reward(0 * ONE, p_each, 1.0 * ONE, ONE) == pytest.approx([-0.25])


def test_among_settings_that_break_all_the_mildest_is_best():
    rewards = expected_reward(np.zeros(2), np.zeros((2, 2)), np.array([5.0, 9.0]), np.ones(2))
    assert rewards[0] > rewards[1]


def tries(doubt, horizon=50):
    """A safe setting of worth .5, and one of worth 1 that may well take too much."""
    gains, worth = np.array([0.5, 0.2]), np.array([0.5, 1.0])
    return with_trials(gains, worth, np.array([-3.0, 0.1]), np.array([0.05, doubt]), 0.05, horizon)


def test_what_is_uncertain_is_worth_a_trial():
    values = tries(doubt=0.5)
    assert values[1] > values[0] == pytest.approx(0.5)


def test_what_is_certain_is_worth_none():
    assert tries(doubt=0.001)[1] == pytest.approx(0.2, abs=1e-3)


def test_a_trial_that_has_no_time_to_pay_is_worth_less():
    assert tries(doubt=0.5, horizon=1)[1] < tries(doubt=0.5)[1]
