"""A real pipeline of which every frame is recorded, held at one setting after the other."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pandas as pd

from envs.hardware import Hardware
from experiments.config.programs import GridSchema
from experiments.program.console import ProgressView
from experiments.program.errors import ExecutionError
from experiments.worlds.pipeline import PipelinePlan
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
PROBE_FPS = 2.0
LEAST_FRAMES = 3  # per device
OVERLOAD = 1.4  # times what the workers can do, to saturate them
MB, MS_PER_NS = 1e-6, 1e-6
SPANS_MS = {  # between two stamps of a frame
    "capture_ms": ("captured_ns", "sent_ns"),
    "forward_ms": ("sent_ns", "received_ns"),
    "back_ms": ("done_ns", "arrived_ns"),
}

logger = logging.getLogger(__name__)


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
            replace(producer, fps_levels=self.rates, hand_out=HandOut.FIRST_ASKS),
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


# --- what is measured on it ---


@dataclass(frozen=True, slots=True)
class Measured:
    """All that has been measured.

    Attributes:
        frames: a row per frame: grade, width and height of its cell in px, fps at which that was held,
            round_trip_ms of a short request to the producer, the median; device, its number; service_ms, at
            the device's capacity; capture_ms from when the frame was due to its being handed out; forward_ms
            to the worker; back_ms from the end of inference to the collector.
        handling_ms: per device, between two frames of a worker that has more to do than it can.
        memory: memory_mb and used_mb of `envs.hardware.Host`.
    """

    frames: pd.DataFrame
    handling_ms: tuple[float, ...]
    memory: dict[str, float]


def n_parts(ladders: Ladders) -> int:
    """Count what `measure` goes through."""
    return len(ladders.grades) * len(ladders.sizes) + 1


def measure(
    plan: PipelinePlan, ladders: Ladders, how: GridSchema, directory: Path, view: ProgressView
) -> Measured:
    """Measure every cell, cheap ones first, then saturated workers; `directory` gets logs and frames.

    Raises:
        ClusterError, ControlError, MeasuringError: the pipeline broke, or did not do what was to be measured.
    """
    view.say("workers load their models")
    with Rig(plan.producer, ladders, plan.hardware, directory / "grid", plan.config.seed) as rig:
        rig.wait_ready(view.say)
        told = rig.control.telemetry(close=False).interval  # by the producer, when it was ready
        memory = {"memory_mb": told.host_bytes * MB, "used_mb": told.host_used_bytes * MB}
        cells = []
        for grade, size in product(range(len(ladders.grades)), range(len(ladders.sizes))):
            width, height = ladders.sizes[size]
            view.say(f"service times {ladders.grades[grade]}/{width}x{height}")
            cells.append(measure_cell(rig, size, grade, how))
            view.done()
        frames = pd.concat(cells, ignore_index=True)
        view.say("saturated workers")
        handling = measure_saturated(rig, frames, how)
        view.done()
    return Measured(frames, handling, memory)


def measure_cell(rig: Rig, size: int, grade: int, how: GridSchema) -> pd.DataFrame:
    """Probe the service time, then hold the rate that keeps workers busy (the source's own is the most).

    Returns:
        As `Measured.frames`.

    Raises:
        ClusterError, ControlError: the pipeline broke.
        MeasuringError: too few frames came.
    """
    rig.start(PROBE_FPS, size, grade)
    first = rig.wait_for(lambda frames: len(frames) >= LEAST_FRAMES, "the first frames of a cell")
    probed: Any = pd.concat([first, rig.hold(how.probe_s)[0]])
    service_s = float(probed["service_ns"].median()) * 1e-9
    fps = how.busy * rig.hardware.n_workers / max(service_s, 1e-6)
    rig.change(fps, size, grade)
    rate, (width, height) = rig.rates[rig.level(fps)], rig.ladders.sizes[size]
    frames, round_trip_ms = rig.hold(max(how.seconds, how.frames / rate), how.settle_s)
    n_least = min((frames["device"] == number).sum() for number in range(len(rig.hardware.devices)))
    if n_least < LEAST_FRAMES:
        raise MeasuringError(
            f"{width}x{height}: expected {LEAST_FRAMES} frames or more of every device, got {n_least}; "
            "say grid.seconds=20"
        )
    logger.info("%s at %dx%d: %.3g frames/s", rig.ladders.grades[grade], width, height, rate)
    cell = {"grade": rig.ladders.grades[grade], "width": width, "height": height, "fps": rate}
    spans_ms = {name: (frames[end] - frames[begin]) * MS_PER_NS for name, (begin, end) in SPANS_MS.items()}
    service_ms = (frames["service_ns"] * MS_PER_NS).round(4)
    own = {"round_trip_ms": round_trip_ms, "device": frames["device"], "service_ms": service_ms}
    return pd.DataFrame({**cell, **own, **spans_ms})


def measure_saturated(rig: Rig, cells: Any, how: GridSchema) -> tuple[float, ...]:
    """Offer the cheapest grade's largest frames faster than the workers can take them.

    Args:
        cells: as `Measured.frames`.

    Returns:
        `Measured.handling_ms`.

    Raises:
        ClusterError, ControlError, MeasuringError: as `measure_cell`.
    """
    size = len(rig.ladders.sizes) - 1
    is_same = (cells["grade"] == rig.ladders.grades[0]) & (cells["height"] == rig.ladders.sizes[size][1])
    rated_ms = float(cells.loc[is_same, "service_ms"].mean())
    wanted_fps = OVERLOAD * rig.hardware.n_workers / (1e-3 * rated_ms)
    streams = max(1, -int(-wanted_fps // rig.ladders.fps[-1]))
    rig.start(wanted_fps / streams, size, 0, streams)
    frames, _ = rig.hold(how.saturated_s, how.settle_s)
    gaps_ms = frames.groupby("device")[[*frames]].apply(handling_ms)
    if len(gaps_ms) < len(rig.hardware.devices) or gaps_ms.isna().any():
        raise MeasuringError("workers were never saturated: their handling time is not known")
    return tuple(gaps_ms.clip(lower=0.0).tolist())


def handling_ms(frames: Any) -> float:
    """Return the median time from a frame's end to the next one's start where the worker had that already.

    Args:
        frames: columns worker, received_ns, started_ns, done_ns.

    Returns:
        NaN if no worker ever was so busy.
    """
    ordered = frames.sort_values(["worker", "started_ns"])
    done_ns = ordered.groupby("worker")["done_ns"].shift()  # of the worker's frame before
    gaps_ns = (ordered["started_ns"] - done_ns)[ordered["received_ns"] <= done_ns]
    return float(gaps_ns.median()) * MS_PER_NS
