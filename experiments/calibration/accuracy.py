"""What a setting's detections are worth: F1 at IoU 0.5 per grade and frame size, in this process."""

import dataclasses
import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from experiments.calibration.matching import Boxes, Counts, match
from experiments.calibration.truth import Picture, mot_pictures, reference_pictures, traffic_pictures
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
CONFIDENCE_COLUMN, CLASS_COLUMN = 4, 5  # of a detector's boxes
LIVE = (SourceKind.CAMERA, SourceKind.RTSP)  # what they show comes once, and nobody knows the truth of it

Size = tuple[int, int]
Detect = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def class_ids(names: Collection[str]) -> tuple[int, ...]:
    """Numbers of COCO's classes. Raises ValueError for a name that is none."""
    if unknown := sorted(set(names) - set(COCO)):
        raise ValueError(f"classes must be COCO's, got {', '.join(unknown)}")
    return tuple(sorted(COCO.index(name) for name in names))


def f1_by_size(
    detect: Detect, pictures: Sequence[Picture], heights_px: Sequence[int], classes: Sequence[int]
) -> list[float]:
    """F1 at each height of the frame, over all pictures; classes are matched together.

    Args:
        detect: boxes (n, 6) of a frame, as `pipeline.worker.detector.Detector.detect`.
        pictures: at least one, all of one size.
        heights_px: of the frames that the detector gets, scaled as the producer scales them.
    """
    return [
        sum((_counts(detect, picture, height, classes) for picture in pictures), Counts()).f1
        for height in heights_px
    ]


def _counts(detect: Detect, picture: Picture, height_px: int, classes: Sequence[int]) -> Counts:
    boxes, confidence = _seen(detect, picture.image, height_px, classes)
    return match(boxes, confidence, picture.boxes, picture.ignored)


def _seen(
    detect: Detect, image: NDArray[np.uint8], height_px: int, classes: Sequence[int]
) -> tuple[Boxes, NDArray[np.float64]]:
    """Boxes in px of the image, found in a frame of this height, and their confidence."""
    height, width = image.shape[:2]
    size = round(width * height_px / height), height_px
    frame = image if height_px == height else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    found = detect(np.asarray(frame, np.uint8)).astype(float)
    found = found[np.isin(found[:, CLASS_COLUMN], classes)]
    scale = np.array([width / frame.shape[1], height / frame.shape[0]] * 2)
    return found[:, :4] * scale, found[:, CONFIDENCE_COLUMN]


def weights_of(work_type: WorkType, grades: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Per grade that has trained weights, what to load; a grade that has none is logged.

    Args:
        given: paths by grade; for the others, what Ultralytics offers.
    """
    finder = WeightsFinder(ultralytics_download)
    found = {grade: finder.find(work_type, grade, given.get(grade)) for grade in grades}
    if untrained := [grade for grade, weighting in found.items() if not weighting.is_trained]:
        logger.warning("no accuracy of grade %s: there are no trained weights", ", ".join(untrained))
    return {grade: weighting.source for grade, weighting in found.items() if weighting.is_trained}


def measure_accuracy(
    producer: ProducerOptions,
    heights_px: Sequence[int],
    classes: Collection[str],
    n_pictures: int,
    truth: str,
    on_progress: Callable[[str], None],
) -> dict[str, list[float]]:
    """F1 per height, by grade; empty, with the reason logged, where it cannot be known.

    Args:
        producer: names source, weights and work type.
        heights_px: heights of the frames.
        classes: COCO's names of what counts.
        truth: MOT file of the source's frames; "" = the scene's own truth, or what the best grade sees at the
            source's own size.

    Raises:
        OSError, ValueError, SourceError: truth or video cannot be read.
    """
    if producer.work_type is not WorkType.YOLO_DETECTION or producer.source in LIVE:
        logger.warning("no accuracy: it needs detection on a video that can be read twice")
        return {}
    settings = quiet_ultralytics()  # the folder lives as long as this
    weights = weights_of(producer.work_type, producer.grades, producer.weights)
    if not weights:
        return {}
    detectors = {grade: Detector(source, TASKS[producer.work_type]) for grade, source in weights.items()}
    best = list(detectors.values())[-1]
    pictures = _pictures(producer, best.detect, classes, n_pictures, truth)
    scores = {}
    for grade, detector in detectors.items():
        on_progress(f"accuracy of grade {grade}")
        scores[grade] = f1_by_size(detector.detect, pictures, heights_px, class_ids(classes))
    if all(math.isnan(f1) for of_grade in scores.values() for f1 in of_grade):
        logger.warning("no accuracy: there is nothing to find in the video's pictures")
        scores = {}
    settings.cleanup()
    return scores


def _pictures(
    producer: ProducerOptions, best: Detect, classes: Collection[str], n: int, truth: str
) -> list[Picture]:
    """At most n of the source, at least one, each with its truth. Raises OSError, ValueError, SourceError."""
    source = open_source(dataclasses.replace(producer, loop=False))
    wanted = class_ids(classes)
    try:
        if truth:
            pictures = mot_pictures(source, Path(truth), n)
        elif producer.source is SourceKind.TRAFFIC:
            pictures = traffic_pictures(source, classes, n, EVERY_S)
        else:
            pictures = reference_pictures(
                source, lambda image: _seen(best, image, len(image), wanted)[0], n, EVERY_S
            )
    finally:
        source.close()
    if not pictures:
        raise SourceError("the video has no picture whose truth is known")
    return pictures
