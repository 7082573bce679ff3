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
    rows_at,
    stalls_ms,
)
from experiments.calibration.profile import Measured, Saturated
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
HOPS = {  # between two stamps of a frame
    "capture_ms": ("captured_ns", "sent_ns"),
    "forward_ms": ("sent_ns", "received_ns"),
    "back_ms": ("done_ns", "arrived_ns"),
}

logger = logging.getLogger(__name__)

# --- the grid ---


def grid(ladders: Ladders) -> dict[str, tuple[int, int]]:
    """Return the levels of (size, grade) by the name of the cell, "GRADE/WIDTHxHEIGHT": cheap ones first."""
    return {
        f"{letter}/{width}x{height}": (size, grade)
        for grade, letter in enumerate(ladders.grades)
        for size, (width, height) in enumerate(ladders.sizes)
    }


def measure_cell(rig: Rig, size: int, grade: int, how: GridSchema) -> pd.DataFrame:
    """Probe the service time, then hold the rate that keeps workers busy (the source's own is the most).

    Returns:
        The columns of `Measured.cells`.

    Raises:
        ClusterError, ControlError: the pipeline broke.
        MeasuringError: too few frames came.
    """
    rig.start(PROBE_FPS, size, grade)
    probed = rig.wait_for(lambda frames: len(frames) >= LEAST_FRAMES, "the first frames of a cell")
    probed = pd.concat([probed, rig.hold(how.probe_s)[0]])
    service_s = float(np.median(column(probed, "service_ns"))) * 1e-9
    fps = how.busy * rig.hardware.n_workers / max(service_s, 1e-6)
    rig.change(fps, size, grade)
    rate, (width, height) = rig.rates[rig.level(fps)], rig.ladders.sizes[size]
    frames, round_trips_ms = rig.hold(max(how.seconds, how.frames / rate), how.settle_s)
    devices = rig.devices_of(frames)
    n_least = int(np.bincount(devices, minlength=len(rig.hardware.devices)).min())
    if n_least < LEAST_FRAMES:
        raise MeasuringError(
            f"{width}x{height}: expected {LEAST_FRAMES} frames or more of every device, got {n_least}; "
            "say grid.seconds=20"
        )
    columns = {
        **{"grade": rig.ladders.grades[grade], "width": width, "height": height, "fps": rate},
        "round_trip_ms": float(np.median(round_trips_ms)),
        "device": devices,
        "service_ms": (column(frames, "service_ns") * MS_PER_NS).round(4),
    }
    for name, (begin, end) in HOPS.items():
        columns[name] = (column(frames, end) - column(frames, begin)) * MS_PER_NS
    return pd.DataFrame(columns)


def measure_saturated(rig: Rig, cells: pd.DataFrame, how: GridSchema) -> Saturated:
    """Offer the cheapest grade's largest frames faster than the workers can take them.

    Args:
        cells: as `Measured.frames`.

    Raises:
        ClusterError, ControlError, MeasuringError: as `measure_cell`.
    """
    size = len(rig.ladders.sizes) - 1
    is_same = (cells["grade"] == rig.ladders.grades[0]) & (cells["height"] == rig.ladders.sizes[size][1])
    rated_ms = float(column(rows_at(cells, is_same.to_numpy()), "service_ms").mean())
    wanted_fps = OVERLOAD * rig.hardware.n_workers / (1e-3 * rated_ms)
    streams = max(1, int(np.ceil(wanted_fps / rig.ladders.fps[-1])))
    rig.start(wanted_fps / streams, size, 0, streams)
    frames, _ = rig.hold(how.saturated_s, how.settle_s)
    devices = rig.devices_of(frames)
    gaps_ms = [handling_ms(rows_at(frames, devices == i)) for i in range(len(rig.hardware.devices))]
    if np.isnan(gaps_ms).any():
        raise MeasuringError("workers were never saturated: their handling time is not known")
    slower = float(column(frames, "service_ns").mean()) * MS_PER_NS / rated_ms
    return Saturated(tuple(max(gap_ms, 0.0) for gap_ms in gaps_ms), slower)


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
                cell = measure_cell(rig, size, grade, config.grid)
                logger.info("%s: %.3g frames/s", name, cell["fps"].iloc[0])
                measured = replace(measured, cells={**measured.cells, name: cell.to_dict("list")})
                yield measured
            if measured.saturated is None:
                say("saturated workers")
                saturated = measure_saturated(rig, measured.frames, config.grid)
                measured = replace(measured, saturated=saturated)
                yield measured
    if config.grid.start_up and measured.start_up is None:
        say("start-up: workers that load at need")
        lazy = replace(plan.producer, loading_mode=LoadingMode.LAZY)
        with Rig(lazy, ladders, plan.hardware, directory / "start_up", config.seed) as rig:
            rig.wait_ready(say)
            measured = replace(measured, start_up=measure_start_up(rig))
        yield measured
