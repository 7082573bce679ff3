"""What a setting's detections are worth: F1 at IoU 0.5 per grade and frame size, in this process."""

import dataclasses
import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from experiments.calibration.schema import AccuracySchema
from experiments.calibration.truth import (
    Boxes,
    TruePicture,
    mot_pictures,
    read_mot,
    reference_pictures,
    traffic_pictures,
)
from pipeline.collector.class_names import COCO
from pipeline.messages import WorkType
from pipeline.options import ProducerOptions, SourceKind
from pipeline.sources.base import SourceError
from pipeline.sources.opening import open_source
from pipeline.worker.detector import Detector
from pipeline.worker.weights import TASKS, WeightsFinder, ultralytics_download
from pipeline.worker.workloads import quiet_ultralytics

logger = logging.getLogger(__name__)

EVERY_S = 1.0  # between two pictures where the truth does not say which
LEAST_IOU = 0.5  # of a match
CONFIDENCE_COLUMN, CLASS_COLUMN = 4, 5  # of a detector's boxes
LIVE = (SourceKind.CAMERA, SourceKind.RTSP)  # what they show comes once, and nobody knows the truth of it

Counts = NDArray[np.int64]  # detections matched, detections in vain, truths missed
Detect = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def check_accuracy(wanted: AccuracySchema) -> None:
    """Raise ValueError or OSError for a class, a video or a truth that there is none of."""
    class_ids(wanted.classes)
    if wanted.truth:
        read_mot(Path(wanted.truth))
    if wanted.path and not Path(wanted.path).is_file():
        raise ValueError(f"there is no video {wanted.path!r} (accuracy.path)")


def measure_accuracy(
    producer: ProducerOptions,
    heights_px: Sequence[int],
    wanted: AccuracySchema,
    say: Callable[[str], None],
) -> dict[str, list[float]]:
    """Measure F1 per height, by grade; nothing, with the reason logged, where it cannot be known.

    The truth is the MOT file's; without one the scene's own, or what the best grade sees in full size.

    Args:
        producer: names source, weights and work type.
        heights_px: heights of the frames.
        wanted: classes, number of pictures, and where another video or the truth is.
        say: told what is being done.

    Raises:
        OSError, ValueError, SourceError: truth or video cannot be read.
    """
    if wanted.path:
        path = str(Path(wanted.path).resolve())
        producer = dataclasses.replace(producer, source=SourceKind.FILE, path=path)
    if producer.work_type is not WorkType.YOLO_DETECTION or producer.source in LIVE:
        logger.warning("no accuracy: it needs detection on a video that can be read twice")
        return {}
    settings = quiet_ultralytics()  # the folder lives as long as this
    weights = weights_of(producer.work_type, producer.grades, producer.weights)
    if not weights:
        return {}
    detectors = {grade: Detector(source, TASKS[producer.work_type]) for grade, source in weights.items()}
    pictures = _pictures(producer, list(detectors.values())[-1].detect, wanted)
    scores = {}
    for grade, detector in detectors.items():
        say(f"accuracy of grade {grade}")
        scores[grade] = f1_by_height(detector.detect, pictures, heights_px, class_ids(wanted.classes))
    if all(math.isnan(f1) for of_grade in scores.values() for f1 in of_grade):
        logger.warning("no accuracy: there is nothing to find in the video's pictures")
        scores = {}
    settings.cleanup()
    return scores


