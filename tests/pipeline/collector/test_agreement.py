"""Results of two workers in the same picture; boxes are 10 x 10 px on a line."""

import numpy as np

from pipeline.collector.agreement import REMEMBERED, Agreement
from pipeline.findings import Matches
from pipeline.messages import Result, ResultPart


def result(worker: str, *lefts: float, index: int = 0, epoch: int = 1, columns: int = 6) -> ResultPart:
    """Boxes of one worker in one picture."""
    boxes = np.zeros((len(lefts), columns), np.float32)
    boxes[:, 0], boxes[:, 2], boxes[:, 3] = lefts, np.array(lefts) + 10, 10
    header = Result(
        id=index, dtype="uint8", shape=(0,), boxes=boxes.shape, source_index=index, epoch=epoch, worker=worker
    )
    return ResultPart(header, boxes, None)


def test_boxes_of_two_workers_in_a_picture_are_matched():
    agreement = Agreement()
    assert agreement.of(result("a", 0.0, 50.0)) is None
    assert agreement.of(result("b", 1.0, 100.0, 200.0)) == Matches(matched=1, found=3, present=2)
    assert agreement.of(result("c", 0.0)) is None, "both were taken, and nothing is left to hold it against"


def test_other_settings_another_picture_and_the_same_worker_are_not_compared():
    agreement = Agreement()
    others = (result("a", 0.0), result("b", 0.0, epoch=2), result("b", 0.0, index=1), result("a", 0.0))
    assert [agreement.of(part) for part in others] == [None] * 4


def test_boxes_with_a_rotation_are_not():
    agreement = Agreement()
    agreement.of(result("a", 0.0, columns=7))
    assert agreement.of(result("b", 0.0, columns=7)) is None


def test_what_is_long_ago_is_forgotten():
    agreement = Agreement()
    for index in range(REMEMBERED + 1):
        agreement.of(result("a", 0.0, index=index))
    assert agreement.of(result("b", 0.0, index=0)) is None
    assert agreement.of(result("b", 0.0, index=2)) == Matches(1, 1, 1)
