"""Steps between joint settings, on numbers small enough to check by hand."""

from dataclasses import replace

import numpy as np
import pytest

from agents.common.settings import cost, pareto_front, step_down, steps_up, worth
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo

SPEC = ElasticitySpec(
    knobs=(
        Knob("a", "", (1, 2, 3), (0.0, 5.0, 10.0), ((1.0, 2.0, 3.0),)),
        Knob("b", "", (1, 2), (1.0, 2.0), ((2.0, 8.0),), weight=3.0),
    ),
    slos=(Slo("m", 1.0),),
)


ONE = (1.0,)  # stage


def front(spec, scales=ONE):
    return tuple(setting.levels for setting in pareto_front(spec, scales))


def test_cost_is_a_product_and_worth_a_weighted_mean():
    assert cost(SPEC, (1, 1), ONE) == 16
    assert worth(SPEC, (1, 1)) == pytest.approx((0.5 + 3 * 1.0) / 4)


def test_down_takes_the_step_that_saves_most_and_stops_at_the_bottom():
    assert step_down(SPEC, (2, 1), ONE) == (2, 0)  # 24 -> 6 rather than 16
    assert step_down(SPEC, (2, 0), ONE) == (1, 0)
    assert step_down(SPEC, (0, 0), ONE) == (0, 0)


def test_up_lists_the_cheapest_per_worth_gained_first():
    # ln 2 / 0.125 for a, ln 4 / 0.75 for b
    assert steps_up(SPEC, (0, 0), ONE) == [(0, 1), (1, 0)]
    assert steps_up(SPEC, (2, 1), ONE) == []


def test_the_front_ascends_in_cost_and_worth_and_leaves_out_what_is_beaten():
    # (0,0) 2, 0; (1,0) 4, 1/8; (2,0) 6, 1/4; (0,1) 8, 3/4; (1,1) 16, 7/8; (2,1) 24, 1
    assert front(SPEC) == ((0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1))
    dear = replace(
        SPEC.knobs[1], costs=((2.0, 5.0),)
    )  # (0, 1) now costs 5: less than (2, 0), and is worth more
    assert front(replace(SPEC, knobs=(SPEC.knobs[0], dear))) == (
        (0, 0),
        (1, 0),
        (0, 1),
        (1, 1),
        (2, 1),
    )


def test_a_knob_that_costs_nothing_is_always_at_its_top_on_the_front():
    free = replace(SPEC.knobs[1], costs=((2.0, 2.0),))
    assert front(replace(SPEC, knobs=(SPEC.knobs[0], free))) == ((0, 1), (1, 1), (2, 1))


def test_the_front_is_what_comparing_every_pair_of_settings_leaves(streams):
    for stream in streams.values():
        spec = stream.spec
        settings = [tuple(int(i) for i in s) for s in np.ndindex(*spec.n_levels)]
        cost_of = {s: cost(spec, s, ONE) for s in settings}
        worth_of = {s: worth(spec, s) for s in settings}
        for setting in settings:
            is_beaten = any(
                cost_of[other] <= cost_of[setting] and worth_of[other] > worth_of[setting] + 1e-9
                for other in settings
            )
            assert not (setting in front(spec) and is_beaten)
