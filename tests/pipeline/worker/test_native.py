"""A real worker with real YOLO models, from a registration that asks for them to their results."""

import shutil
from contextlib import ExitStack

import cv2
import numpy as np
import pytest

from pipeline.messages import Change, LoadingMode, Wait, Weights, Work, WorkType
from tests.pipeline.worker.surroundings import FakeCollector, FakeProducer, WorkerProcess

pytestmark = pytest.mark.real

PERSON = 0  # COCO
NO_NETWORK = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "HTTP", "HTTPS", "all")}


@pytest.fixture
def collector():
    """Takes results when told to."""
    with FakeCollector() as collector:
        yield collector


@pytest.fixture
def start(tmp_path, collector):
    """Starts a worker without network and the producer that it talks to."""
    with ExitStack() as running:

        def start(*argv: str, **confirmation) -> tuple[WorkerProcess, FakeProducer]:
            asked = {"work_type": WorkType.YOLO_DETECTION, **confirmation}
            producer = running.enter_context(FakeProducer(collector.endpoint, **asked))
            env = {**NO_NETWORK, "XDG_CACHE_HOME": str(tmp_path / "cache")}
            argv = ("--producer", producer.endpoint, "--name", "w", *argv)
            return running.enter_context(WorkerProcess(tmp_path / "worker.log", *argv, env=env)), producer

        yield start


def picture(data) -> np.ndarray:
    """People in a street, 768x576."""
    capture = cv2.VideoCapture(str(data / "pets09" / "vtest_h264.mp4"))
    ok, frame = capture.read()
    capture.release()
    assert ok
    return frame


def test_trained_weights_find_people_at_every_size_of_the_stream(start, collector, data):
    weights = {"n": str(data / "yolo11n_from_int8.pt")}
    worker, producer = start(weights=weights, sizes=((384, 288), (768, 576)))
    request = producer.next_work_request()
    assert request.ready and request.weights == Weights.TRAINED
    assert not any(heartbeat.ready for heartbeat in producer.heartbeats), "not before all is loaded and warm"
    producer.reply(Work(), producer.task(picture(data)))
    found = {}
    for size in ((768, 576), (384, 288)):
        result = collector.receive()
        assert result.header.size == size and result.header.service_ns > 0
        found[size] = int((result.boxes[:, 5] == PERSON).sum())
        assert (result.boxes[:, 2] <= size[0]).all() and (result.boxes[:, 3] <= size[1]).all()
        if size != (384, 288):
            producer.give(cv2.resize(picture(data), (384, 288)))
    assert found[768, 576] >= 3 and found[384, 288] >= 1
    producer.give(np.zeros((36, 64, 3), np.float32))  # no picture: refused, no result, and it goes on
    producer.give(picture(data))
    assert collector.receive().header.id == 3
    assert "a task cannot be done: FrameError: expected a frame uint8" in worker.log


def test_without_weights_and_network_it_runs_untrained_and_says_so_once(start, collector, tmp_path):
    worker, producer = start(work_type=WorkType.YOLO_OBB, grades=("n", "s"))
    assert producer.next_work_request().weights == Weights.UNTRAINED
    producer.reply(Work(), producer.task(grade=1))
    result = collector.receive()
    assert result.boxes.shape[1] == 7, "oriented boxes"
    (warning,) = [line for line in worker.log.splitlines() if "UNTRAINED" in line]
    assert "WARNING" in warning
    assert str(tmp_path / "cache" / "elasticbench" / "weights" / "yolo11n-obb.pt") in warning


def test_lazy_loads_at_need_and_on_a_change(start, collector):
    _, producer = start(grades=("n", "s", "m"), loading_mode=LoadingMode.LAZY)
    producer.give(grade=0)
    producer.give(grade=2)  # not announced: loaded at need
    producer.next_work_request()
    producer.reply(Change(epoch=1, CHANGE_WORK_LOAD=1, CHANGE_SIZE=(64, 36)))
    assert not producer.next_heartbeat().ready
    producer.reply(Wait())
    producer.give(grade=1, epoch=1)
    results = [collector.receive().header for _ in range(3)]
    assert [result.grade for result in results] == [0, 2, 1]


def test_a_model_of_fixed_shape_ends_the_worker_with_a_line_that_names_it(start, data, tmp_path):
    pytest.importorskip("openvino")
    model = tmp_path / "fixed_openvino_model"
    shutil.copytree(data / "yolo11n_int8_openvino_model", model)
    metadata = model / "metadata.yaml"
    metadata.chmod(0o644)
    metadata.write_text(metadata.read_text().replace("dynamic: true", "dynamic: false"))
    worker, producer = start(weights={"n": str(model)}, loading_mode=LoadingMode.LAZY)
    producer.give()
    assert worker.exit_code() == 1
    (line,) = [line for line in worker.log.splitlines() if line.startswith("worker w:")]
    assert str(model) in line and "dynamic=True" in line
    assert "Traceback" not in worker.log and "Exception ignored" not in worker.log


def test_a_file_that_is_no_model_ends_the_worker_with_a_line(start, tmp_path):
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"")
    worker, producer = start(weights={"n": str(broken)})
    producer.receive()
    producer.reply(producer.confirmation)
    assert worker.exit_code() == 1
    (line,) = [line for line in worker.log.splitlines() if line.startswith("worker w:")]
    assert str(broken) in line and "Traceback" not in worker.log


def test_weights_that_are_named_and_not_there_are_an_error(start, tmp_path):
    missing = tmp_path / "missing.pt"
    worker, producer = start("--weights", f"n={missing}")
    producer.receive()
    producer.reply(producer.confirmation)
    assert worker.exit_code() == 1
    (line,) = [line for line in worker.log.splitlines() if line.startswith("worker w:")]
    assert str(missing) in line and "Traceback" not in worker.log
