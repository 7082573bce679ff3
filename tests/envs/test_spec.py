import dataclasses
import math

import numpy as np
import pytest

from envs.spec import ElasticitySpec, Knob, ObservedMetric, Quality, Stage
from envs.worth import Worth
from pipeline.slos import RATIO_CAP, Slo, SloReading, SloState

PACE = Knob("pace", "1/s", (1.0, 2.0, 4.0), (1.0, 2.0, 4.0), ((1.0, 2.0, 4.0),))
ONLY = Knob("only", "", ("a",), (5.0,), ((1.0,),))
SPEC = ElasticitySpec(
    knobs=(PACE, ONLY),
    slos=(Slo("lag", 10.0), Slo("heat", 50.0, memory=True)),
    metrics=(ObservedMetric("flow", "1/s", 10.0, 20.0),),
)
LAG = SloReading(ratio=1.5, state=SloState.CRITICAL, known=True)


def test_observation_is_laid_out_as_documented():
    observation = SPEC.encode((1, 0), {"lag": LAG}, {"flow": 12.5})
    # levels (one level counts as 1), ratios, known flags, load, its flag, metrics
    assert observation.tolist() == [0.5, 1.0, 1.5, 0.0, 1.0, 0.0, 0.0, 0.0, 0.25]
    assert observation.dtype == np.float32 and observation in SPEC.observation_space


def test_decode_takes_apart_what_encode_put_together():
    observed = SPEC.decode(SPEC.encode((2, 0), {"lag": LAG}, {"flow": 15.0}))
    assert observed.levels.tolist() == [2, 0]
    assert observed.ratios.tolist() == [1.5, 0.0]
    assert observed.known.tolist() == [True, False]
    assert observed.metrics.tolist() == [0.5]


@pytest.mark.parametrize(
    ("value", "scaled"), [(None, 0.0), (math.nan, 0.0), (-math.inf, 0.0), (math.inf, 1.0), (99.0, 1.0)]
)
def test_metrics_are_always_finite_and_in_bounds(value, scaled):
    assert SPEC.encode((0, 0), {}, {"flow": value})[-1] == scaled


def test_spaces_are_finite():
    assert SPEC.action_space.nvec.tolist() == [3, 1]
    assert SPEC.observation_space.high.tolist() == [1, 1, RATIO_CAP, RATIO_CAP, 1, 1, RATIO_CAP, 1, 1]
    assert SPEC.lowest == (0, 0) and SPEC.highest == (2, 0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.5, RATIO_CAP + 1])
def test_an_observation_out_of_bounds_is_refused(bad):
    observation = SPEC.encode((0, 0), {}, {})
    observation[2] = bad
    with pytest.raises(ValueError, match=r"observation\[2\] must be finite and in \[0, 10\]"):
        SPEC.decode(observation)


def test_an_observation_of_another_spec_is_refused():
    with pytest.raises(ValueError, match=r"shape \(9,\), got \(3,\)"):
        SPEC.decode(np.zeros(3, np.float32))


def test_hash_changes_with_anything_in_the_spec():
    again = dataclasses.replace(SPEC)
    assert again.hash == SPEC.hash and len(SPEC.hash) == 12
    assert dataclasses.replace(SPEC, slos=(Slo("lag", 11.0), SPEC.slos[1])).hash != SPEC.hash
    assert dataclasses.replace(SPEC, metrics=()).hash != SPEC.hash
    worths = [Worth.of((0.0, 1.0), [[[0.5, b]]] * 3, [[0.0]] * 3) for b in (0.4, 0.3)]
    assert len({dataclasses.replace(SPEC, joint_worth=worth).hash for worth in (None, *worths)}) == 3


def test_worth_is_the_weighted_mean_over_the_knobs_unless_a_table_says_otherwise():
    heavy = dataclasses.replace(PACE, weight=3.0)
    spec = ElasticitySpec((heavy, ONLY), SPEC.slos)
    assert spec.worth.when_shown().tolist() == pytest.approx([0.25, 0.5, 1.0])  # 1, 2, 4; and 1 for the other
    table = Worth.ageless([[0.3], [0.9], [0.1]])
    assert dataclasses.replace(spec, joint_worth=table).worth is table


def test_a_knob_may_be_worth_less_the_higher_it_is():
    falling = dataclasses.replace(PACE, value=(4.0, 2.0, 1.0))
    assert [falling.worth(value) for value in falling.value] == pytest.approx([1.0, 1 / 3, 0.0])
    assert ElasticitySpec((falling, ONLY), SPEC.slos).worth.when_shown().argmax() == 0


def test_the_observation_carries_each_stages_load_and_whether_it_is_known():
    stages = (Stage("first", "flow"), Stage("second", "never"), Stage("third"))
    pace = dataclasses.replace(PACE, costs=PACE.costs * 3)
    spec = ElasticitySpec((pace,), SPEC.slos, stages=stages)
    observation = spec.encode((0,), {}, {"flow": 12.5, "never": math.nan})
    assert observation.tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, RATIO_CAP, 0.0, 0.0, 1.0, 0.0, 0.0]
    assert spec.decode(observation).loads.tolist() == pytest.approx(
        [RATIO_CAP, math.nan, math.nan], nan_ok=True
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"stages": (Stage("a"), Stage("b"))}, r"costs for each of 2 stages, got \[1, 1\]"),
        ({"stages": (Stage("a"), Stage("a"))}, "every stage needs a name of its own"),
        ({"stages": ()}, "costs for each of 0 stages"),
        ({"joint_worth": Worth.ageless([0.1, 0.2])}, "expected a worth of 3 settings, got 2"),
        ({"quality": Quality.ACCURACY}, "needs a joint worth, got none"),
    ],
)
def test_a_spec_whose_parts_do_not_fit_is_refused(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        dataclasses.replace(SPEC, **change)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"value": (1.0, 2.0)}, r"one entry per level, got 3, 2 and \[3\]"),
        ({"costs": ((0.0, 1.0, 2.0),)}, "every cost must be > 0"),
        ({"weight": -1.0}, "weight must be >= 0"),
    ],
)
def test_an_impossible_knob_is_refused(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        dataclasses.replace(PACE, **change)


def test_names_must_differ():
    with pytest.raises(ValueError, match="every knob needs a name of its own"):
        ElasticitySpec((PACE, PACE), SPEC.slos)
