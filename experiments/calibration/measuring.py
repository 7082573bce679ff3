"""What is measured on a rig: service times at every grade and size, saturated workers, beginnings."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.calibration.fits import (
    MS_PER_NS,
    first_beyond_others_ms,
    handling_ms,
    median_ms,
    rows_at,
    stalls_ms,
)
from experiments.calibration.measured import DeviceReading, GridPoint, Measured, Saturated
from experiments.calibration.rig import MeasuringError, Rig
from experiments.config.programs import CalibrateConfig, GridSchema
from experiments.runs.summary import column
from experiments.worlds.pipeline import PipelinePlan
from pipeline.messages import LoadingMode
from pipeline.settings import Ladders

PROBE_FPS = 2.0
LEAST_FRAMES = 3  # per device
OVERLOAD = 1.4  # times what the workers can do, to saturate them
START_UP_FPS = 8.0
FRAMES_AFTER = 3  # of each worker, once it is used to a change
MB = 1e-6


# --- the grid ---
logger = logging.getLogger(__name__)


def grid(ladders: Ladders) -> dict[str, tuple[int, int]]:
    """Return the levels of (size, grade) by the name of the point, "GRADE/WIDTHxHEIGHT": cheap ones first."""
    return {
        f"{letter}/{width}x{height}": (size, grade)
        for grade, letter in enumerate(ladders.grades)
        for size, (width, height) in enumerate(ladders.sizes)
    }


def measure_point(rig: Rig, size: int, grade: int, how: GridSchema) -> GridPoint:
    """Probe the service time, then hold the rate that keeps workers busy (the source's own is the most).

    Raises:
        ClusterError, ControlError: the pipeline broke.
        MeasuringError: too few frames came.
    """
    n_workers = rig.hardware.n_workers
    rig.start(PROBE_FPS, size, grade)
    probed = rig.wait_for(lambda frames: len(frames) >= LEAST_FRAMES, "the first frames of a cell")
    probed = pd.concat([probed, rig.hold(how.probe_s).frames])
    service_s = float(np.median(column(probed, "service_ns"))) * 1e-9
    fps = how.busy * n_workers / max(service_s, 1e-6)
    rig.change(fps, size, grade)
    rate = rig.rates[rig.level(fps)]
    held = rig.hold(max(how.seconds, how.frames / rate), how.settle_s)
    width, height = rig.ladders.sizes[size]
    return GridPoint(
        grade=rig.ladders.grades[grade],
        width=width,
        height=height,
        fps=rate,
        busy=rate * _mean_service_ms(held.frames) * 1e-3 / n_workers,
        capture_ms=median_ms(held.frames, "captured_ns", "sent_ns"),
        round_trip_ms=float(np.median(held.round_trips_ms)),
        devices=tuple(_read(frames, f"{width}x{height}") for frames in rig.by_device(held.frames)),
    )


def _mean_service_ms(frames: pd.DataFrame) -> float:
    return float(np.mean(column(frames, "service_ns"))) * MS_PER_NS


def _read(frames: pd.DataFrame, size: str) -> DeviceReading:
    if len(frames) < LEAST_FRAMES:
        raise MeasuringError(
            f"{size}: expected {LEAST_FRAMES} frames or more of every device, got {len(frames)}; "
            "say grid.seconds=20"
        )
    service_ms = tuple(round(float(ms), 4) for ms in column(frames, "service_ns") * MS_PER_NS)
    forward_ms = median_ms(frames, "sent_ns", "received_ns")
    return DeviceReading(service_ms, forward_ms, median_ms(frames, "done_ns", "arrived_ns"))


def measure_saturated(rig: Rig, points: Sequence[GridPoint], how: GridSchema) -> Saturated:
    """Offer the cheapest grade's largest frames faster than the workers can take them.

    Raises:
        ClusterError, ControlError, MeasuringError: as `measure_point`.
    """
    size = len(rig.ladders.sizes) - 1
    key = (rig.ladders.grades[0], rig.ladders.sizes[size])
    (point,) = [point for point in points if (point.grade, (point.width, point.height)) == key]
    rated_ms = float(np.mean([ms for device in point.devices for ms in device.service_ms]))
    wanted_fps = OVERLOAD * rig.hardware.n_workers / (1e-3 * rated_ms)
    streams = max(1, int(np.ceil(wanted_fps / rig.ladders.fps[-1])))
    rig.start(wanted_fps / streams, size, 0, streams)
    held = rig.hold(how.saturated_s, how.settle_s)
    gaps = [handling_ms(frames) for frames in rig.by_device(held.frames)]
    if any(np.isnan(gap) for gap in gaps):
        raise MeasuringError("workers were never saturated: their handling time is not known")
    return Saturated(tuple(max(gap, 0.0) for gap in gaps), _mean_service_ms(held.frames) / rated_ms)


# --- beginning ---


def measure_start_up(rig: Rig) -> dict[str, float]:
    """Measure the fields of `envs.hardware.Device` on a rig whose workers load at need (LoadingMode.LAZY).

    All at the smallest size. A change costs a worker the time for which it stands still, and what its first
    frame takes beyond the others. A new grade costs a load and a new shape, a new size a new shape. Starting
    is what one more worker takes until it is ready, its first load apart: importing libraries counts, too.

    Raises:
        ClusterError, ControlError, MeasuringError: the pipeline did not do it.
    """
    new_shape_ms = _median_cost_ms(rig, [(size, 0) for size in range(1, len(rig.ladders.sizes))])
    load_ms = _median_cost_ms(rig, [(0, grade) for grade in range(1, len(rig.ladders.grades))])
    load_ms = max(load_ms - new_shape_ms, 0.0)
    start_ms = max(1e3 * rig.start_worker_s() - load_ms, 0.0)
    return {"start_ms": start_ms, "load_ms": load_ms, "new_shape_ms": max(new_shape_ms, 0.0)}


def _median_cost_ms(rig: Rig, changes: Sequence[tuple[int, int]]) -> float:
    """Return what changes to these levels of (size, grade), one after the other, cost a worker; 0 of none."""
    rig.start(START_UP_FPS, 0, 0)
    _settled(rig, 0, 0)
    costs_ms = []
    for size, grade in changes:
        changed_ns = rig.change(START_UP_FPS, size, grade)
        frames = _settled(rig, size, grade)
        is_new = _is_at(rig, frames, size, grade)
        costs_ms += list(
            stalls_ms(frames, changed_ns, is_new) + first_beyond_others_ms(rows_at(frames, is_new))
        )
    return float(np.median(costs_ms)) if costs_ms else 0.0


def _settled(rig: Rig, size: int, grade: int) -> pd.DataFrame:
    """Return all frames so far, once every worker has done a few at these levels."""

    def enough(frames: pd.DataFrame) -> bool:
        if not len(frames):
            return False
        counts = rows_at(frames, _is_at(rig, frames, size, grade))["worker"].value_counts()
        return len(counts) >= rig.hardware.n_workers and int(counts.min()) > FRAMES_AFTER

    return rig.wait_for(enough, f"frames of grade {rig.ladders.grades[grade]} at {rig.ladders.sizes[size]}")


def _is_at(rig: Rig, frames: pd.DataFrame, size: int, grade: int) -> np.ndarray:
    return (column(frames, "grade") == grade) & (column(frames, "height") == rig.ladders.sizes[size][1])


# --- one calibration ---


def n_parts(config: CalibrateConfig, ladders: Ladders) -> int:
    """Count the parts that a complete calibration has."""
    return len(grid(ladders)) + 1 + config.grid.start_up


def calibrate(
    config: CalibrateConfig,
    plan: PipelinePlan,
    ladders: Ladders,
    measured: Measured,
    directory: Path,
    say: Callable[[str], None],
) -> Iterator[Measured]:
    """Measure what is missing, and yield all that is there after each part; `directory` gets logs and frames.

    Raises:
        ClusterError, ControlError, MeasuringError: the pipeline broke, or did not do what was to be measured.
    """
    missing = {name: levels for name, levels in grid(ladders).items() if name not in measured.cells}
    if missing or measured.saturated is None:
        say("workers load their models")
        with Rig(plan.producer, ladders, plan.hardware, directory / "grid", config.seed) as rig:
            rig.wait_ready(say)
            told = rig.control.telemetry(close=False).interval  # by the producer, when it was ready
            memory = {"memory_mb": told.host_bytes * MB, "used_mb": told.host_used_bytes * MB}
            measured = replace(measured, memory=memory)
            for name, (size, grade) in missing.items():
                say(f"service times {name}")
                point = measure_point(rig, size, grade, config.grid)
                logger.info("%s: %.3g frames/s, workers busy %.0f %%", name, point.fps, 100 * point.busy)
                measured = replace(measured, cells={**measured.cells, name: point})
                yield measured
            if measured.saturated is None:
                say("saturated workers")
                saturated = measure_saturated(rig, list(measured.cells.values()), config.grid)
                measured = replace(measured, saturated=saturated)
                yield measured
    if config.grid.start_up and measured.start_up is None:
        say("start-up: workers that load at need")
        lazy = replace(plan.producer, loading_mode=LoadingMode.LAZY)
        with Rig(lazy, ladders, plan.hardware, directory / "start_up", config.seed) as rig:
            rig.wait_ready(say)
            measured = replace(measured, start_up=measure_start_up(rig))
        yield measured
