"""Real YOLO models through Ultralytics: shapes, boxes, threads, exports; real weights where there are any."""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.worker.detector import Detector, FrameError, ModelError
from pipeline.worker.workloads import quiet_ultralytics

PERSON, VEHICLES = 0, (2, 5, 7)  # COCO; most small cars are called truck


@pytest.fixture(scope="module", autouse=True)
def settings():
    """Ultralytics' settings of this test run alone."""
    folder = quiet_ultralytics()
    yield
    folder.cleanup()


@pytest.fixture(scope="module")
def untrained():
    """YOLO11n with random weights."""
    return Detector("yolo11n.yaml", "detect")


@pytest.fixture(scope="module")
def openvino(data):
    """The real INT8 export."""
    pytest.importorskip("openvino")
    return Detector(str(data / "yolo11n_int8_openvino_model"), "detect")


def first_frame(path: Path) -> np.ndarray:
    """Of a video."""
    capture = cv2.VideoCapture(str(path))
    ok, frame = capture.read()
    capture.release()
    assert ok, path
    return frame


def seen_sizes(detector: Detector, *frames: np.ndarray) -> list[tuple[int, int]]:
    """(height, width) of what the network really gets for each frame."""
    seen = []
    hook = detector._predictor.model.register_forward_pre_hook(
        lambda model, inputs: seen.append(tuple(inputs[0].shape[2:]))
    )
    for frame in frames:
        detector.detect(frame)
    hook.remove()
    return seen


