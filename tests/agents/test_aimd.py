"""Additive increase, multiplicative decrease, walked along a front of eleven positions."""

import pytest

from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo
from tests.agents.episodes import make

COSTS = tuple(float(2**i) for i in range(11))
SPEC = ElasticitySpec((Knob("a", "", COSTS, COSTS, (COSTS,)),), (Slo("load", 1.0),))
PLAIN = {
    "increase": 0.2,
    "decrease": 0.5,
    "cool_down": 1,
    "window": 1,
    "probation": 4,
    "first_bar": 20,
    "longest_bar": 40,
}


def decisions(agent, *seen):
    """Level after each observation of (level, load)."""
    decided = []
    for level, load in seen:
        observation = SPEC.encode((level,), {"load": SPEC.slos[0].read(load)}, {})
        decided.append(int(agent.act(observation, {})[0]))
    return decided


def test_it_climbs_by_equal_steps_and_falls_by_a_share_of_the_way():
    agent = make("aimd", SPEC, **PLAIN)
    assert decisions(agent, (0, 0.1), (2, 0.2), (4, 0.4), (6, 0.5), (8, 1.2)) == [2, 4, 6, 8, 4]


def test_a_warning_holds():
    assert decisions(make("aimd", SPEC, **PLAIN), *[(4, 0.95)] * 5) == [4] * 5


def test_near_what_failed_it_goes_half_of_the_way_and_stops_short_of_it():
    agent = make("aimd", SPEC, **PLAIN)
    decisions(agent, (6, 0.5), (8, 1.2))
    assert decisions(agent, (4, 0.5), (4, 0.5), (6, 0.5), (7, 0.5), (7, 0.5)) == [4, 6, 7, 7, 7]


@pytest.mark.parametrize("change", [{"increase": 0.0}, {"decrease": 1.0}])
def test_figures_out_of_range_are_refused(change):
    with pytest.raises(Exception, match=r"aimd\.yaml"):
        make("aimd", SPEC, **change)
