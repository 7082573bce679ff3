"""The HPA's rule, on costs that double from position to position."""

import pytest

from agents.common.front import Front
from agents.hpa import desired
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo
from tests.agents.episodes import make

COSTS = (1.0, 2.0, 4.0, 8.0, 16.0)
SPEC = ElasticitySpec(
    (Knob("a", "", tuple(COSTS), COSTS, (COSTS,)),), (Slo("load", 1.0), Slo("queue", 1.0, memory=True))
)
FRONT = Front(SPEC)
PLAIN = {"target": 0.8, "cool_down": 1, "window": 2, "probation": 4, "first_bar": 3, "longest_bar": 8}


def decisions(agent, *seen):
    """Level after each observation of (level, load, queue)."""
    decided = []
    for level, load, queue in seen:
        values = {"load": load, "queue": queue}
        readings = {slo.metric: slo.read(values[slo.metric]) for slo in SPEC.slos}
        decided.append(int(agent.act(SPEC.encode((level,), readings, {}), {})[0]))
    return decided


def test_the_desired_cost_is_the_present_one_over_metric_by_target():
    assert desired(FRONT, 2, 4.0, tolerance=0.1) == 0  # 4 / 4
    assert desired(FRONT, 2, 1.5, tolerance=0.1) == 1  # 4 / 1.5 = 2.7
    assert desired(FRONT, 2, 0.5, tolerance=0.1) == 3
    assert desired(FRONT, 2, 0.3, tolerance=0.1) == 3  # 4 / 0.3 = 13.3
    assert desired(FRONT, 2, 0.0, tolerance=0.1) == 4


def test_within_the_tolerance_nothing_is_changed():
    assert desired(FRONT, 2, 1.09, tolerance=0.1) == 2
    assert desired(FRONT, 2, 1.11, tolerance=0.1) == 1


def test_it_falls_at_once_and_climbs_when_the_window_agrees():
    agent = make("hpa", SPEC, **PLAIN)
    # 1.37 / 0.9 / 0.8 = 1.9: half the cost; then 0.34 / 0.9 / 0.8 = 0.47: twice the cost
    assert decisions(agent, (4, 1.37, 0.0), (3, 0.17, 0.0), (3, 0.34, 0.0), (3, 0.17, 0.0)) == [3, 3, 3, 4]


def test_an_slo_with_memory_leads_down_when_it_stays_violated():
    agent = make("hpa", SPEC, **PLAIN)
    assert decisions(agent, *[(3, 0.5, 1.4)] * 4) == [3, 3, 3, 2]  # 1.4 / 0.9 / 0.8 = 1.9


@pytest.mark.parametrize("change", [{"target": 1.0}, {"tolerance": -0.1}])
def test_figures_out_of_range_are_refused(change):
    with pytest.raises(Exception, match=r"hpa\.yaml"):
        make("hpa", SPEC, **change)
