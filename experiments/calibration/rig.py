"""A real pipeline of which every frame is recorded, held at one setting after the other."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
import pandas as pd

from envs.hardware import Hardware, usable_cores
from experiments.calibration.fits import column, where
from pipeline.cluster import LocalCluster
from pipeline.control import ControlClient
from pipeline.options import CollectorOptions, ProducerOptions
from pipeline.settings import Ladders

READY_TIMEOUT_S = 300.0  # for workers to load and warm their models
PING_EVERY_S = 0.1
LOOK_EVERY_S = 0.05
FPS_RATIO = 1.2  # between two levels of the ladder that calibration chooses its rates from
LEAST_FPS = 0.5


class MeasuringError(Exception):
    """The pipeline did not do what was to be measured; the text says what was missing."""


class Held(NamedTuple):
    """What was recorded while a setting was held.

    Attributes:
        frames: those captured while it was, columns as `pipeline.collector.frames.SCHEMA`.
        round_trips_ms: of short requests to the producer meanwhile.
    """

    frames: pd.DataFrame
    round_trips_ms: list[float]


class Rig:
    """Producer, workers and collector of a hardware profile; a context manager.

    Args:
        producer: of the stream; its FPS ladder is `rates(ladders)`.
        ladders: of the stream itself.
        hardware: the workers.
        directory: gets logs, frames and device files.
        seed: of the source.
    """

    def __init__(
        self, producer: ProducerOptions, ladders: Ladders, hardware: Hardware, directory: Path, seed: int
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        record = directory / "frames.jsonl"
        self.rates = rates(ladders.fps[-1])
        self._seed = seed
        self._cluster = LocalCluster(
            dataclasses.replace(producer, fps_levels=self.rates),
            CollectorOptions(frames=str(record)),
            hardware.worker_options(directory / "devices", usable_cores(), seed),
            directory / "logs",
        )
        self._record = record
        self._read_bytes = 0
        self._rows: list[dict] = []  # of the episode that runs

    def __enter__(self) -> Self:
        self._cluster.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._cluster.close()

    @property
    def control(self) -> ControlClient:
        """Client of the producer."""
        return self._cluster.control

    def wait_ready(self, on_progress: Callable[[str], None]) -> None:
        """Wait for every worker. Raises ClusterError, ControlError."""
        self._cluster.wait_ready(READY_TIMEOUT_S, on_progress)

    def start(self, fps: float, size: int, grade: int, streams: int = 1) -> None:
        """Begin anew at the rate of the ladder next to `fps`, and these levels of size and grade."""
        self._rows = []
        self.control.start(self._seed, self.levels(fps, size, grade), streams)

    def change(self, fps: float, size: int, grade: int) -> int:
        """Go over to another setting; returns when, in ns of the monotonic clock."""
        self.control.set_levels(self.levels(fps, size, grade))
        return time.monotonic_ns()

    def hold(self, seconds: float, settle_s: float = 0.0) -> Held:
        """Wait until all frames captured meanwhile are processed; the first settle_s are left out."""
        from_ns = time.monotonic_ns() + int(settle_s * 1e9)
        until_ns = from_ns + int(seconds * 1e9)
        round_trips_ms = []
        while time.monotonic_ns() < until_ns:
            asked_ns = time.monotonic_ns()
            self.control.status()
            round_trips_ms.append((time.monotonic_ns() - asked_ns) * 1e-6)
            time.sleep(min(PING_EVERY_S, max(0.0, (until_ns - time.monotonic_ns()) * 1e-9)))
        frames = self.wait_for(
            lambda frames: len(frames) > 0 and column(frames, "captured_ns")[-1] >= until_ns,
            "the frames of a setting to be processed",
        )
        captured_ns = column(frames, "captured_ns")
        return Held(where(frames, (captured_ns >= from_ns) & (captured_ns < until_ns)), round_trips_ms)

    def wait_for(
        self, enough: Callable[[pd.DataFrame], bool], what: str, timeout_s: float = 60.0
    ) -> pd.DataFrame:
        """All frames of the episode, once they are enough. Raises MeasuringError."""
        deadline_s = time.monotonic() + timeout_s
        while not enough(frames := self.frames()):
            self._cluster.check()
            if time.monotonic() > deadline_s:
                raise MeasuringError(f"waited {timeout_s:g} s for {what}")
            time.sleep(LOOK_EVERY_S)
        return frames

    def start_worker_s(self) -> float:
        """Start one more worker like the first; how long until it is ready, in s; it is ended again."""
        n_before = self._n_ready()
        began_s = time.monotonic()
        slot = self._cluster.add_worker(self._cluster.workers[0])
        while self._n_ready() <= n_before:
            if time.monotonic() - began_s > READY_TIMEOUT_S:
                raise MeasuringError(f"waited {READY_TIMEOUT_S:g} s for one more worker to be ready")
            time.sleep(LOOK_EVERY_S)
        took_s = time.monotonic() - began_s
        self._cluster.kill_worker(slot)
        return took_s

    def frames(self) -> pd.DataFrame:
        """Those emitted in this episode so far, in the order of emission; no columns if there are none."""
        with self._record.open("rb") as file:
            file.seek(self._read_bytes)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        self._rows += [msgspec.json.decode(line) for line in whole.splitlines()]
        if self._rows:
            episode = max(row["episode"] for row in self._rows)
            self._rows = [row for row in self._rows if row["episode"] == episode]
        return pd.DataFrame(self._rows)

    def levels(self, fps: float, size: int, grade: int) -> tuple[int, int, int]:
        """Level indices, of the highest rate that is not above `fps`."""
        below = [level for level, rate in enumerate(self.rates) if rate <= fps * (1 + 1e-9)]
        return max(below, default=0), size, grade

    def _n_ready(self) -> int:
        return sum(worker.ready for worker in self.control.status().workers)


def rates(source_fps: float) -> tuple[float, ...]:
    """Rates from LEAST_FPS (about) to the source's own, each FPS_RATIO times the one before."""
    found = [source_fps]
    while found[-1] / FPS_RATIO >= LEAST_FPS:
        found.append(found[-1] / FPS_RATIO)
    return tuple(reversed(found))


def bytes_of(size: Sequence[int]) -> int:
    """Of a frame of (width, height)."""
    return 3 * size[0] * size[1]
