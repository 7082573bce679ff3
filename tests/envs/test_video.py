import math

import numpy as np
import pytest

from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Origin
from envs.observe import spared
from envs.reward import qoe
from envs.spec import Quality
from envs.video import check_ladders, delivered_values, seen_accuracy, video_spec
from pipeline.settings import GRADES, Ladders, ladders_for
from tests.envs.fakes import LADDERS, SLOS, interval, spec


def test_knobs_are_those_of_the_messages_in_their_order():
    knobs = spec().knobs
    assert [(knob.name, knob.unit) for knob in knobs] == [("fps", "1/s"), ("resolution", "px"), ("grade", "")]
    assert [knob.levels for knob in knobs] == [(10.0, 20.0, 30.0), (180, 360), ("n", "s")]
    assert [knob.value for knob in knobs] == [(10.0, 20.0, 30.0), (180.0, 360.0), (39.5, 47.0)]


def test_product_of_costs_is_gflop_per_second():
    costs = [knob.costs[-1][0] for knob in spec().knobs]
    assert costs == [10.0, 320 * 180 / 640**2, 6.5]
    # 10 frames/s, each 0.140625 of the 640 px picture that YOLO11n takes 6.5 GFLOPs for
    assert math.prod(costs) == pytest.approx(9.140625)


def test_a_grade_costs_no_bytes_and_a_size_no_capturing():
    stages = [stage.name for stage in spec().stages]
    assert stages == ["capture", "link", "compute"]
    fps, resolution, grade = (dict(zip(stages, knob.costs, strict=True)) for knob in spec().knobs)
    assert len(set(grade["link"])) == len(set(grade["capture"])) == len(set(resolution["capture"])) == 1
    assert resolution["link"] == (320 * 180, 640 * 360)
    assert fps["capture"] == fps["link"] == fps["compute"] == (10.0, 20.0, 30.0)


def test_without_an_slo_on_a_load_computing_is_the_only_stage():
    assert [stage.metric for stage in video_spec(LADDERS, SLOS[:2]).stages] == [""]


def test_default_ladders_of_the_traffic_scene_make_a_spec():
    made = video_spec(ladders_for(640, 360, 30.0, ("n", "s", "m")), SLOS)
    assert made.n_levels == (6, 4, 3)
    assert [metric.name for metric in made.metrics] == ["delivered_fps", "utilisation"]


def test_weights_are_by_knob_name():
    weighted = video_spec(LADDERS, SLOS, {"fps": 2.0})
    assert [knob.weight for knob in weighted.knobs] == [2.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="quality"):
        video_spec(LADDERS, SLOS, {"quality": 1.0})


def test_delivered_values_are_those_of_the_collector():
    # half n (39.5), half s (47.0)
    assert delivered_values(spec(), interval(delivered=24)) == (24.0, 360.0, 43.25)


def test_delivered_fps_is_per_stream():
    assert delivered_values(spec(), interval(delivered=60, n_streams=3))[0] == 20.0


def test_nothing_delivered_is_worth_nothing():
    silent = interval(delivered=0, delivered_height_px=None, delivered_by_grade=(0, 0))
    assert all(math.isnan(value) for value in delivered_values(spec(), silent))
    assert qoe(spec(), delivered_values(spec(), silent)) == 0.0


def test_accuracy_of_a_single_grade_is_exact():
    one = video_spec(Ladders((30.0,), ((640, 360),), ("l",)), SLOS)
    for n in (1, 3, 7, 1001):
        assert delivered_values(one, interval(delivered=n, delivered_by_grade=(n,)))[2] == 53.4


def test_a_spec_made_for_another_source_is_refused():
    check_ladders(spec(), LADDERS)
    with pytest.raises(ValueError, match="knob resolution: the spec has the levels"):
        check_ladders(spec(), Ladders(LADDERS.fps, ((160, 90), (320, 180)), LADDERS.grades))


# --- worth by accuracy ---


def test_a_settings_accuracy_is_its_f1_at_its_age_less_what_a_jerky_picture_costs():
    ladders = Ladders((7.5, 15.0, 30.0), ((320, 180), (640, 360)), ("n",))
    own = GradeF1({"180": [0.4, 0.2], "360": [0.8, 0.6]}, Origin.MEASURED, "by hand")  # fresh and 0.1 s old
    profile = StreamProfile((0.0, 0.1), {"n": own})
    judged = video_spec(ladders, SLOS, quality=Quality.ACCURACY, profile=profile)
    worth = judged.worth
    # 1/15, 1/30 and 1/60 s old, as half the time between two frames; (7.5/15)^(1/4) = 0.8409
    by_hand = [
        0.8409 * (0.4 - 0.2 * 2 / 3),
        0.8409 * (0.8 - 0.2 * 2 / 3),
        1 / 3,
        0.8 - 0.2 / 3,
        0.4 - 0.2 / 6,
    ]
    assert worth.when_shown().tolist() == pytest.approx([*by_hand, 0.8 - 0.2 / 6], abs=1e-4)
    assert worth.when_shown(1.0).tolist() == pytest.approx([0.1682, 0.5045, 0.2, 0.6, 0.2, 0.6], abs=1e-4)
    alone = video_spec(ladders, SLOS, quality=Quality.F1, profile=profile).worth
    assert alone.when_shown(1.0).tolist() == pytest.approx([0.2, 0.6] * 3), "however jerky it is"
    with pytest.raises(ValueError, match="needs to know what detections of the scene are worth"):
        video_spec(ladders, SLOS, quality=Quality.ACCURACY)


def test_the_predecessors_worth_is_how_high_the_knobs_are_set():
    worth = video_spec(LADDERS, SLOS, quality=Quality.LEVELS).worth.at_once
    assert (worth[0], worth[-1]) == (0.0, 1.0)
    assert worth[1] == pytest.approx(1 / 3 / (len(LADDERS.grades) - 1)), "one step of the last of three knobs"


def test_frugal_settings_are_worth_what_they_do_not_compute():
    ladders = Ladders((10.0, 20.0), ((320, 180), (640, 360)), ("n", "s"))
    spec = video_spec(ladders, SLOS, quality=Quality.FRUGAL)
    share = GRADES["n"].gflops / GRADES["s"].gflops
    by_hand = [1 - fps * size * grade for fps in (0.5, 1) for size in (0.25, 1) for grade in (share, 1)]
    assert spec.worth.when_shown(5.0).tolist() == pytest.approx(by_hand), "however old"
    assert [spared(spec, levels) for levels in np.ndindex(spec.n_levels)] == pytest.approx(by_hand)


def test_seen_accuracy_needs_both_something_found_and_something_shown():
    assert seen_accuracy(0.8, 30.0) == 0.8
    assert seen_accuracy(0.8, 15 / 16) == pytest.approx(0.4)
    assert seen_accuracy(math.nan, 30.0) == seen_accuracy(0.8, math.nan) == 0.0
