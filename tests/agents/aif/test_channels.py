"""Loads and SLOs are read as logarithms that are 0 at the threshold."""

import numpy as np
import pytest

from agents.aif.channels import Channels
from envs.spec import ElasticitySpec, Knob, Stage
from pipeline.slos import Sense, Slo
from tests.agents.aif.small import CHANNELS, SPEC

WAYS = ElasticitySpec(
    knobs=(Knob("a", "", (1, 2), (1.0, 2.0), ((1.0, 2.0), (1.0, 4.0))),),
    slos=(Slo("load", 1.0), Slo("delivered", 3.0, sense=Sense.AT_LEAST), Slo("queue", 1.0, memory=True)),
    stages=(Stage("one", "load_one"), Stage("two", "load_two")),
)


def read(spec, channels, metrics):
    values = {slo.metric: slo.read(metrics[slo.metric]) for slo in spec.slos if slo.metric in metrics}
    return channels.read(spec.decode(spec.encode(spec.lowest, values, metrics)))


def test_every_stage_has_a_load_and_every_slo_that_is_none_a_channel():
    channels = Channels(WAYS)
    seen = read(WAYS, channels, {"load": 0.8, "load_one": 0.2, "load_two": 0.8, "delivered": 6.0})
    assert channels.n_loads == 2
    np.testing.assert_allclose(seen.y[:3], np.log([0.2, 0.8, 0.5]), rtol=1e-5)
    assert seen.known.tolist() == [True, True, True, False]


def test_one_load_may_stand_for_all_stages():
    seen = read(WAYS, Channels(WAYS, by_stage=False), {"load": 0.8, "load_one": 0.2, "load_two": 0.8})
    assert seen.y[0] == pytest.approx(np.log(0.8))
    assert len(seen.y) == 3


def test_a_lower_bound_is_expected_to_be_kept_the_better_the_dearer_the_setting():
    assert np.all(np.concatenate(Channels(WAYS).steps[2]) < 0)
    assert np.all(np.concatenate(Channels(WAYS).steps[3]) > 0)


def test_an_empty_queue_and_a_capped_ratio_are_bounds():
    seen = read(SPEC, CHANNELS, {"carried": 0.0, "instant": 10.0})
    assert seen.side.tolist() == [1, -1]
    assert seen.y.tolist() == pytest.approx([np.log(10.0), -2.0])


def test_slos_hold_where_the_loads_that_press_on_them_and_they_themselves_do():
    p = np.array([[0.4], [0.9], [0.7], [0.6]])  # two loads, a lower bound, a queue
    assert Channels(WAYS).by_slo(p).ravel().tolist() == [0.4, 0.7, 0.6]


def test_where_nothing_tells_of_a_load_one_is_inferred_and_nothing_holds_beyond_it():
    spec = ElasticitySpec(knobs=SPEC.knobs, slos=SPEC.slos[:1])
    channels = Channels(spec)
    assert channels.is_inferred
    assert not read(spec, channels, {"carried": 0.5}).known[0]
    assert channels.by_slo(np.array([[0.3], [0.9]])).tolist() == [[0.3]]
