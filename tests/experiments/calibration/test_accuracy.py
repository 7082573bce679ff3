from pathlib import Path

import numpy as np
import pytest

from experiments.calibration.accuracy import class_ids, f1, f1_by_height, iou, match, measure_accuracy
from experiments.calibration.schema import AccuracySchema
from experiments.calibration.truth import TruePicture, read_mot, spaced, traffic_pictures
from experiments.runs.provenance import ROOT
from pipeline.messages import WorkType
from pipeline.options import ProducerOptions, SourceKind
from pipeline.sources.traffic import TrafficSource

DATA = ROOT.parent / "shared" / "data"
NONE = np.zeros((0, 4))


def wanted(classes: list[str], n_pictures: int, truth: str = "") -> AccuracySchema:
    return AccuracySchema(enabled=True, path="", truth=truth, classes=classes, n_pictures=n_pictures)


# --- truth ---


def test_mot_rows_are_boxes_by_frame_index_from_zero(tmp_path: Path):
    path = tmp_path / "gt.txt"
    path.write_text("1,9,100,50,30,70,1,-1,-1,-1\n1,3,10,20,5,5,0,-1,-1,-1\n4,9,1,2,3,4,1,-1,-1,-1\n")
    truth = read_mot(path)
    assert sorted(truth) == [0, 3]
    boxes, ignored = truth[0]
    assert boxes.tolist() == [[100, 50, 130, 120], [10, 20, 15, 25]]
    assert ignored.tolist() == [False, True]


@pytest.mark.parametrize("text", ["1,2,3\n", "frame,id,left,top,width,height,counts\n", ""])
def test_a_file_that_is_no_truth_is_refused_by_name(tmp_path: Path, text: str):
    path = tmp_path / "gt.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"gt\.txt: expected MOT rows"):
        read_mot(path)


def test_pictures_are_spaced_evenly():
    assert spaced(range(100), 4) == [0, 33, 66, 99]
    assert spaced([5, 7], 4) == [5, 7]


def test_the_traffic_scene_knows_its_truth():
    pictures = traffic_pictures(TrafficSource(0, 320, 180, 10.0), ["car", "truck"], 2, every_s=1.0)
    assert len(pictures) == 2
    for picture in pictures:
        assert picture.image.shape == (180, 320, 3)
        assert len(picture.boxes) == len(picture.ignored)
    assert sum(len(picture.boxes) for picture in pictures) > 0


# --- matching: boxes of 10 x 10 px on a line ---


def boxes(*lefts: float) -> np.ndarray:
    return np.array([(left, 0.0, left + 10.0, 10.0) for left in lefts]).reshape(-1, 4)


def asked(*ignored: bool) -> np.ndarray:
    return np.array(ignored, dtype=bool)


def test_overlap_is_the_shared_area_over_the_joint_one():
    overlaps = iou(boxes(0.0), boxes(0.0, 5.0, 10.0))
    assert overlaps == pytest.approx(np.array([[1.0, 1 / 3, 0.0]]))


def test_boxes_without_an_area_overlap_nothing():
    assert iou(np.zeros((1, 4)), np.zeros((1, 4))) == pytest.approx(0.0)


def test_each_truth_is_matched_once_by_the_most_confident():
    found = boxes(1.0, 0.0, 100.0)
    counts = match(found, np.array([0.5, 0.9, 0.3]), boxes(0.0, 50.0), asked(False, False))
    assert counts.tolist() == [1, 2, 1]
    assert f1(counts) == pytest.approx(2 / 5)


def test_a_detection_takes_the_truth_that_it_overlaps_most():
    counts = match(boxes(2.0, 0.0), np.array([0.9, 0.8]), boxes(0.0, 3.0), asked(False, False))
    assert counts.tolist() == [2, 0, 0]


def test_less_than_half_an_overlap_is_no_match():
    assert match(boxes(5.0), np.array([0.9]), boxes(0.0), asked(False)).tolist() == [0, 1, 1]


def test_what_is_ignored_is_neither_right_nor_wrong():
    found = boxes(0.0, 50.0)
    counts = match(found, np.array([0.9, 0.8]), boxes(0.0, 50.0, 90.0), asked(True, False, True))
    assert counts.tolist() == [1, 0, 0]


def test_nothing_found_and_nothing_there():
    assert match(NONE, np.zeros(0), boxes(0.0), asked(False)).tolist() == [0, 0, 1]
    assert match(boxes(0.0), np.ones(1), NONE, asked()).tolist() == [0, 1, 0]
    assert np.isnan(f1(np.zeros(3, dtype=int)))


# --- accuracy ---


def test_a_detector_that_only_sees_large_frames_is_worth_more_there():
    """It finds the one object if the frame is 100 px high, in that frame's pixels, and never a person."""

    def detect(frame: np.ndarray) -> np.ndarray:
        car, person = (20.0, 10.0, 60.0, 50.0, 0.9, 2.0), (0.0, 0.0, 9.0, 9.0, 0.9, 0.0)
        return np.array([car, person] if frame.shape == (100, 200, 3) else [person], np.float32)

    image = np.zeros((200, 400, 3), np.uint8)
    truth = np.array([[40.0, 20.0, 120.0, 100.0], [300.0, 0.0, 340.0, 40.0]])
    picture = TruePicture(image, truth, np.zeros(2, dtype=bool))
    scores = f1_by_height(detect, [picture, picture], [50, 100], class_ids(["car", "truck"]))
    assert scores == pytest.approx([0.0, 2 / 3])


def test_classes_are_cocos():
    assert class_ids(["truck", "car"]) == (2, 7)
    with pytest.raises(ValueError, match="got lorry"):
        class_ids(["car", "lorry"])


@pytest.mark.nightly
def test_larger_frames_are_worth_more_to_a_trained_detector():
    """Truth and figures of the data's own README: F1 .53 at 160 px, .90 at 640 px, IoU 0.5, 59 pictures."""
    video, truth = DATA / "pets09" / "vtest_h264.mp4", DATA / "pets09" / "gt.txt"
    weights = DATA / "yolo11n_int8_openvino_model"
    if not (video.exists() and truth.exists() and weights.exists()):
        pytest.skip("the data of ../shared/data are not here")
    pytest.importorskip("openvino")
    producer = ProducerOptions(
        source=SourceKind.FILE, path=str(video), grades=("n",), weights={"n": str(weights)}
    )
    scores = measure_accuracy(producer, [120, 480], wanted(["person"], 59, str(truth)), lambda _: None)
    assert scores["n"] == pytest.approx([0.53, 0.90], abs=0.1)


def test_without_trained_weights_there_is_no_accuracy_and_the_log_says_why(caplog, monkeypatch):
    monkeypatch.setattr("experiments.calibration.accuracy.weights_of", lambda *_: {})
    assert measure_accuracy(ProducerOptions(), [90], wanted(["car"], 1), lambda _: None) == {}
    emulated = ProducerOptions(work_type=WorkType.EMULATED)
    assert measure_accuracy(emulated, [90], wanted(["car"], 1), lambda _: None) == {}
    assert "it needs detection on a video" in caplog.text
