"""The PID controller's steps by hand, and on a front whose costs double from position to position."""

import math

import pytest

from agents.pid import Errors, Gains
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo
from tests.agents.episodes import make

COSTS = tuple(float(2**i) for i in range(8))
SPEC = ElasticitySpec((Knob("a", "", COSTS, COSTS, (COSTS,)),), (Slo("load", 1.0),))
PLAIN = {"target": 0.8, "tolerance": 0.05, "kp": 0.0, "ki": 1.0, "kd": 0.0, "cool_down": 0, "window": 1}


def decisions(agent, *seen):
    """Level after each observation of (level, load)."""
    decided = []
    for level, load in seen:
        observation = SPEC.encode((level,), {"load": SPEC.slos[0].read(load)}, {})
        decided.append(int(agent.act(observation, {})[0]))
    return decided


def test_each_gain_has_its_part_in_a_step():
    assert Gains(0.5, 0.1, 0.0).step(0.4, Errors(0.2, 0.1)) == pytest.approx(0.5 * 0.2 + 0.1 * 0.4)
    assert Gains(0.0, 0.1, 0.2).step(0.4, Errors(0.2, 0.1)) == pytest.approx(0.04 + 0.2 * (0.4 - 0.4 + 0.1))


def test_no_step_goes_further_than_the_error_or_against_it():
    assert Gains(1.0, 0.5, 0.0).step(0.4, Errors()) == 0.4
    assert Gains(1.0, 0.1, 0.0).step(0.1, Errors(0.5)) == 0.0
    assert Gains(1.0, 0.5, 0.0).step(-0.4, Errors()) == -0.4


def test_an_integral_gain_of_one_goes_where_the_error_says():
    agent = make("pid", SPEC, **PLAIN)
    # a demand of 0.72 / 0.9 is on target; 1.9 times as much, and 4.2 times less
    assert decisions(agent, (4, 1.37), (3, 0.17), (5, 0.72)) == [3, 5, 5]


def test_errors_within_the_tolerance_count_as_none():
    within, beyond = 0.72 * math.exp(0.04), 0.72 * math.exp(0.06)
    agent = make("pid", SPEC, **PLAIN)
    assert decisions(agent, (4, within), (4, beyond)) == [4, 3]


def test_what_is_held_back_is_not_wound_up():
    agent = make("pid", SPEC, **PLAIN)
    decisions(agent, *[(7, 0.1)] * 50)  # at the top, with room for much more
    assert decisions(agent, (7, 1.37)) == [6]


@pytest.mark.parametrize("change", [{"target": 0.0}, {"ki": 0.0}, {"kd": -1.0}])
def test_figures_out_of_range_are_refused(change):
    with pytest.raises(Exception, match=r"pid\.yaml"):
        make("pid", SPEC, **change)
