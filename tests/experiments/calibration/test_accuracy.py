import numpy as np
import pytest

from experiments.calibration.accuracy import f1_by_height, measure_accuracy
from experiments.calibration.schema import AccuracySchema
from experiments.calibration.truth import TruePicture, spaced, traffic_pictures
from experiments.runs.provenance import ROOT
from pipeline.class_names import class_ids
from pipeline.messages import WorkType
from pipeline.options import ProducerOptions, SourceKind
from pipeline.scoring.matching import Objects
from pipeline.sources.traffic import TrafficSource

DATA = ROOT.parent / "shared" / "data"


def wanted(classes: list[str], n_pictures: int, truth: str = "") -> AccuracySchema:
    return AccuracySchema(enabled=True, path="", truth=truth, classes=classes, n_pictures=n_pictures)


# --- truth ---


def test_pictures_are_spaced_evenly():
    assert spaced(range(100), 4) == [0, 33, 66, 99]
    assert spaced([5, 7], 4) == [5, 7]


def test_the_traffic_scene_knows_its_truth():
    pictures = traffic_pictures(TrafficSource(0, 320, 180, 10.0), ["car", "truck"], 2, every_s=1.0)
    assert len(pictures) == 2
    for picture in pictures:
        assert picture.image.shape == (180, 320, 3)
    assert sum(len(picture.truth.boxes) for picture in pictures) > 0


# --- accuracy ---


def test_a_detector_that_only_sees_large_frames_is_worth_more_there():
    """It finds the one object if the frame is 100 px high, in that frame's pixels, and never a person."""

    def detect(frame: np.ndarray) -> np.ndarray:
        car, person = (20.0, 10.0, 60.0, 50.0, 0.9, 2.0), (0.0, 0.0, 9.0, 9.0, 0.9, 0.0)
        return np.array([car, person] if frame.shape == (100, 200, 3) else [person], np.float32)

    image = np.zeros((200, 400, 3), np.uint8)
    truth = np.array([[40.0, 20.0, 120.0, 100.0], [300.0, 0.0, 340.0, 40.0]])
    picture = TruePicture(image, Objects(truth, ["car", "car"], np.zeros(2, dtype=bool)))
    scores = f1_by_height(detect, [picture, picture], [50, 100], class_ids(["car", "truck"]))
    assert scores == pytest.approx([0.0, 2 / 3])


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
