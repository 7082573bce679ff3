"""Pictures with objects of several heights, found as a profile says."""

import numpy as np
import pytest
from msgspec import structs

from envs.procedural.ranges import TRAFFIC_HALF_LIFE_S
from pipeline.class_names import class_ids
from pipeline.content import Swing
from pipeline.findings import Matches
from pipeline.messages import Drawn, Result, Truth
from pipeline.scoring.emulated import REMEMBERED_S, Emulated, Memory, drawn_boxes, found_shares, remembering
from pipeline.scoring.matching import Objects, detections_of, f1, iou, tally
from pipeline.scoring.truth import Look, open_truth

CLASSES = ("car", "truck", "bus")
SIZE, FPS = (640, 360), 30.0
LATER_NS = 1_000_000_000_000
DRAWN = Drawn(f1=({90: 0.2, 180: 0.6, 360: 0.8}, {180: 1.0}))
STEADY = Truth(classes=CLASSES, seed=4, drawn=DRAWN)


def picture(index: int) -> Objects:
    """Up to eight objects, far apart, the last of which does not count."""
    n = 1 + index % 8
    left_top = np.array([(80.0 * i, 100.0 + index % 7) for i in range(n)])
    sides = np.array([(30.0, 15.0 + 12.0 * i) for i in range(n)])
    ignored = np.arange(n) == 7
    return Objects(np.hstack((left_top, left_top + sides)), ["car"] * n, ignored)


def result(index: int, height: int = 360, grade: int = 0) -> Result:
    size = (height * SIZE[0] // SIZE[1], height)
    return Result(id=index, dtype="uint8", shape=(0,), source_index=index, size=size, grade=grade, episode=1)


def matches(
    emulated: Emulated, indices: range = range(400), age: int = 0, look: Look = picture, **of: int
) -> Matches:
    """What is found in these pictures against the truth so many frames later."""
    total = Matches()
    for index in indices:
        header = result(index, **of)
        later = look(index + age)
        assert later is not None
        found = detections_of(emulated.boxes(header, LATER_NS), header.size, SIZE, class_ids(CLASSES))
        total += sum(tally(found, later).values(), Matches())
    return total


@pytest.mark.parametrize(("height", "expected"), [(90, 0.2), (135, 0.4), (180, 0.6), (360, 0.8), (720, 0.8)])
def test_fresh_detections_are_worth_what_the_profile_says(height, expected):
    counts = matches(Emulated(STEADY, picture, SIZE, FPS), height=height)
    assert f1([counts]) == pytest.approx(expected, abs=0.035)
    assert counts.matched / counts.found == pytest.approx((1 + expected) / 2, abs=0.05)


def test_a_perfect_grade_finds_everything_and_invents_nothing():
    counts = matches(Emulated(STEADY, picture, SIZE, FPS), grade=1)
    assert counts.matched == counts.found == counts.present


def test_the_same_picture_grade_and_size_give_the_same_detections_whoever_draws_in_whatever_order():
    first, second = (Emulated(STEADY, picture, SIZE, FPS) for _ in range(2))
    forwards = [first.boxes(result(index), LATER_NS) for index in range(20)]
    for index in reversed(range(20)):
        assert np.array_equal(second.boxes(result(index), LATER_NS), forwards[index])
    other = Emulated(structs.replace(STEADY, seed=5), picture, SIZE, FPS)
    assert any(
        not np.array_equal(other.boxes(result(index), LATER_NS), forwards[index]) for index in range(20)
    )


def test_boxes_are_in_px_of_the_frame_and_close_to_what_is_there():
    emulated, all_of_them = Emulated(STEADY, picture, SIZE, FPS), result(6, grade=1)
    whole = emulated.boxes(all_of_them, LATER_NS)
    half = emulated.boxes(structs.replace(all_of_them, size=(320, 180)), LATER_NS)
    assert half == pytest.approx(whole * [0.5, 0.5, 0.5, 0.5, 1, 1], rel=1e-5) and whole.dtype == np.float32
    assert np.diag(iou(whole[:, :4].astype(float), picture(6).boxes)).min() > 0.8


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 1.0])
def test_the_higher_an_object_is_the_likelier_it_is_found_and_the_mean_is_kept(share):
    shares = found_shares(np.array([20.0, 90.0, 15.0, 40.0, 40.0]), share)
    assert shares.mean() == pytest.approx(share) and 0 <= shares.min() <= shares.max() < 1 + 1e-9
    assert list(shares[[2, 0, 3, 4, 1]]) == pytest.approx(sorted(shares))


