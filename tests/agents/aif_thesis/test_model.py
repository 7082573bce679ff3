"""The published model by hand: what its description says of A, B and C."""

import numpy as np
import pytest

from agents.aif_thesis.model import build, load_weights
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo

WEIGHTS = (0.2, 0.2, 0.3)


def knob(name, n):
    """One of n levels whose value and cost ascend."""
    figures = tuple(float(i + 1) for i in range(n))
    return Knob(name, "", figures, figures, (figures,))


SPEC = ElasticitySpec((knob("f", 3), knob("r", 2), knob("q", 3)), (Slo("m", 1.0), Slo("n", 1.0)))


def test_slo_states_follow_the_load_index():
    slo = build(SPEC, WEIGHTS).A[3]
    assert slo.shape == (3, 3, 2, 3)
    assert slo[:, 0, 0, 0].tolist() == [0.95, 0.04, 0.01]  # index 0
    assert slo[:, 0, 0, 2].tolist() == [0.8, 0.15, 0.05]  # 0.3: in the second bin
    assert slo[:, 2, 1, 1].tolist() == [0.8, 0.15, 0.05]  # 0.2 + 0.2 + 0.15
    assert slo[:, 1, 1, 2].tolist() == [0.6, 0.2, 0.2]  # 0.1 + 0.2 + 0.3 = 0.6
    assert slo[:, 2, 1, 2].tolist() == [0.6, 0.2, 0.2]  # 0.7 at most: the last bin is never reached


def test_another_number_of_knobs_shares_the_weights_sum():
    assert load_weights(WEIGHTS, 3).tolist() == [0.2, 0.2, 0.3]
    assert load_weights(WEIGHTS, 2) == pytest.approx([0.35, 0.35])


def test_moves_are_one_down_none_or_up_within_the_levels():
    down, stay, up = np.moveaxis(build(SPEC, WEIGHTS).B[0], -1, 0)
    assert down.tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert stay.tolist() == np.eye(3).tolist()
    assert up.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 1]]


def test_preferences_are_linear_over_levels_and_published_over_states():
    preferences = build(SPEC, WEIGHTS).C
    assert [c.tolist() for c in preferences] == [[0, 1.5, 3], [0, 3], [0, 1.5, 3], [1, 0, -3], [1, 0, -3]]


def test_there_are_27_policies_of_length_one():
    policies = build(SPEC, WEIGHTS).policies
    assert policies.shape == (27, 1, 3)
    assert (policies.min(), policies.max()) == (0, 2)


def test_too_many_settings_are_refused_before_anything_is_built():
    with pytest.raises(ValueError, match="at most 4096 joint settings, got 1000000"):
        build(ElasticitySpec(tuple(knob(f"k{i}", 10) for i in range(6)), SPEC.slos), WEIGHTS)
