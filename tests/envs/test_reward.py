import math

import pytest

from envs.reward import SWITCHING_COST, qoe, reward
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import RATIO_CAP, Slo, SloReading, SloState

SPEC = ElasticitySpec(
    knobs=(
        Knob("pace", "", (0, 1), (10.0, 30.0), ((1.0, 3.0),), weight=3.0),
        Knob("size", "", (0, 1), (100.0, 200.0), ((1.0, 4.0),)),
    ),
    slos=(Slo("lag", 10.0),),
)
OK = SloReading(0.5, SloState.OK, True)
WARNING = SloReading(0.95, SloState.WARNING, True)


def broken(ratio: float) -> SloReading:
    return SloReading(ratio, SloState.CRITICAL, True)


def test_qoe_is_the_weighted_mean_of_what_was_delivered():
    # pace half way, weight 3; size all the way, weight 1
    assert qoe(SPEC, (20.0, 200.0)) == pytest.approx((3 * 0.5 + 1) / 4)


def test_the_lowest_setting_is_worth_nothing_and_the_highest_all():
    assert (qoe(SPEC, (10.0, 100.0)), qoe(SPEC, (30.0, 200.0))) == (0.0, 1.0)


def test_what_was_not_delivered_is_worth_nothing():
    assert qoe(SPEC, (math.nan, 200.0)) == 0.25


def test_fulfilled_slos_earn_the_qoe_less_the_switching_cost():
    assert reward([OK, WARNING], 0.8, 0, 3) == 0.8
    assert reward([OK, WARNING], 0.8, 3, 3) == pytest.approx(0.8 - SWITCHING_COST)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([broken(1.5), OK], -0.5 * 0.75),
        ([broken(1.0001), OK, OK, OK], -0.25 * 0.50005),
        ([broken(2.0), broken(1.5)], -1.0),
        ([broken(RATIO_CAP), OK], -0.5),
    ],
)
def test_broken_slos_cost_their_share_by_the_worst_ratio(readings, expected):
    assert reward(readings, 1.0, 0, 3) == pytest.approx(expected)


def test_no_amount_of_qoe_buys_a_broken_slo():
    worst_fulfilled = reward([OK] * 5, 0.0, 3, 3)
    best_broken = reward([broken(1.0 + 1e-9), OK, OK, OK, OK], 1.0, 0, 3)
    assert best_broken < worst_fulfilled
