"""A real pipeline of which every frame is recorded, held at one setting after the other."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pandas as pd

from envs.hardware import Hardware
from experiments.program.errors import ExecutionError
from pipeline.allowance import usable_cores
from pipeline.cluster import LocalCluster
from pipeline.control import ControlClient
from pipeline.messages import HandOut
from pipeline.options import CollectorOptions, ProducerOptions
from pipeline.settings import Ladders

READY_TIMEOUT_S = 300.0  # for workers to load and warm their models
FRAMES_TIMEOUT_S = 60.0
PING_EVERY_S = 0.1
LOOK_EVERY_S = 0.1
FPS_RATIO = 1.2  # between two levels of the ladder that calibration chooses its rates from
LEAST_FPS = 0.5


class MeasuringError(ExecutionError):
    """The pipeline did not do what was to be measured; the text says what was missing."""


class Rig:
    """Producer, workers and collector of a hardware profile; a context manager.

    Args:
        producer: of the stream; its FPS ladder becomes `rates`.
        ladders: of the stream itself.
        hardware: the workers.
        directory: gets logs, frames and device files.
        seed: of the source.
    """

    def __init__(
        self, producer: ProducerOptions, ladders: Ladders, hardware: Hardware, directory: Path, seed: int
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.ladders, self.hardware = ladders, hardware
        self.rates = rates(ladders.fps[-1])
        self._seed = seed
        self._record, self._episode = directory / "frames.jsonl", 0
        self._cluster = LocalCluster(
            # every worker is measured, so each has its turn: a plan gives frames to the quickest alone
            dataclasses.replace(producer, fps_levels=self.rates, hand_out=HandOut.FIRST_ASKS),
            CollectorOptions(frames=str(self._record)),
            hardware.worker_options(directory / "devices", usable_cores(), seed),
            directory / "logs",
        )

    def __enter__(self) -> Self:
        self._cluster.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._cluster.close()

    @property
    def control(self) -> ControlClient:
        """Client of the producer."""
        return self._cluster.control

    def wait_ready(self, say: Callable[[str], None]) -> None:
        """Wait for every worker. Raises ClusterError, ControlError."""
        self._cluster.wait_ready(READY_TIMEOUT_S, say)

    def start(self, fps: float, size: int, grade: int, streams: int = 1) -> None:
        """Begin anew at the rate of the ladder next to `fps`, and these levels of size and grade."""
        self._episode = self.control.start(self._seed, (self.level(fps), size, grade), streams).episode

    def change(self, fps: float, size: int, grade: int) -> None:
        """Go over to another setting."""
        self.control.set_levels((self.level(fps), size, grade))

    def hold(self, seconds: float, settle_s: float = 0.0) -> tuple[Any, float]:
        """Wait until all frames captured meanwhile are processed; the first settle_s are left out.

        Returns:
            These frames, columns as `pipeline.collector.frames.SCHEMA`, and `device`, the number of each
            one's; and the median time in ms of a short request to the producer meanwhile.

        Raises:
            ClusterError, ControlError, MeasuringError: the pipeline broke, or frames did not come.
        """
        from_ns = time.monotonic_ns() + int(settle_s * 1e9)
        until_ns = from_ns + int(seconds * 1e9)
        round_trips_ms = []
        while (asked_ns := time.monotonic_ns()) < until_ns:
            self.control.status()
            round_trips_ms.append((time.monotonic_ns() - asked_ns) * 1e-6)
            time.sleep(min(PING_EVERY_S, max(0.0, (until_ns - time.monotonic_ns()) * 1e-9)))
        frames = self.wait_for(
            lambda frames: len(frames) > 0 and frames["captured_ns"].iloc[-1] >= until_ns,
            "the frames of a setting to be processed",
        )
        held = frames[frames["captured_ns"].between(from_ns, until_ns, inclusive="left")]
        counts = [device.count for device in self.hardware.devices]
        of_worker = np.repeat(np.arange(len(counts)), counts)  # workers are worker-0, worker-1, ...
        device = of_worker[held["worker"].str.removeprefix("worker-").astype(int)]
        return held.assign(device=device), float(np.median(round_trips_ms))

    def wait_for(self, enough: Callable[[Any], bool], what: str) -> Any:
        """Return all frames of the episode, once they are enough. Raises ClusterError, MeasuringError."""
        deadline_s = time.monotonic() + FRAMES_TIMEOUT_S
        while not enough(frames := self._frames()):
            self._cluster.check()
            if time.monotonic() > deadline_s:
                raise MeasuringError(f"waited {FRAMES_TIMEOUT_S:g} s for {what}")
            time.sleep(LOOK_EVERY_S)
        return frames

    def level(self, fps: float) -> int:
        """Return the level of the highest rate that is not above `fps`."""
        return max(int(np.searchsorted(self.rates, fps * (1 + 1e-9), side="right")) - 1, 0)

    def _frames(self) -> pd.DataFrame:
        """Read those emitted in this episode so far, in the order of emission; no columns if none were."""
        text = self._record.read_bytes()
        rows = msgspec.json.Decoder(dict).decode_lines(text[: text.rfind(b"\n") + 1])
        return pd.DataFrame([row for row in rows if row["episode"] == self._episode])


def rates(source_fps: float) -> tuple[float, ...]:
    """Return rates from LEAST_FPS (about) to the source's own, each FPS_RATIO times the one before."""
    found = [source_fps]
    while found[-1] / FPS_RATIO >= LEAST_FPS:
        found.append(found[-1] / FPS_RATIO)
    return tuple(reversed(found))
