"""Boxes of 10 x 10 px on a line."""

import math

import numpy as np
import pytest

from pipeline.findings import Matches
from pipeline.scoring.matching import (
    FORGIVEN,
    IN_VAIN,
    Detections,
    Objects,
    detections_of,
    f1,
    iou,
    match,
    tally,
)


def boxes(*lefts: float) -> np.ndarray:
    return np.array([(left, 0.0, left + 10.0, 10.0) for left in lefts]).reshape(-1, 4)


def found(*lefts: float, confidence: tuple[float, ...] | None = None, label: str = "car") -> Detections:
    sure = np.array(confidence or [0.9 - 0.01 * i for i in range(len(lefts))])
    return Detections(boxes(*lefts), [label] * len(lefts), sure)


def there(*lefts: float, ignored: tuple[int, ...] = (), label: str = "car") -> Objects:
    return Objects(boxes(*lefts), [label] * len(lefts), np.isin(np.arange(len(lefts)), ignored))


def test_overlap_is_the_shared_area_over_the_joint_one():
    assert iou(boxes(0.0), boxes(0.0, 5.0, 10.0)) == pytest.approx(np.array([[1.0, 1 / 3, 0.0]]))


def test_boxes_without_an_area_overlap_nothing():
    assert iou(np.zeros((1, 4)), np.zeros((1, 4))) == pytest.approx(0.0)


def test_each_object_is_matched_once_by_the_most_confident():
    matched = match(found(1.0, 0.0, 100.0, confidence=(0.5, 0.9, 0.3)), there(0.0, 50.0))
    assert matched.tolist() == [IN_VAIN, 0, IN_VAIN]


def test_a_detection_takes_the_object_that_it_overlaps_most():
    assert match(found(2.0, 0.0), there(0.0, 3.0)).tolist() == [1, 0]


def test_less_than_half_an_overlap_is_no_match():
    assert match(found(5.0), there(0.0)).tolist() == [IN_VAIN]


def test_what_is_ignored_is_neither_right_nor_wrong():
    truth = there(0.0, 50.0, 90.0, ignored=(0, 2))
    assert match(found(0.0, 50.0), truth).tolist() == [FORGIVEN, 1]
    assert tally(found(0.0, 50.0), truth) == {"car": Matches(1, 1, 1)}


def test_a_match_counts_for_the_objects_class_and_what_is_in_vain_for_its_own():
    seen = found(0.0, 100.0, label="truck")  # a car taken for a truck, and a truck where nothing is
    counts = tally(seen, there(0.0, 50.0))
    assert counts == {"car": Matches(1, 1, 2), "truck": Matches(0, 1, 0)}
    assert f1(counts.values()) == pytest.approx(2 / 4)


def test_nothing_found_and_nothing_there():
    assert tally(found(), there(0.0)) == {"car": Matches(0, 0, 1)}
    assert tally(found(0.0), there()) == {"car": Matches(0, 1, 0)}
    assert tally(found(), there()) == {} and math.isnan(f1([]))


def test_detections_are_taken_in_px_of_the_source_and_of_the_classes_asked_for():
    rows = np.array([(1, 2, 3, 4, 0.5, 2), (1, 2, 3, 4, 0.9, 0), (0, 0, 1, 1, np.nan, np.nan)], np.float32)
    seen = detections_of(rows, (100, 50), (200, 150), (2, 7))
    assert seen.boxes.tolist() == [[2, 6, 6, 12]] and seen.labels == ["car"]
    assert seen.confidence == pytest.approx([0.5])
