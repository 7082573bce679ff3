"""Detections against the objects that are really there: which of them is which."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.class_names import COCO
from pipeline.findings import Matches, streaming_f1

LEAST_IOU = 0.5  # of a match
IN_VAIN, FORGIVEN = -1, -2  # a detection of nothing; of something that counts neither way

Boxes = NDArray[np.float64]  # (n, 4): x1, y1, x2, y2


@dataclass(frozen=True, slots=True)
class Objects:
    """What is really in a picture.

    Attributes:
        boxes: (n, 4) x1, y1, x2, y2 in px of the source's picture.
        labels: n names of classes.
        ignored: (n,) True where finding it is neither right nor wrong.
        ids: n identities over time, where they are known.
    """

    boxes: Boxes
    labels: Sequence[str]
    ignored: NDArray[np.bool_]
    ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Detections:
    """What was found in a picture, as `Objects`; the confidence of each has shape (n,)."""

    boxes: Boxes
    labels: Sequence[str]
    confidence: NDArray[np.float64]


NOTHING_FOUND = Detections(np.zeros((0, 4)), (), np.zeros(0))


def detections_of(
    found: NDArray[np.float32], processed: tuple[int, int], source: tuple[int, int], classes: Sequence[int]
) -> Detections:
    """Take what a detector says of these classes, in px of the source's picture.

    Args:
        found: (n, 6) x1, y1, x2, y2, confidence, class, in px of the processed frame.
        processed, source: (width, height) in px.
        classes: numbers in COCO.
    """
    wanted = found[np.isin(found[:, 5], classes)].astype(float)
    scale = np.array([source[0] / processed[0], source[1] / processed[1]] * 2)
    return Detections(
        wanted[:, :4] * scale, [COCO[number] for number in wanted[:, 5].astype(int)], wanted[:, 4]
    )


def match(found: Detections, truth: Objects) -> NDArray[np.int64]:
    """Match each detection, the most confident first, with the free object that it overlaps most.

    Classes are matched together. One that overlaps no free object that counts is forgiven if it is of one
    that does not.

    Returns:
        Index of the object that each detection is of, IN_VAIN or FORGIVEN, shape (n_found,).
    """
    overlaps = iou(found.boxes, truth.boxes)
    counts = np.where(truth.ignored, 0.0, overlaps)
    matched = np.full(len(overlaps), IN_VAIN)
    if not overlaps.size:
        return matched
    for i in np.argsort(-found.confidence, kind="stable"):
        for candidates, is_of in ((counts[i], True), (overlaps[i], False)):
            best = int(candidates.argmax())
            if candidates[best] >= LEAST_IOU:
                matched[i] = best if is_of else FORGIVEN
                counts[:, best] = overlaps[:, best] = 0.0
                break
    return matched


def tally(found: Detections, truth: Objects, matched: Sequence[int] | None = None) -> dict[str, Matches]:
    """Count by class: a detection that is matched is of its object's class, one in vain of its own.

    Args:
        matched: as `match` has them; None = they are matched now.
    """
    objects = match(found, truth).tolist() if matched is None else matched
    present = Counter(
        label for label, is_ignored in zip(truth.labels, truth.ignored, strict=True) if not is_ignored
    )
    right = Counter(truth.labels[of] for of in objects if of >= 0)
    wrong = Counter(label for label, of in zip(found.labels, objects, strict=True) if of == IN_VAIN)
    return {
        label: Matches(right[label], right[label] + wrong[label], present[label])
        for label in {*present, *right, *wrong}
    }


def f1(matches: Collection[Matches]) -> float:
    """Return 2 matched / (found + present) over all of them; NaN where there was nothing at all."""
    return streaming_f1(sum(matches, Matches()))


def iou(boxes: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Return intersection over union of each pair, shape (n_boxes, n_others); 0 of two without an area."""
    top_left = np.maximum(boxes[:, None, :2], others[:, :2])
    shared = np.prod(np.clip(np.minimum(boxes[:, None, 2:], others[:, 2:]) - top_left, 0.0, None), axis=2)
    areas, others_areas = (np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, others))
    union = areas[:, None] + others_areas - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
