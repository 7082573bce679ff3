import dataclasses
import math

import numpy as np
import pytest

from envs.spec import ElasticitySpec, Knob, ObservedMetric
from pipeline.slos import RATIO_CAP, Slo, SloReading, SloState

PACE = Knob("pace", "1/s", (1.0, 2.0, 4.0), (1.0, 2.0, 4.0), (1.0, 2.0, 4.0))
ONLY = Knob("only", "", ("a",), (5.0,), (1.0,))
SPEC = ElasticitySpec(
    knobs=(PACE, ONLY),
    slos=(Slo("lag", 10.0), Slo("heat", 50.0, memory=True)),
    metrics=(ObservedMetric("flow", "1/s", 10.0, 20.0),),
)
LAG = SloReading(ratio=1.5, state=SloState.CRITICAL, known=True)


def test_observation_is_laid_out_as_documented():
    observation = SPEC.encode((1, 0), {"lag": LAG}, {"flow": 12.5})
    # levels (one level counts as 1), ratios, known flags, metrics
    assert observation.tolist() == [0.5, 1.0, 1.5, 0.0, 1.0, 0.0, 0.25]
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
    assert SPEC.observation_space.high.tolist() == [1, 1, RATIO_CAP, RATIO_CAP, 1, 1, 1]
    assert SPEC.lowest == (0, 0) and SPEC.highest == (2, 0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.5, RATIO_CAP + 1])
def test_an_observation_out_of_bounds_is_refused(bad):
    observation = SPEC.encode((0, 0), {}, {})
    observation[2] = bad
    with pytest.raises(ValueError, match=r"observation\[2\] must be finite and in \[0, 10\]"):
        SPEC.decode(observation)


def test_an_observation_of_another_spec_is_refused():
    with pytest.raises(ValueError, match=r"shape \(7,\), got \(3,\)"):
        SPEC.decode(np.zeros(3, np.float32))


def test_hash_changes_with_anything_in_the_spec():
    again = dataclasses.replace(SPEC)
    assert again.hash == SPEC.hash and len(SPEC.hash) == 12
    assert dataclasses.replace(SPEC, slos=(Slo("lag", 11.0), SPEC.slos[1])).hash != SPEC.hash
    assert dataclasses.replace(SPEC, metrics=()).hash != SPEC.hash


def test_worth_lies_between_the_lowest_and_the_highest_level():
    assert [PACE.worth(value) for value in (0.5, 1.0, 2.5, 4.0, 9.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_a_knob_of_one_level_is_worth_all_when_it_is_delivered():
    assert [ONLY.worth(value) for value in (0.0, 5.0, 5.1)] == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"value": (1.0, 2.0)}, "one entry per level, got 3, 2 and 3"),
        ({"value": (2.0, 1.0, 4.0)}, "value must not descend"),
        ({"cost": (0.0, 1.0, 2.0)}, "every cost must be > 0"),
        ({"weight": -1.0}, "weight must be >= 0"),
    ],
)
def test_an_impossible_knob_is_refused(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        dataclasses.replace(PACE, **change)


def test_names_must_differ():
    with pytest.raises(ValueError, match="every knob needs a name of its own"):
        ElasticitySpec((PACE, PACE), SPEC.slos)