def weights_of(work_type: WorkType, grades: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return what to load per grade that has trained weights; a grade that has none is logged.

    Args:
        given: paths by grade; for the others, what Ultralytics offers.
    """
    finder = WeightsFinder(ultralytics_download)
    found = {grade: finder.find(work_type, grade, given.get(grade)) for grade in grades}
    if untrained := [grade for grade, weighting in found.items() if not weighting.is_trained]:
        logger.warning("no accuracy of grade %s: there are no trained weights", ", ".join(untrained))
    return {grade: weighting.source for grade, weighting in found.items() if weighting.is_trained}


def _pictures(producer: ProducerOptions, best: Detect, wanted: AccuracySchema) -> list[TruePicture]:
    """Take pictures of the source, at least one, with their truth; raises as `measure_accuracy`."""
    source = open_source(dataclasses.replace(producer, loop=False))
    classes, n = class_ids(wanted.classes), wanted.n_pictures
    try:
        if wanted.truth:
            pictures = mot_pictures(source, Path(wanted.truth), n)
        elif producer.source is SourceKind.TRAFFIC:
            pictures = traffic_pictures(source, wanted.classes, n, EVERY_S)
        else:
            pictures = reference_pictures(
                source, lambda image: _seen(best, image, len(image), classes)[0], n, EVERY_S
            )
    finally:
        source.close()
    if not pictures:
        raise SourceError("the video has no picture whose truth is known")
    return pictures


def class_ids(names: Collection[str]) -> tuple[int, ...]:
    """Return the numbers of COCO's classes. Raises ValueError for a name that is none."""
    if unknown := sorted(set(names) - set(COCO)):
        raise ValueError(f"classes must be COCO's, got {', '.join(unknown)}")
    return tuple(sorted(COCO.index(name) for name in names))


def f1_by_height(
    detect: Detect, pictures: Sequence[TruePicture], heights_px: Sequence[int], classes: Sequence[int]
) -> list[float]:
    """Return F1 at each height of the frame, over all pictures; classes are matched together.

    Args:
        detect: boxes (n, 6) of a frame, as `pipeline.worker.detector.Detector.detect`.
        pictures: at least one, all of one size.
        heights_px: of the frames that the detector gets, scaled as the producer scales them.
    """

    def counts(picture: TruePicture, height_px: int) -> Counts:
        return match(*_seen(detect, picture.image, height_px, classes), picture.boxes, picture.ignored)

    return [f1(np.sum([counts(picture, height) for picture in pictures], axis=0)) for height in heights_px]


def _seen(
    detect: Detect, image: NDArray[np.uint8], height_px: int, classes: Sequence[int]
) -> tuple[Boxes, NDArray[np.float64]]:
    """Return boxes in px of the image, found in a frame of this height, and their confidence."""
    height, width = image.shape[:2]
    size = round(width * height_px / height), height_px
    frame = image if height_px == height else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    found = detect(np.asarray(frame, np.uint8)).astype(float)
    found = found[np.isin(found[:, CLASS_COLUMN], classes)]
    scale = np.array([width / frame.shape[1], height / frame.shape[0]] * 2)
    return found[:, :4] * scale, found[:, CONFIDENCE_COLUMN]


def match(found: Boxes, confidence: NDArray[np.float64], truth: Boxes, ignored: NDArray[np.bool_]) -> Counts:
    """Match each detection, the most confident first, with the free truth that it overlaps most.

    Args:
        found: shape (n, 4); confidence: shape (n,).
        truth: shape (m, 4); ignored: shape (m,), True where finding it is neither right nor wrong.

    Returns:
        How many detections are matched and in vain, and how many truths missed, shape (3,).
    """
    overlaps = iou(found, truth)
    is_free = np.ones(len(truth), dtype=bool)
    matched = in_vain = 0
    for i in np.argsort(-confidence, kind="stable"):
        candidates = np.where(is_free, overlaps[i], 0.0)
        counted = np.where(ignored, 0.0, candidates)
        if counted.max(initial=0.0) >= LEAST_IOU:
            is_free[counted.argmax()] = False
            matched += 1
        elif candidates.max(initial=0.0) >= LEAST_IOU:
            is_free[candidates.argmax()] = False
        else:
            in_vain += 1
    return np.array([matched, in_vain, (~ignored).sum() - matched])


def iou(boxes: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Return intersection over union of each pair, shape (n_boxes, n_others); 0 of two without an area."""
    top_left = np.maximum(boxes[:, None, :2], others[:, :2])
    shared = np.prod(np.clip(np.minimum(boxes[:, None, 2:], others[:, 2:]) - top_left, 0.0, None), axis=2)
    areas, others_areas = (np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, others))
    union = areas[:, None] + others_areas - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def f1(counts: Counts) -> float:
    """Return 2 matched / (2 matched + in vain + missed); NaN where there was nothing at all."""
    matched, in_vain, missed = (int(count) for count in counts)
    total = 2 * matched + in_vain + missed
    return 2 * matched / total if total else math.nan
