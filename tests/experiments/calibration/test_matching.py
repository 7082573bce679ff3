"""Matching by hand: boxes of 10 x 10 px on a line."""

import numpy as np
import pytest

from experiments.calibration.matching import Counts, iou, match

NONE = np.zeros((0, 4))


def boxes(*lefts: float) -> np.ndarray:
    return np.array([(left, 0.0, left + 10.0, 10.0) for left in lefts]).reshape(-1, 4)


def asked(*ignored: bool) -> np.ndarray:
    return np.array(ignored, dtype=bool)


def test_overlap_is_the_shared_area_over_the_joint_one():
    overlaps = iou(boxes(0.0), boxes(0.0, 5.0, 10.0))
    assert overlaps == pytest.approx(np.array([[1.0, 1 / 3, 0.0]]))


def test_boxes_without_an_area_overlap_nothing():
    assert iou(np.zeros((1, 4)), np.zeros((1, 4))) == pytest.approx(0.0)


def test_each_truth_is_matched_once_by_the_most_confident():
    found = boxes(1.0, 0.0, 100.0)
    counts = match(found, np.array([0.5, 0.9, 0.3]), boxes(0.0, 50.0), asked(False, False))
    assert counts == Counts(matched=1, in_vain=2, missed=1)
    assert counts.f1 == pytest.approx(2 / 5)


def test_a_detection_takes_the_truth_that_it_overlaps_most():
    counts = match(boxes(2.0, 0.0), np.array([0.9, 0.8]), boxes(0.0, 3.0), asked(False, False))
    assert counts == Counts(matched=2, in_vain=0, missed=0)


def test_less_than_half_an_overlap_is_no_match():
    assert match(boxes(5.0), np.array([0.9]), boxes(0.0), asked(False)) == Counts(0, 1, 1)


def test_what_is_ignored_is_neither_right_nor_wrong():
    found = boxes(0.0, 50.0)
    counts = match(found, np.array([0.9, 0.8]), boxes(0.0, 50.0, 90.0), asked(True, False, True))
    assert counts == Counts(matched=1, in_vain=0, missed=0)


def test_nothing_found_and_nothing_there():
    assert match(NONE, np.zeros(0), boxes(0.0), asked(False)) == Counts(0, 0, 1)
    assert match(boxes(0.0), np.ones(1), NONE, asked()) == Counts(0, 1, 0)
    assert np.isnan(Counts().f1)


def test_counts_of_pictures_add_up():
    assert Counts(1, 2, 3) + Counts(10, 0, 1) == Counts(11, 2, 4)
