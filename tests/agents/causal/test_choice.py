"""The terms of a score, by hand."""

import numpy as np
import pytest

from agents.causal import choice
from agents.causal.choice import DRAIN
from agents.causal.tables import NOISE

PV = np.array([1.0, 0.5, 0.9])
WORTH = np.array([0.2, 1.0, 0.1])
NOTHING = np.zeros(3)
AMBITION = 0.5


def known():
    return choice.scored(PV, WORTH, NOTHING, NOTHING, NOTHING, AMBITION)


def test_a_score_is_what_is_fulfilled_by_what_it_is_worth():
    assert known().score == pytest.approx([1.1, 0.75, 0.945])


def test_a_trial_is_worth_what_it_may_lead_to_less_what_failing_costs():
    unknown = np.array([0.0, NOISE, NOISE])  # one reading tells half of it
    terms = choice.with_trials(known(), unknown, AMBITION, patience=60.0)
    tried = 1.1 + 0.5 * (1.5 - 1.1) - 0.5 * 1.1 * DRAIN / 60.0
    assert terms.trial == pytest.approx([0.0, (tried - 0.75) / 2, 0.0])  # what is worth less is not tried
    assert terms.score == pytest.approx(known().score + terms.trial)


def test_the_less_patience_the_fewer_trials():
    unknown = np.full(3, 10.0)
    few, many = (choice.with_trials(known(), unknown, AMBITION, patience) for patience in (5.0, 60.0))
    assert few.score.argmax() == 0
    assert many.score.argmax() == 1
