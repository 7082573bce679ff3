"""Policies are counted before they are made."""

import time

import numpy as np
import pytest

from agents.aif.decision import Selection
from agents.common.policies import Moves, policies
from agents.common.settings import joint_settings


def test_absolute_policies_are_the_joint_settings():
    table = policies((6, 4, 3), Moves.ABSOLUTE, 1)
    assert table.shape == (72, 1, 3)
    np.testing.assert_array_equal(table[:, 0], joint_settings((6, 4, 3)))
    assert tuple(joint_settings((6, 4, 3))[-1]) == (5, 3, 2)


@pytest.mark.parametrize(("horizon", "count"), [(1, 27), (2, 729), (3, 19_683)])
def test_relative_policies_are_moves_of_every_knob_at_every_step(horizon, count):
    table = policies((6, 4, 3), Moves.RELATIVE, horizon)
    assert table.shape == (count, horizon, 3)
    assert set(table.ravel().tolist()) == {-1, 0, 1}


def test_too_many_are_refused_by_their_number_without_being_made():
    started = time.process_time()
    with pytest.raises(ValueError, match="at most 20000 policies, got 387420489 RELATIVE ones over 3 steps"):
        policies((9,) * 6, Moves.RELATIVE, 3)
    with pytest.raises(ValueError, match="at most 4096 joint settings, got 10000000000 from knobs"):
        joint_settings((10,) * 10)
    assert time.process_time() - started < 10  # making them would take minutes, and all memory


@pytest.mark.parametrize("horizon", (0, 4))
def test_a_horizon_out_of_range_is_refused(horizon):
    with pytest.raises(ValueError, match="horizon must be 1, 2 or 3"):
        policies((2, 2), Moves.RELATIVE, horizon)


def test_an_unknown_word_is_refused_by_naming_the_known_ones():
    with pytest.raises(ValueError, match="moves must be ABSOLUTE or RELATIVE, got 'up'"):
        Moves("up")
    with pytest.raises(ValueError, match="selection must be DETERMINISTIC or STOCHASTIC"):
        Selection("best")
