"""The cells of a calibration: every grade at every frame size, at a rate that keeps the workers busy."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from envs.hardware import Hardware
from experiments.calibration.fits import MS_PER_NS, column, handling_ms, median_ms, where
from experiments.calibration.rig import MeasuringError, Rig
from experiments.calibration.schema import GridSchema
from experiments.calibration.store import Cell, DeviceReading, Memory, Saturated
from pipeline.settings import Ladders

PROBE_FPS = 2.0
LEAST_FRAMES = 3  # per device
OVERLOAD = 1.4  # times what the workers can do, to saturate them
MB = 1e-6


def cell_name(grade: str, size: tuple[int, int]) -> str:
    """Key of a cell."""
    return f"{grade}/{size[0]}x{size[1]}"


def grid(ladders: Ladders) -> list[tuple[int, int]]:
    """Levels of (size, grade), each once: cheap ones first."""
    return [(size, grade) for grade in range(len(ladders.grades)) for size in range(len(ladders.sizes))]


def measure_cell(
    rig: Rig, ladders: Ladders, hardware: Hardware, size: int, grade: int, how: GridSchema
) -> Cell:
    """Probe the service time, then hold the rate that keeps workers busy (the source's own is the most).

    Raises:
        ClusterError, ControlError: the pipeline broke.
        MeasuringError: too few frames came.
    """
    rig.start(PROBE_FPS, size, grade)
    probed = rig.wait_for(lambda frames: len(frames) >= LEAST_FRAMES, "the first frames of a cell")
    probed = pd.concat([probed, rig.hold(how.probe_s).frames])
    service_s = float(np.median(column(probed, "service_ns"))) * 1e-9
    fps = how.busy * hardware.n_workers / max(service_s, 1e-6)
    rig.change(fps, size, grade)
    rate = rig.rates[rig.levels(fps, size, grade)[0]]
    held = rig.hold(max(how.seconds, how.frames / rate), how.settle_s)
    name = cell_name(ladders.grades[grade], ladders.sizes[size])
    devices = tuple(_read(frames, name) for frames in by_device(held.frames, hardware))
    mean_s = float(np.mean(column(held.frames, "service_ns"))) * 1e-9
    width, height = ladders.sizes[size]
    return Cell(
        grade=ladders.grades[grade],
        width=width,
        height=height,
        fps=rate,
        busy=rate * mean_s / hardware.n_workers,
        capture_ms=median_ms(held.frames, "captured_ns", "sent_ns"),
        round_trip_ms=float(np.median(held.round_trips_ms)),
        devices=devices,
    )


def _read(frames: pd.DataFrame, name: str) -> DeviceReading:
    if len(frames) < LEAST_FRAMES:
        raise MeasuringError(
            f"cell {name}: expected {LEAST_FRAMES} frames or more of every device, got {len(frames)}; "
            "say grid.seconds=20"
        )
    service_ms = tuple(round(float(ms), 4) for ms in column(frames, "service_ns") * MS_PER_NS)
    forward_ms = median_ms(frames, "sent_ns", "received_ns")
    return DeviceReading(service_ms, forward_ms, median_ms(frames, "done_ns", "arrived_ns"))


def by_device(frames: pd.DataFrame, hardware: Hardware) -> list[pd.DataFrame]:
    """The frames of each device's workers; the cluster names its first workers worker-0, worker-1, ..."""
    if not len(frames):
        raise MeasuringError("no frame came while a setting was held; is the pipeline overloaded?")
    found, first = [], 0
    for device in hardware.devices:
        names = [f"worker-{i}" for i in range(first, first + device.count)]
        found.append(where(frames, np.isin(frames["worker"].to_numpy(), names)))
        first += device.count
    return found


def measure_saturated(
    rig: Rig, ladders: Ladders, hardware: Hardware, cells: Sequence[Cell], how: GridSchema
) -> Saturated:
    """The cheapest grade's largest frames, offered faster than the workers can take them.

    Raises:
        ClusterError, ControlError, MeasuringError: as `measure_cell`.
    """
    size = len(ladders.sizes) - 1
    (cell,) = [
        cell
        for cell in cells
        if cell.grade == ladders.grades[0] and (cell.width, cell.height) == ladders.sizes[size]
    ]
    rated_s = 1e-3 * float(np.mean([ms for device in cell.devices for ms in device.service_ms]))
    wanted_fps = OVERLOAD * hardware.n_workers / rated_s
    streams = max(1, int(np.ceil(wanted_fps / ladders.fps[-1])))
    rig.start(wanted_fps / streams, size, 0, streams)
    held = rig.hold(how.saturated_s, how.settle_s)
    gaps = [handling_ms(frames) for frames in by_device(held.frames, hardware)]
    if any(np.isnan(gap) for gap in gaps):
        raise MeasuringError("workers were never saturated: their handling time is not known")
    slower = float(np.mean(column(held.frames, "service_ns"))) * 1e-9 / rated_s
    return Saturated(tuple(max(gap, 0.0) for gap in gaps), slower)


def read_memory(rig: Rig) -> Memory:
    """What the producer says of itself and its host when it was ready."""
    interval = rig.control.telemetry(close=False).interval
    return Memory(interval.baseline_bytes * MB, interval.host_bytes * MB, interval.host_used_bytes * MB)
