"""Every knob changes the work: measured in CPU time, which other processes do not stretch."""

import statistics
import time

import numpy as np
import pytest

from pipeline.worker.detector import Detector
from pipeline.worker.workloads import quiet_ultralytics

ROUNDS = 5


@pytest.fixture(scope="module")
def detectors():
    """YOLO11 n and s with random weights: their work is the trained ones'."""
    folder = quiet_ultralytics()
    yield {grade: Detector(f"yolo11{grade}.yaml", "detect") for grade in "ns"}
    folder.cleanup()


def cpu_s(detector: Detector, width: int, height: int) -> float:
    """CPU time of one inference."""
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    before_s = time.process_time()
    detector.detect(picture)
    return time.process_time() - before_s


def ratio(one: tuple[Detector, int, int], other: tuple[Detector, int, int]) -> float:
    """Median over alternated rounds of one's work over the other's; the first round warms up."""
    pairs = [(cpu_s(*one), cpu_s(*other)) for _ in range(ROUNDS + 1)]
    return statistics.median(a / b for a, b in pairs[1:])


def test_a_higher_resolution_is_more_work(detectors):
    n = detectors["n"]
    assert ratio((n, 640, 360), (n, 320, 180)) > 1.5  # 4 times the pixels; 2.5 to 3.5 seen
    assert ratio((n, 320, 180), (n, 160, 90)) > 1.1  # what does not depend on pixels weighs more here


def test_a_higher_grade_is_more_work(detectors):
    assert ratio((detectors["s"], 320, 180), (detectors["n"], 320, 180)) > 1.4  # 3.3 times the FLOPs
