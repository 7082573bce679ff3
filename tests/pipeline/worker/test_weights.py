"""Where weights come from, with a stand-in for the network."""

import fcntl
import logging
import threading
import time
from types import SimpleNamespace

import pytest

from pipeline.messages import WorkType
from pipeline.worker import weights as weights_module
from pipeline.worker.weights import DownloadError, Weighting, WeightsFinder, cache_dir, download

DETECT = WorkType.YOLO_DETECTION


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "elasticbench" / "weights"


class Network:
    """Gives every file, or fails; counts what it was asked for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked = []

    def __call__(self, path):
        self.asked.append(path.name)
        if self.error:
            raise self.error
        path.write_bytes(b"weights")


def test_a_given_path_is_taken_and_a_missing_one_is_an_error_that_names_it(tmp_path):
    finder = WeightsFinder(Network())
    mine = tmp_path / "mine.pt"
    with pytest.raises(FileNotFoundError, match=str(mine)):
        finder.find(DETECT, "n", str(mine))
    mine.touch()
    assert finder.find(DETECT, "n", str(mine)) == Weighting(str(mine), is_trained=True)


def test_without_a_path_they_are_downloaded_once_and_kept(cache):
    network = Network()
    for _ in range(2):
        found = WeightsFinder(network).find(DETECT, "s", None)
        assert found == Weighting(str(cache / "yolo11s.pt"), is_trained=True)
    assert network.asked == ["yolo11s.pt"]
    assert cache_dir() == cache


def test_oriented_boxes_have_weights_of_their_own():
    network = Network()
    WeightsFinder(network).find(WorkType.YOLO_OBB, "m", None)
    assert network.asked == ["yolo11m-obb.pt"]


def test_a_failed_download_is_one_loud_warning_and_the_bare_architecture(cache, caplog):
    network = Network(ConnectionError("Environment may be\noffline"))
    finder = WeightsFinder(network)
    assert finder.find(DETECT, "n", None) == Weighting("yolo11n.yaml", is_trained=False)
    assert finder.find(WorkType.YOLO_OBB, "s", None) == Weighting("yolo11s-obb.yaml", is_trained=False)
    assert network.asked == ["yolo11n.pt"], "what failed once is not waited for again"
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert str(cache / "yolo11n.pt") in warning.getMessage()
    assert "Environment may be offline" in warning.getMessage()


def test_a_download_that_stands_still_is_given_up(cache, monkeypatch):
    monkeypatch.setattr(weights_module, "STALLED_S", 0.3)
    monkeypatch.setattr(weights_module, "LOOK_EVERY_S", 0.01)
    silence = threading.Event()
    try:
        with pytest.raises(DownloadError, match=r"no byte for 0\.3 s"):
            download(cache / "yolo11n.pt", lambda path: silence.wait())
    finally:
        silence.set()


def test_a_download_that_grows_is_waited_for(cache, monkeypatch):
    part, is_whole, n = cache / ".yolo11n.pt.x.part", threading.Event(), 0

    def now_s():
        """With every look 3 s later, and a byte more is there."""
        nonlocal n
        if n < 7:
            n += 1
            part.write_bytes(b"x" * n)
        else:
            is_whole.set()
        return 3.0 * n

    def slow(path):
        assert is_whole.wait(20)
        part.rename(path)

    monkeypatch.setattr(weights_module, "time", SimpleNamespace(monotonic=now_s, time=time.time))
    monkeypatch.setattr(weights_module, "LOOK_EVERY_S", 0.01)
    assert 3 < weights_module.STALLED_S < 7 * 3
    download(cache / "yolo11n.pt", slow)
    assert (cache / "yolo11n.pt").read_bytes() == b"x" * 7


def test_of_several_at_once_one_downloads_and_the_others_take_what_it_got(cache):
    begun, go_on, n_fetched = threading.Event(), threading.Event(), []

    def fetch(path):
        n_fetched.append(path)
        begun.set()
        assert go_on.wait(20)
        path.write_bytes(b"weights")

    workers = [threading.Thread(target=download, args=(cache / "yolo11n.pt", fetch)) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert begun.wait(20)
    go_on.set()
    for worker in workers:
        worker.join(20)
    assert len(n_fetched) == 1


def test_those_who_wait_share_the_failure_too(cache, monkeypatch):
    begun, go_on, n_tried, errors = threading.Event(), threading.Event(), [], []

    def fetch(path):
        n_tried.append(path)
        begun.set()
        assert go_on.wait(20)
        raise ConnectionError("offline")

    def work():
        try:
            download(cache / "yolo11n.pt", fetch)
        except DownloadError as error:
            errors.append(str(error))

    def flock(lock, operation):
        locking.release()
        return real_flock(lock, operation)

    locking, real_flock = threading.Semaphore(0), fcntl.flock
    monkeypatch.setattr(fcntl, "flock", flock)
    workers = [threading.Thread(target=work) for _ in range(3)]
    workers[0].start()
    assert begun.wait(20)
    for worker in workers[1:]:
        worker.start()
    for _ in workers:
        assert locking.acquire(timeout=20)
    go_on.set()
    for worker in workers:
        worker.join(20)
    assert errors == ["offline"] * 3 and len(n_tried) == 1


def test_a_failure_of_the_past_is_forgotten(cache):
    with pytest.raises(DownloadError):
        download(cache / "yolo11n.pt", Network(ConnectionError("offline")))
    download(cache / "yolo11n.pt", Network())
    assert (cache / "yolo11n.pt").is_file()


def test_a_cache_that_cannot_be_written_is_a_failed_download(cache):
    cache.parent.mkdir()
    cache.touch()  # a file where the folder should be
    with pytest.raises(DownloadError, match="cache cannot be written"):
        download(cache / "yolo11n.pt", Network())


def test_a_download_that_brings_nothing_has_failed(cache):
    with pytest.raises(DownloadError, match="no such release asset"):
        download(cache / "yolo11n.pt", lambda path: None)
