"""An interval's evidence moves a belief as the equations say, and a jump is told from noise."""

import math

import numpy as np
import pytest

from agents.causal import inference, metrics
from agents.causal.metrics import CENTRES, N_BINS, Belief
from agents.causal.tables import NOISE

ROW = np.array([1.0, 1.0, 0.0])  # the price and one effect; no queue
QUEUE = np.array([1.0, 1.0, 1.0])
BELIEF = Belief(np.array([-0.5, 0.3, 0.0]), np.diag([0.04, 0.02, 0.01]))
LN_ODDS = math.log(0.05 / 0.95)


def measured(ln_ratio, lag=0.0):
    return inference.measured(BELIEF, ROW, inference.expected(BELIEF, ROW), ln_ratio, lag, LN_ODDS)


def test_a_measurement_is_the_textbooks_update():
    after = measured(0.0)
    variance = 0.06 + NOISE**2
    assert after.mean == pytest.approx([-0.5 + 0.04 / variance * 0.2, 0.3 + 0.02 / variance * 0.2, 0.0])
    assert after.cov[0, 0] == pytest.approx(0.04 - 0.04**2 / variance)
    assert after.cov[2, 2] == 0.01


def test_what_may_lag_behind_the_settings_moves_less():
    assert abs(measured(0.0, lag=0.5).mean[0] + 0.5) < abs(measured(0.0).mean[0] + 0.5) / 2


def test_a_far_measurement_is_a_jump_of_the_price_and_a_near_one_is_not():
    near, far = measured(0.1), measured(1.5)
    assert near.mean[1] > 0.3 + 0.05  # an effect takes its share of what is no jump
    assert far.mean[0] == pytest.approx(-0.5 + 1.7, abs=0.1)
    assert far.mean[1] == pytest.approx(0.3, abs=0.05)


def told(*likelihoods, is_measured=True):
    before = inference.expected(BELIEF, QUEUE)
    after, posterior = inference.with_messages(
        BELIEF, QUEUE, before, inference.together(likelihoods), is_measured, 0.0, LN_ODDS
    )
    return after, posterior, before.chances


def test_messages_make_the_posterior_that_bayes_rule_makes():
    likelihood = np.exp(-0.5 * ((CENTRES - 0.1) / 0.3) ** 2)
    after, posterior, chances = told(likelihood)
    expected = chances * likelihood / (chances @ likelihood)
    assert posterior == pytest.approx(expected)
    assert QUEUE @ after.mean == pytest.approx(expected @ CENTRES, abs=1e-3)


def test_four_slos_of_one_queue_count_as_two():
    likelihood = np.exp(-0.5 * ((CENTRES - 0.1) / 0.3) ** 2)
    four, two = told(*[likelihood] * 4)[1], told(likelihood**2)[1]
    assert four == pytest.approx(two)


def test_a_message_that_says_nothing_changes_nothing():
    after, posterior, chances = told(np.full(N_BINS, 0.3))
    assert posterior == pytest.approx(chances)
    assert after.mean == pytest.approx(BELIEF.mean, abs=1e-3)


def test_a_stage_is_told_what_the_others_leave_open():
    evidence = np.linspace(1.0, 0.1, N_BINS)
    low = metrics.in_bins(np.array(-3.0), np.array(0.04))
    assert inference.against(evidence, []) is evidence
    told = inference.against(evidence, [low])
    others = np.arange(N_BINS)
    by_hand = [float(low @ evidence[np.maximum(others, own)]) for own in range(N_BINS)]
    assert told == pytest.approx(by_hand)
    assert told[-1] == pytest.approx(evidence[-1])  # where it is the largest for sure, it has all the say


def test_where_a_pressure_was_measured_a_surprising_queue_is_the_bottlenecks():
    likelihood = np.exp(-0.5 * ((CENTRES - 1.2) / 0.2) ** 2) + 1e-9
    measured, alone = told(likelihood)[0], told(likelihood, is_measured=False)[0]
    assert measured.mean[-1] > 3 * abs(measured.mean[0] + 0.5)
    assert alone.mean[0] + 0.5 > 3 * abs(alone.mean[-1])


def test_surprise_is_minus_two_ln_of_what_was_seen():
    chances = metrics.in_bins(np.array(0.0), np.array(0.04))
    certain = np.ones(N_BINS)
    assert inference.surprise(chances, [certain, certain / math.e]) == pytest.approx(2.0)
    assert inference.surprise(chances, []) == 0
