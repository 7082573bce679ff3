"""What a setting's detections are worth: F1 at IoU 0.5 per grade and frame size, in this process."""

import dataclasses
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from experiments.calibration.schema import AccuracySchema
from experiments.calibration.truth import TruePicture, mot_pictures, reference_pictures, traffic_pictures
from pipeline.class_names import class_ids
from pipeline.interval import Matches
from pipeline.messages import WorkType
from pipeline.options import ProducerOptions, SourceKind
from pipeline.scoring.matching import Detections, detections_of, f1, tally
from pipeline.scoring.truth import read_mot
from pipeline.sources.base import SourceError
from pipeline.sources.opening import open_source
from pipeline.worker.detector import Detector
from pipeline.worker.weights import TASKS, WeightsFinder, ultralytics_download
from pipeline.worker.workloads import quiet_ultralytics

logger = logging.getLogger(__name__)

EVERY_S = 1.0  # between two pictures where the truth does not say which
LIVE = (SourceKind.CAMERA, SourceKind.RTSP)  # what they show comes once, and nobody knows the truth of it

Detect = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def check_accuracy(wanted: AccuracySchema) -> None:
    """Raise ValueError or OSError for a class, a video or a truth that there is none of."""
    class_ids(wanted.classes)
    if wanted.truth:
        read_mot(Path(wanted.truth), wanted.classes[0])
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
            pictures = mot_pictures(source, Path(wanted.truth), wanted.classes[0], n)
        elif producer.source is SourceKind.TRAFFIC:
            pictures = traffic_pictures(source, wanted.classes, n, EVERY_S)
        else:
            pictures = reference_pictures(
                source, lambda image: _seen(best, image, len(image), classes), n, EVERY_S
            )
    finally:
        source.close()
    if not pictures:
        raise SourceError("the video has no picture whose truth is known")
    return pictures


def f1_by_height(
    detect: Detect, pictures: Sequence[TruePicture], heights_px: Sequence[int], classes: Sequence[int]
) -> list[float]:
    """Return F1 at each height of the frame, over all pictures; classes are matched together.

    Args:
        detect: boxes (n, 6) of a frame, as `pipeline.worker.detector.Detector.detect`.
        pictures: at least one, all of one size.
        heights_px: of the frames that the detector gets, scaled as the producer scales them.
    """

    def matches(height_px: int) -> list[Matches]:
        return [
            found
            for picture in pictures
            for found in tally(_seen(detect, picture.image, height_px, classes), picture.truth).values()
        ]

    return [f1(matches(height)) for height in heights_px]


def _seen(detect: Detect, image: NDArray[np.uint8], height_px: int, classes: Sequence[int]) -> Detections:
    """Return what is found in a frame of this height, in px of the image."""
    height, width = image.shape[:2]
    size = round(width * height_px / height), height_px
    frame = image if height_px == height else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return detections_of(detect(np.asarray(frame, np.uint8)), size, (width, height), classes)
