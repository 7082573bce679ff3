"""What a unit of each stage's work means is read off their pressures."""

from dataclasses import replace

import numpy as np
import pytest

from agents.common.bottleneck import IDLE, Stages, first_scales, scales_after
from agents.common.settings import pareto_front, step_down, steps_up
from envs.spec import ElasticitySpec, Knob, Stage
from pipeline.slos import Slo

SPEC = ElasticitySpec(  # the first knob costs both stages, the second the last one alone
    knobs=(
        Knob("a", "", (1, 2, 3), (0.0, 1.0, 2.0), ((1.0, 2.0, 4.0), (1.0, 2.0, 4.0))),
        Knob("b", "", (1, 2), (0.0, 1.0), ((1.0, 1.0), (1.0, 8.0))),
    ),
    slos=(Slo("wait", 1.0, memory=True), Slo("peak", 1.0), Slo("late", 1.0)),
    stages=(Stage("first", "load_first"), Stage("last", "late")),
)
NAN = np.nan


def pressures(peak, late, first, last, spec=SPEC):
    """With None for what was not measured."""
    ratios = np.array([5.0, peak or 0.0, late or 0.0])
    known = np.array([True, peak is not None, late is not None])
    return Stages(spec).pressures(ratios, known, np.array([first, last])).tolist()


def test_a_stages_pressure_is_that_of_its_own_slo_and_others_are_the_largest_loads():
    assert pressures(None, 0.6, 0.4, 0.5) == pytest.approx([IDLE, 0.6])
    assert pressures(0.8, None, 0.4, 0.2) == pytest.approx([0.8, 0.4])  # in proportion to their loads
    assert pressures(0.8, 0.6, 0.4, 0.2) == pytest.approx([0.8, 0.6])
    assert pressures(0.8, 0.6, NAN, NAN) == pytest.approx([0.8, 0.8])  # loads unknown: as large
    assert pressures(0.8, 0.6, NAN, 0.5) == pytest.approx([IDLE, 0.8])  # beside one that shows a load
    assert np.isnan(pressures(None, None, 0.4, 0.2)).all()


def test_where_no_slo_is_in_the_pressure_loads_speak_for_themselves():
    spec = replace(SPEC, slos=SPEC.slos[:1])
    loads = np.array([0.4, NAN])
    found = Stages(spec).pressures(np.array([5.0]), np.array([True]), loads)
    assert found == pytest.approx([0.4, IDLE])


def test_scales_are_what_a_unit_of_each_stages_work_presses():
    assert first_scales(SPEC) == (1.0, 4 / 32)  # the highest levels press both alike
    # at (1, 0) both cost 2: the first stage presses twice as much by it
    assert scales_after(SPEC, (1.0, 4 / 32), (1, 0), (0.8, 0.4)) == pytest.approx((1.0, 0.5))
    assert scales_after(SPEC, (1.0, 0.5), (1, 0), (0.2, 0.8)) == pytest.approx((0.25, 1.0))


def test_scales_stay_where_pressures_jitter_or_tell_nothing():
    scales = (1.0, 0.5)
    assert scales_after(SPEC, scales, (1, 0), (0.8, 0.45)) == scales
    assert scales_after(SPEC, scales, (1, 0), (NAN, NAN)) == scales
    assert scales_after(SPEC, scales, (1, 0), (0.8, NAN)) == scales
    assert scales_after(replace(SPEC, knobs=SPEC.knobs), (1.0,) * 2, (0, 0), (0.0, 0.0)) == (1.0, 1.0)


def test_with_another_stage_another_knob_saves_most():
    first_binds, last_binds = (1.0, 0.01), (0.01, 1.0)
    assert step_down(SPEC, (2, 1), first_binds) == (1, 1)
    assert step_down(SPEC, (2, 1), last_binds) == (2, 0)
    assert step_down(SPEC, (0, 1), first_binds) == (0, 1)  # less of the second knob would save nothing
    assert steps_up(SPEC, (1, 0), first_binds)[0] == (1, 1)  # it costs nothing


def test_the_front_is_of_the_stage_that_binds():
    def front(*scales):
        return [setting.levels for setting in pareto_front(SPEC, scales)]

    assert front(1.0, 0.01) == [(0, 1), (1, 1), (2, 1)]
    assert front(0.01, 1.0) == [(0, 0), (1, 0), (2, 0), (1, 1), (2, 1)]
