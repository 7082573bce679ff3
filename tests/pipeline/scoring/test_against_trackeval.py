"""Our matching and the figures made of it, beside TrackEval's CLEAR on the same detections.

TrackEval assigns as many as possible at once; with us the surest detection chooses first, as in COCO's
measure. In a crowd that loses a match now and then, and never wins one.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from pipeline.findings import Matches, precision, recall, streaming_f1
from pipeline.producer.scaling import scaled
from pipeline.scoring.emulated import drawn_boxes
from pipeline.scoring.matching import LEAST_IOU, Detections, Objects, detections_of, iou, tally
from pipeline.scoring.truth import objects_of, read_mot
from pipeline.sources.base import frames_at
from pipeline.sources.file import FileSource
from pipeline.sources.traffic.truth import TrafficTruth
from pipeline.worker.detector import Detector
from pipeline.worker.workloads import quiet_ultralytics

trackeval = pytest.importorskip("trackeval", reason="needs the extra `dev`")

PERSON, VEHICLES = (0,), (2, 3, 5, 7)
LABELS = ("car", "motorcycle", "bus", "truck")
SECOND_CHOICE = 1e-3  # who can be of an object that counts, or of one that does not, is of the former

Pictures = list[tuple[Objects, Detections]]


def clear(pictures: Pictures) -> dict[str, Any]:
    """TrackEval's figures; what is of objects that do not count is taken out first, as MOT Challenge does."""
    iou_of = trackeval.datasets.MotChallenge2DBox._calculate_box_ious
    n_found, tracks, objects, detections, similarities = 0, dict[int, int](), [], [], []
    for truth, found in pictures:
        overlaps = iou_of(truth.boxes, found.boxes, "x0y0x1y1")
        assert iou(truth.boxes, found.boxes) == pytest.approx(overlaps)
        worth = np.where(overlaps >= LEAST_IOU, overlaps, 0.0)
        worth[truth.ignored] *= SECOND_CHOICE
        of, by = linear_sum_assignment(-worth)
        kept = np.setdiff1d(np.arange(len(found.boxes)), by[truth.ignored[of] & (worth[of, by] > 0)])
        asked = np.flatnonzero(~truth.ignored).tolist()
        objects.append(np.array([tracks.setdefault(truth.ids[i], len(tracks)) for i in asked], int))
        detections.append(np.arange(n_found, n_found + len(kept)))  # nobody follows them: each is another
        similarities.append(overlaps[asked][:, kept])
        n_found += len(kept)
    return trackeval.metrics.CLEAR({"PRINT_CONFIG": False, "THRESHOLD": LEAST_IOU}).eval_sequence(
        {
            "gt_ids": objects,
            "tracker_ids": detections,
            "similarity_scores": similarities,
            "num_gt_ids": len(tracks),
            "num_tracker_ids": n_found,
            "num_gt_dets": sum(map(len, objects)),
            "num_tracker_dets": n_found,
            "num_timesteps": len(pictures),
        }
    )


def assert_alike(pictures: Pictures, most_lost: int) -> None:
    """All counts and figures are the same, but for so many matches that another order would have found."""
    theirs = clear(pictures)
    ours = sum((each for truth, found in pictures for each in tally(found, truth).values()), Matches())
    lost = int(theirs["CLR_TP"]) - ours.matched
    assert 0 <= lost <= most_lost
    ours += Matches(lost)
    counts = ours.matched, ours.found - ours.matched, ours.present - ours.matched
    assert counts == tuple(theirs[name] for name in ("CLR_TP", "CLR_FP", "CLR_FN"))
    figures = streaming_f1(ours), precision(ours), recall(ours)
    assert figures == pytest.approx([theirs[name] for name in ("CLR_F1", "CLR_Pr", "CLR_Re")])


def test_traffic_and_what_is_drawn_from_it():
    scene, rng, size = TrafficTruth(7, 640, 360, 30.0), np.random.default_rng(0), (640, 360)
    pictures = []
    for index in range(0, 1800, 30):
        truth = objects_of(scene.at(index), LABELS)
        everything = replace(truth, ignored=np.zeros_like(truth.ignored))  # what does not count is found too
        found = drawn_boxes(everything, 0.6, size, rng).astype(np.float32)
        pictures.append((truth, detections_of(found, size, size, VEHICLES)))
    assert_alike(pictures, most_lost=0)


def test_people_and_what_a_trained_network_finds(data):
    pytest.importorskip("openvino")
    truth, source = (
        read_mot(data / "pets09" / "gt.txt", "person"),
        FileSource(str(data / "pets09" / "vtest_h264.mp4")),
    )
    size, pictures = (360, 270), []
    folder = quiet_ultralytics()
    detector = Detector(str(data / "yolo11n_int8_openvino_model"), "detect")
    for frame in frames_at(source, range(20, 69, 5)):
        found = detector.detect(scaled(frame.image, *size))
        pictures.append(
            (truth[frame.index], detections_of(found, size, (source.width, source.height), PERSON))
        )
    source.close()
    folder.cleanup()
    assert_alike(pictures, most_lost=1)
