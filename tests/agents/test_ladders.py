"""Steps between joint settings, on numbers small enough to check by hand."""

import pytest

from agents.ladders import cost, step_down, steps_up, worth
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo

SPEC = ElasticitySpec(
    knobs=(
        Knob("a", "", (1, 2, 3), (0.0, 5.0, 10.0), (1.0, 2.0, 3.0)),
        Knob("b", "", (1, 2), (1.0, 2.0), (2.0, 8.0), weight=3.0),
    ),
    slos=(Slo("m", 1.0),),
)


def test_cost_is_a_product_and_worth_a_weighted_mean():
    assert cost(SPEC, (1, 1)) == 16
    assert worth(SPEC, (1, 1)) == pytest.approx((0.5 + 3 * 1.0) / 4)


def test_down_takes_the_step_that_saves_most_and_stops_at_the_bottom():
    assert step_down(SPEC, (2, 1)) == (2, 0)  # 24 -> 6 rather than 16
    assert step_down(SPEC, (2, 0)) == (1, 0)
    assert step_down(SPEC, (0, 0)) == (0, 0)


def test_up_lists_the_cheapest_per_worth_gained_first():
    # ln 2 / 0.125 for a, ln 4 / 0.75 for b
    assert steps_up(SPEC, (0, 0)) == [(0, 1), (1, 0)]
    assert steps_up(SPEC, (2, 1)) == []
