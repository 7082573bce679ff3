"""What is measured on a rig: service times at every grade and size, and saturated workers."""

import logging
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.calibration.rig import MeasuringError, Rig
from experiments.config.programs import GridSchema
from experiments.program.console import ProgressView
from experiments.worlds.pipeline import PipelinePlan
from pipeline.settings import Ladders

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


@dataclass(frozen=True, slots=True)
class Measured:
    """All that has been measured.

    Attributes:
        frames: a row per frame: grade, width and height of its cell in px, fps at which that was held,
            round_trip_ms of a short request to the producer, the median; device, its number; service_ms, at
            the device's capacity; capture_ms from when the frame was due to its being handed out; forward_ms
            to the worker; back_ms from the end of inference to the collector.
        handling_ms: per device, between two frames of a worker that has more to do than it can.
        slower: mean service time of such workers ÷ that at the same grade and size at their own rate.
        memory: memory_mb and used_mb of `envs.hardware.Host`.
    """

    frames: pd.DataFrame
    handling_ms: tuple[float, ...]
    slower: float
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
        handling_ms, slower = measure_saturated(rig, frames, how)
        view.done()
    return Measured(frames, handling_ms, slower, memory)


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


def measure_saturated(rig: Rig, cells: Any, how: GridSchema) -> tuple[tuple[float, ...], float]:
    """Offer the cheapest grade's largest frames faster than the workers can take them.

    Args:
        cells: as `Measured.frames`.

    Returns:
        `handling_ms` and `slower` of `Measured`.

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
    slower = float(frames["service_ns"].mean()) * MS_PER_NS / rated_ms
    return tuple(gaps_ms.clip(lower=0.0).tolist()), slower


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
