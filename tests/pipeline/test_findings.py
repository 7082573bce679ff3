"""What was found against what was there, in numbers made by hand."""

import math

import numpy as np
import pytest

from pipeline.findings import (
    Confidences,
    Matches,
    count_error,
    count_jumps,
    false_share,
    mean_confidence,
    missed_share,
    sure_share,
)

# ten objects, eight detections of which six are right; the count is 4 off in all, and jumps by 3
SOME = Matches(matched=6, found=8, present=10, miscounted=4, jumped=3)
NOTHING = Matches()


@pytest.mark.parametrize(
    ("metric", "value"),
    [(missed_share, 0.4), (false_share, 0.25), (count_error, 0.4), (count_jumps, 0.3)],
)
def test_metrics_of_matches(metric, value):
    assert metric(SOME) == pytest.approx(value)
    assert math.isnan(metric(NOTHING))


def test_without_detections_everything_is_missed_and_nothing_is_wrong():
    blind = Matches(present=4, miscounted=4)
    assert (missed_share(blind), count_error(blind)) == (1.0, 1.0) and math.isnan(false_share(blind))
    assert false_share(Matches(found=3, miscounted=3)) == 1.0


def test_matches_add_up_and_are_told_apart():
    assert Matches(12, 16, 20, 8, 6) == SOME + SOME
    assert SOME - SOME == NOTHING


def test_confidences_of_frames_add_up():
    frames = np.array([0.9, 0.5], np.float32), np.array([0.4], np.float32), np.zeros(0, np.float32)
    both = sum((Confidences.of(frame) for frame in frames), Confidences())
    assert (both.n, both.sure) == (3, 2), "from a half on it is sure"
    assert mean_confidence(both) == pytest.approx(0.6) and sure_share(both) == pytest.approx(2 / 3)
    assert math.isnan(mean_confidence(Confidences())) and math.isnan(sure_share(Confidences()))
