"""Whether two workers find the same in a picture: the results of a frame and of its copy, side by side."""

from collections import OrderedDict

import numpy as np

from pipeline.findings import Matches
from pipeline.messages import ResultPart
from pipeline.scoring.matching import Detections, Objects, match

REMEMBERED = 256  # results; the other one of the same picture comes soon, or never
AXIS_ALIGNED = 6  # columns of boxes that can be held against each other


class Agreement:
    """Holds the results of late, of an episode, without their pictures."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[int, int, int], ResultPart] = OrderedDict()

    def of(self, part: ResultPart) -> Matches | None:
        """Take a result; say how far it agrees with another worker's of that picture, if one is known.

        Returns:
            Boxes that match, its own boxes (found) and the other's (present).
        """
        header = part.header
        key = header.stream, header.source_index, header.epoch
        other = self._seen.pop(key, None)
        if other is not None and other.header.worker != header.worker:
            return compared(part, other)
        self._seen[key] = part._replace(frame=None)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return None


def compared(one: ResultPart, other: ResultPart) -> Matches | None:
    """Match the boxes of two results, classes together; None if theirs cannot be held against each other."""
    if one.boxes.shape[1] != AXIS_ALIGNED or other.boxes.shape[1] != AXIS_ALIGNED:
        return None
    boxes, others = one.boxes.astype(float), other.boxes.astype(float)
    found = Detections(boxes[:, :4], (), boxes[:, 4])
    there = Objects(others[:, :4], (), np.zeros(len(others), bool))
    return Matches(int((match(found, there) >= 0).sum()), len(boxes), len(others))