def test_where_nothing_is_there_nothing_is_found():
    nothing = Objects(np.zeros((0, 4)), (), np.zeros(0, bool))
    assert drawn_boxes(nothing, 0.5, SIZE, np.random.default_rng(0)).shape == (0, 6)
    assert Emulated(STEADY, lambda index: None, SIZE, FPS).boxes(result(3), LATER_NS).shape == (0, 6)


def test_a_picture_that_cannot_have_been_seen_yet_shows_nothing():
    began = structs.replace(STEADY, began_ns=5_000_000_000)
    emulated = Emulated(began, picture, SIZE, FPS)
    assert len(emulated.boxes(result(30, grade=1), 6_000_000_000)) > 0
    assert len(emulated.boxes(result(10**12, grade=1), 6_000_000_000)) == 0, "and at once"


def test_content_moves_f1_from_second_to_second_and_with_the_scenario():
    varied = structs.replace(DRAWN, second_sd=0.5, second_correlation=0.7, offset=Swing(1.0, -1.0, 20.0))
    emulated = Emulated(structs.replace(STEADY, drawn=varied), picture, SIZE, FPS)
    values = np.array([emulated.f1(result(round(second * FPS))) for second in range(200)])
    logits = np.log(values / (1 - values))
    assert logits[::20].mean() - logits[10::20].mean() == pytest.approx(2.0, abs=0.6)
    assert len(set(values)) == 200


def test_what_is_shown_ages_as_the_traffic_moves_on():
    """conf/accuracy/traffic.yaml has .823 to .676 after .33 s at 360 px, and less after .1 s."""
    look = remembering(STEADY, open_truth(STEADY, SIZE, 10.0), 10.0, from_ns=0)
    emulated = Emulated(STEADY, look, SIZE, 10.0)
    aged = [f1([matches(emulated, range(0, 200, 6), age, look)]) for age in (0, 1, 3, 20)]
    assert aged[0] == pytest.approx(0.8, abs=0.05) and aged[1] == pytest.approx(aged[0], abs=0.02)
    assert 0.5 < aged[2] / aged[0] < 0.95 and aged[3] < 0.3


@pytest.mark.parametrize("half_life_s", [0.25, 1.0])
def test_traffic_of_a_drawn_scene_ages_as_its_profile_says(half_life_s: float):
    fps = 20.0
    truth = structs.replace(STEADY, seed=1, pace=TRAFFIC_HALF_LIFE_S / half_life_s)
    look = remembering(truth, open_truth(truth, SIZE, fps), fps, from_ns=0)
    emulated = Emulated(truth, look, SIZE, fps)
    fresh, aged = (
        f1([matches(emulated, range(0, 400, 8), age, look, height=180)])
        for age in (0, round(half_life_s * fps))
    )
    assert aged / fresh == pytest.approx(0.5, abs=0.12)


def test_each_picture_is_looked_at_once_and_forgotten_after_a_while():
    asked: list[int] = []

    def look(index: int) -> Objects:
        asked.append(index)
        return picture(index)

    memory = Memory(look, fps=1.0, first=2)
    assert memory.at(1) is None and memory.at(4) is memory.at(4) and memory.at(2) is not None
    assert asked == [2, 3, 4]
    memory.at(2 + round(REMEMBERED_S))
    assert memory.at(2) is None and memory.at(3) is not None
