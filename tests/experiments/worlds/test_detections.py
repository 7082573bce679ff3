import re

import pytest

from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Origin
from envs.patterns import ContentPattern
from envs.scenario import Scenario
from experiments.worlds.builders import detections_of, drawn_by
from pipeline.content import Swing
from pipeline.messages import DetectionKind, WorkType
from pipeline.settings import ladders_for

REAL, EMULATED, NONE = DetectionKind
YOLO, OBB = WorkType.YOLO_DETECTION, WorkType.YOLO_OBB


@pytest.mark.parametrize(
    ("work_type", "untrained", "has_truth", "has_profile", "kind", "is_judged", "why"),
    [
        (YOLO, "", True, True, REAL, True, "trained weights"),
        (YOLO, "", True, False, REAL, False, "trained weights"),
        (YOLO, "", False, True, REAL, False, "trained weights"),
        (OBB, "", True, True, REAL, False, "trained weights"),
        (YOLO, "sm", True, True, EMULATED, True, "no trained weights of grade s, m; .* drawn from the truth"),
        (YOLO, "n", False, True, NONE, False, "nobody knows what is really in the pictures"),
        (YOLO, "n", True, False, NONE, False, "nobody knows what is found in such a scene"),
        (OBB, "n", True, True, NONE, False, "rotation"),
        (WorkType.EMULATED, "", True, True, EMULATED, True, "emulated workers"),
        (WorkType.EMULATED, "", False, False, NONE, False, "what is really in the pictures"),
        (WorkType.NONE, "", True, True, NONE, False, "do nothing"),
    ],
)
def test_what_detections_are_follows_from_work_weights_truth_and_profile(
    work_type, untrained, has_truth, has_profile, kind, is_judged, why
):
    detected = detections_of(work_type, tuple(untrained), has_truth, has_profile)
    assert (detected.kind, detected.is_judged) == (kind, is_judged)
    assert re.search(why, detected.why)


def test_they_are_drawn_by_the_profile_at_the_heights_and_grades_of_the_ladders():
    profile = StreamProfile(
        (0.0, 1.0), {"n": GradeF1({"100": (0.4, 0.2)}, Origin.ASSUMED, "this test")}, 0.1, 0.5, 0.7
    )
    content = ContentPattern(calm=0.1, rush=0.9, calm_offset=0.5, rush_offset=-0.5, period_s=60.0)
    ladders = ladders_for(320, 180, 30.0, ("n", "s"), (10.0,), (50, 100))
    drawn = drawn_by(profile, ladders, Scenario(content=content))
    assert drawn.f1[0] == {50: pytest.approx(0.2), 100: pytest.approx(0.4)} and drawn.f1[1][100] > 0.4
    assert (drawn.scene_sd, drawn.second_sd, drawn.second_correlation) == (0.1, 0.5, 0.7)
    assert drawn.offset == Swing(0.5, -0.5, 60.0) and drawn_by(profile, ladders, Scenario()).offset is None