def frame(width: int, height: int) -> np.ndarray:
    """Noise."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_importing_the_module_loads_neither_torch_nor_ultralytics():
    import subprocess

    code = "import sys, pipeline.worker.inference; print({'torch', 'ultralytics', 'cv2'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "set()"


def test_the_network_sees_each_frame_at_its_own_resolution(untrained):
    sizes = seen_sizes(untrained, frame(160, 90), frame(320, 180), frame(90, 160), frame(160, 90))
    assert sizes == [(96, 160), (192, 320), (160, 96), (96, 160)]


def test_an_odd_size_is_rounded_up_to_the_stride_and_that_is_logged(untrained, caplog):
    caplog.set_level("INFO")
    untrained.warm(300, 300)
    untrained.warm(300, 300)
    (line,) = [record.getMessage() for record in caplog.records if "stride" in record.getMessage()]
    assert "300x300 at 320x320" in line


def test_threads_are_as_told_although_ultralytics_resets_them():
    import torch

    Detector("yolo11n.yaml", "detect", threads=2)
    assert torch.get_num_threads() == 2, "on two cores it resets them to 1"
    torch.set_num_threads(1)


def test_boxes_are_a_plain_array_even_if_there_are_none(untrained):
    boxes = untrained.detect(frame(64, 64))
    assert type(boxes) is np.ndarray and boxes.dtype == np.float32 and boxes.shape[1] == 6
    assert boxes.flags.c_contiguous and boxes.flags.owndata


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 1), (40, 60, 4)])
def test_grey_and_bgra_are_seen(untrained, shape):
    assert untrained.detect(np.zeros(shape, np.uint8)).shape[1] == 6


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((40, 60, 3), np.float32),
        np.zeros((40, 60, 2), np.uint8),
        np.zeros((40,), np.uint8),
        np.zeros((0, 60, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(untrained, wrong):
    with pytest.raises(FrameError, match="expected a frame uint8"):
        untrained.detect(wrong)


def test_it_keeps_no_hold_of_a_frame(untrained):
    memory = bytearray(64 * 64 * 3)
    untrained.detect(np.frombuffer(memory, np.uint8).reshape(64, 64, 3))
    memory.append(0)  # raises BufferError while anything looks at it


def test_oriented_boxes_come_from_obb():
    obb = Detector("yolo11n-obb.yaml", "obb")
    assert obb.detect(frame(64, 64)).shape[1] == 7


def test_a_model_for_another_task_is_refused(data):
    path = str(data / "yolo11n_from_int8.pt")
    with pytest.raises(ModelError, match=f"{path}: expected a model for 'obb', got one for 'detect'"):
        Detector(path, "obb")


def test_a_real_checkpoint_finds_people_on_a_real_frame(data):
    detector = Detector(str(data / "yolo11n_from_int8.pt"), "detect")
    picture = first_frame(data / "pets09" / "vtest_h264.mp4")
    boxes = detector.detect(picture)
    people = boxes[boxes[:, 5] == PERSON]
    assert len(people) >= 3
    height, width = picture.shape[:2]
    assert (boxes[:, :4] >= 0).all() and (boxes[:, 2] <= width).all() and (boxes[:, 3] <= height).all()
    assert (boxes[:, 4] >= 0.25).all() and (boxes[:, 2] > boxes[:, 0]).all()


def test_a_real_export_finds_vehicles_on_a_real_frame(openvino, data):
    picture = cv2.resize(first_frame(data / "clips" / "road_race.mp4"), (640, 360))
    boxes = openvino.detect(picture)
    assert np.isin(boxes[:, 5], VEHICLES).sum() >= 1
    assert (boxes[:, [0, 2]] <= 640).all() and (boxes[:, [1, 3]] <= 360).all()


def test_on_a_host_with_amx_a_size_that_comes_back_is_not_compiled_again(data, monkeypatch):
    """There, INT8 networks are compiled by shape, which Ultralytics does at every change of it."""
    core, read_text = pytest.importorskip("openvino").Core, Path.read_text
    n_compiled, compile_model = [], core.compile_model

    def told(path: Path, *args, **kwargs) -> str:
        text = read_text(path, *args, **kwargs)
        return f"{text} amx_int8" if str(path) == "/proc/cpuinfo" else text

    monkeypatch.setattr(Path, "read_text", told)
    monkeypatch.setattr(core, "compile_model", lambda *a, **k: n_compiled.append(1) or compile_model(*a, **k))
    detector = Detector(str(data / "yolo11n_int8_openvino_model"), "detect")
    for size in ((160, 90), (320, 180)):
        detector.warm(*size)
    n = len(n_compiled)
    sizes = seen_sizes(detector, frame(160, 90), frame(320, 180), frame(160, 90))
    assert sizes == [(96, 160), (192, 320), (96, 160)]
    assert (n, len(n_compiled)) == (4, 4), "as it is, for nothing, and for each size"


def test_a_dynamic_export_follows_the_resolution(openvino):
    assert seen_sizes(openvino, frame(160, 90), frame(320, 180)) == [(96, 160), (192, 320)]


def test_an_int8_export_follows_the_resolution_on_amx_hosts_too(data, monkeypatch):
    pytest.importorskip("openvino")
    read_text = Path.read_text

    def with_amx(path, *args, **kwargs):
        text = read_text(path, *args, **kwargs)
        return text + " amx_int8" if str(path) == "/proc/cpuinfo" else text

    monkeypatch.setattr(Path, "read_text", with_amx)
    detector = Detector(str(data / "yolo11n_int8_openvino_model"), "detect")
    assert seen_sizes(detector, frame(160, 90), frame(64, 36)) == [(96, 160), (64, 64)]


def test_an_export_of_fixed_shape_is_refused_by_name_with_what_to_do(data, tmp_path):
    pytest.importorskip("openvino")
    model = tmp_path / "fixed_openvino_model"
    shutil.copytree(data / "yolo11n_int8_openvino_model", model)
    metadata = model / "metadata.yaml"
    text = metadata.read_text()
    assert "dynamic: true" in text
    metadata.chmod(0o644)
    metadata.write_text(text.replace("dynamic: true", "dynamic: false"))
    detector = Detector(str(model), "detect")
    with pytest.raises(ModelError, match=r"640x640 px .* cannot follow .* 320x180: .*dynamic=True") as error:
        detector.warm(320, 180)
    assert str(model) in str(error.value)
    detector.warm(640, 640)  # a stream of just that size is served
