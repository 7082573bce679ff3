"""Where a grade's weights come from: a given path, else Ultralytics' own download, else nowhere.

Downloads are kept in `cache_folder()` (~/.cache/elasticbench/weights). Of all workers
of a user one downloads, the others wait for it. Without network the answer comes within 5 s.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from pipeline.allowance import cache_folder
from pipeline.locking import lock
from pipeline.messages import WorkType

logger = logging.getLogger(__name__)

STALLED_S = 4.0  # a download that grows by no byte in this time has failed
LOOK_EVERY_S = 0.1

TASKS = {WorkType.YOLO_DETECTION: "detect", WorkType.YOLO_OBB: "obb"}  # Ultralytics' names
_SUFFIXES = {WorkType.YOLO_DETECTION: "", WorkType.YOLO_OBB: "-obb"}


class DownloadError(Exception):
    """Weights could not be downloaded; the text says why."""


@dataclass(frozen=True, slots=True)
class Weighting:
    """What to load for a grade.

    Attributes:
        source: a model file or folder, or the name of a bare architecture (.yaml).
        is_trained: False for the bare architecture: same load, no meaningful boxes.
    """

    source: str
    is_trained: bool


def cache_dir() -> Path:
    """Say where downloaded weights are kept, for all runs of this user."""
    return cache_folder() / "weights"


def are_at_hand(work_type: WorkType, grade: str, given: str | None) -> bool:
    """Whether a grade has trained weights here, without asking the network."""
    return given is not None or weights_path(work_type, grade, given).is_file()


def weights_path(work_type: WorkType, grade: str, given: str | None) -> Path:
    """Say where a grade's trained weights are, a file or a folder, or would be if there were any."""
    return Path(given or cache_dir() / f"yolo11{grade}{_SUFFIXES[work_type]}.pt")


class WeightsFinder:
    """Finds weights grade by grade; once a download has failed it tries no other and warns no more.

    Args:
        fetch: downloads to the path it is given, as `ultralytics_download` does.
    """

    def __init__(self, fetch: Callable[[Path], object]) -> None:
        self._fetch = fetch
        self._has_failed = False

    def find(self, work_type: WorkType, grade: str, given: str | None) -> Weighting:
        """Say what to load for this grade letter.

        Raises FileNotFoundError: `given` does not exist: what a user names is never replaced.
        """
        if given is not None:
            if not Path(given).exists():
                raise FileNotFoundError(
                    f"weights of grade {grade}: expected a model at {given}, found nothing"
                )
            return Weighting(given, is_trained=True)
        path = weights_path(work_type, grade, None)
        if path.is_file():
            return Weighting(str(path), is_trained=True)
        if not self._has_failed:
            try:
                download(path, self._fetch)
                return Weighting(str(path), is_trained=True)
            except DownloadError as error:
                self._has_failed = True
                logger.warning(
                    "NO TRAINED WEIGHTS: %s could not be downloaded (%s). Where they are missing, workers"
                    " run UNTRAINED networks: the same load, no meaningful boxes. Put the file there, or"
                    " give a path: --weights %s=PATH",
                    path,
                    error,
                    grade,
                )
        return Weighting(f"{path.stem}.yaml", is_trained=False)


def download(path: Path, fetch: Callable[[Path], object]) -> None:
    """Have `path` downloaded by this process or by another one that is at it already.

    Raises DownloadError: it failed, or stalled; also if it did for the process that was waited for.
    """
    began_s = time.time()
    with _alone(path.with_suffix(".lock")) as file:
        if path.is_file():
            return
        failed_s, _, reason = file.read().partition(" ")
        if reason and float(failed_s) >= began_s:
            raise DownloadError(reason)
        file.truncate(0)
        try:
            _watched(path, fetch)
        except DownloadError as error:
            file.write(f"{time.time()} {error}")  # for those who wait: they need not fail as long again
            raise


def ultralytics_download(path: Path) -> None:
    """Ultralytics' own download of its release asset with this name. Raises whatever it raises."""
    from ultralytics.utils.downloads import attempt_download_asset  # loads torch

    attempt_download_asset(path, progress=False)


@contextmanager
def _alone(path: Path) -> Iterator[IO[str]]:
    """Wait to be the only one who has this file, open to be read and appended to. Raises DownloadError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise DownloadError(f"the cache cannot be written: {error}") from error
    with file:
        lock(file, waits=True)
        file.seek(0)
        yield file


def _watched(path: Path, fetch: Callable[[Path], object]) -> None:
    """Run `fetch` in a thread, give up once the partial file has stopped growing."""
    outcome: SimpleQueue[Exception | None] = SimpleQueue()

    def run() -> None:
        try:
            fetch(path)
            outcome.put(None)
        except Exception as error:  # goes to the waiting thread, whatever it is
            outcome.put(error)

    threading.Thread(target=run, name="download", daemon=True).start()
    n_bytes, grew_s = -1, time.monotonic()
    while True:
        try:
            error = outcome.get(timeout=LOOK_EVERY_S)
            break
        except Empty:
            now_bytes = _partial_bytes(path)
            if now_bytes != n_bytes:
                n_bytes, grew_s = now_bytes, time.monotonic()
            elif time.monotonic() - grew_s > STALLED_S:
                raise DownloadError(f"no byte for {STALLED_S:g} s") from None
    if error is not None:
        raise DownloadError(" ".join(str(error).split()) or type(error).__name__) from error
    if not path.is_file():
        raise DownloadError("no such release asset")


def _partial_bytes(path: Path) -> int:
    return sum(part.stat().st_size for part in path.parent.glob(f".{path.name}.*.part"))
