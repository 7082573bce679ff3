"""Ratios with memory rise under overload, drain below it, and tell a demand that nothing else measured."""

import math

import numpy as np
import pytest

from agents.mpc import backlog


def test_half_of_what_arrives_is_left_over_at_twice_the_capacity():
    ratio = backlog.carried(np.array([0.2]), np.array([0.4]), np.array([2.0]), intervals=3)
    assert ratio[0] == pytest.approx(0.2 + 0.4 * 3 * 0.5)


def test_a_backlog_drains_to_nothing_but_not_below():
    assert backlog.carried(np.array([0.2]), np.array([0.5]), np.array([0.5]), intervals=1)[0] == 0


def test_the_breaking_demand_takes_the_ratio_to_one_in_time():
    demand = math.exp(float(backlog.breaking_demand(np.array(0.5), np.array(0.2), 5)))
    assert demand == pytest.approx(2.0)
    assert backlog.carried(np.array([0.5]), np.array([0.2]), np.array([demand]), 5)[0] == pytest.approx(1.0)


def test_no_demand_breaks_what_cannot_rise_so_fast():
    assert backlog.breaking_demand(np.array(0.0), np.array(0.1), 5) == np.inf


def test_what_is_broken_needs_a_demand_below_one():
    assert backlog.breaking_demand(np.array(1.5), np.array(0.5), 2) == pytest.approx(-math.log(1.5))


def test_a_demand_is_read_off_from_growth():
    assert backlog.implied_demand(0.45, 0.2, 0.5) == pytest.approx(math.log(2))
    assert backlog.implied_demand(0.2, 0.7, 0.5) == pytest.approx(-math.log(2))


def test_a_rate_is_learned_from_growth_under_overload():
    sums = np.zeros((2, 1))
    for _ in range(30):
        sums = backlog.count_growth(sums, np.array([0.1]), demand=2.0, counts=np.array([True]))
    assert backlog.learned_rates(sums)[0] == pytest.approx(0.2, abs=0.02)
