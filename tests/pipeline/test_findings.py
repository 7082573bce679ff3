"""What was found against what was there, in numbers made by hand."""

import math

import numpy as np
import pytest

from pipeline.findings import (
    Confidences,
    Matches,
    count_accuracy,
    count_jumps,
    mean_confidence,
    precision,
    recall,
    sure_share,
)

# ten objects, eight detections of which six are right; the count is 4 off in all, and jumps by 3
SOME = Matches(matched=6, found=8, present=10, miscounted=4, jumped=3)
NOTHING = Matches()


@pytest.mark.parametrize(
    ("metric", "value"),
    [(recall, 0.6), (precision, 0.75), (count_accuracy, 0.6), (count_jumps, 0.3)],
)
def test_metrics_of_matches(metric, value):
    assert metric(SOME) == pytest.approx(value)
    assert math.isnan(metric(NOTHING))


def test_without_detections_everything_is_missed_and_nothing_is_wrong():
    blind = Matches(present=4, miscounted=4)
    assert (recall(blind), count_accuracy(blind)) == (0.0, 0.0) and math.isnan(precision(blind))
    assert precision(Matches(found=3, miscounted=3)) == 0.0
    assert count_accuracy(Matches(found=9, present=4, miscounted=5)) == 0.0, "no less than nothing"


def test_matches_add_up_and_are_told_apart():
    assert Matches(12, 16, 20, 8, 6) == SOME + SOME
    assert SOME - SOME == NOTHING


def test_confidences_of_frames_add_up():
    frames = np.array([0.9, 0.5], np.float32), np.array([0.4], np.float32), np.zeros(0, np.float32)
    both = sum((Confidences.of(frame) for frame in frames), Confidences())
    assert (both.n, both.sure) == (3, 2), "from a half on it is sure"
    assert mean_confidence(both) == pytest.approx(0.6) and sure_share(both) == pytest.approx(2 / 3)
    assert math.isnan(mean_confidence(Confidences())) and math.isnan(sure_share(Confidences()))
