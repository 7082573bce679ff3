"""How well detections match the truth: intersection over union, greedy matching, F1."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]  # (n, 4): x1, y1, x2, y2


class Counts(NamedTuple):
    """Detections and truths of one or several pictures: matched, detections in vain, truths missed."""

    matched: int = 0
    in_vain: int = 0
    missed: int = 0

    def __add__(self, other: "Counts") -> "Counts":  # type: ignore[override]
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def f1(self) -> float:
        """2 matched / (2 matched + in vain + missed); NaN where there was nothing at all."""
        total = 2 * self.matched + self.in_vain + self.missed
        return 2 * self.matched / total if total else np.nan


def iou(boxes: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Intersection over union of each pair, shape (n_boxes, n_others)."""
    top_left = np.maximum(boxes[:, None, :2], others[None, :, :2])
    bottom_right = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.maximum(bottom_right - top_left, 0.0), axis=2)
    union = _areas(boxes)[:, None] + _areas(others)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def match(
    found: Boxes,
    confidence: NDArray[np.float64],
    truth: Boxes,
    ignored: NDArray[np.bool_],
    least_iou: float = 0.5,
) -> Counts:
    """Match each detection, the most confident first, with the free truth that it overlaps most.

    Args:
        found: shape (n, 4); confidence: shape (n,).
        truth: shape (m, 4); ignored: shape (m,), True where finding it is neither right nor wrong.
        least_iou: of a match.
    """
    overlaps = iou(found, truth)
    is_free = np.ones(len(truth), dtype=bool)
    matched = in_vain = 0
    for i in np.argsort(-confidence, kind="stable"):
        candidates = np.where(is_free, overlaps[i], 0.0)
        counted = np.where(ignored, 0.0, candidates)
        if counted.size and counted.max() >= least_iou:
            is_free[counted.argmax()] = False
            matched += 1
        elif candidates.size and candidates.max() >= least_iou:
            is_free[candidates.argmax()] = False
        else:
            in_vain += 1
    return Counts(matched, in_vain, int((~ignored).sum()) - matched)


def _areas(boxes: Boxes) -> NDArray[np.float64]:
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0), axis=1)
