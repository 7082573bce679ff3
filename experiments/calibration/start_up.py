"""What beginning takes: one more worker, a further grade, a further frame size; models loaded at need."""

import numpy as np
import pandas as pd

from experiments.calibration.fits import MS_PER_NS, column, stalls_ms, where
from experiments.calibration.rig import Rig
from experiments.calibration.store import StartUp
from pipeline.settings import Ladders

FPS = 8.0
FRAMES_AFTER = 3  # of each worker, once it is used to a change


def measure_start_up(rig: Rig, ladders: Ladders, n_workers: int) -> StartUp:
    """Of a rig whose workers load at need (LoadingMode.LAZY), at the smallest size.

    A change costs a worker the time for which it stands still, and what its first frame takes beyond the
    others. A new grade costs a load and a new shape, a new size a new shape. Starting is what one more worker
    takes until it is ready, its first load apart: importing libraries counts as starting.

    Raises:
        ClusterError, ControlError, MeasuringError: the pipeline did not do it.
    """
    rig.start(FPS, 0, 0)
    _settled(rig, n_workers, 0, 0, ladders)
    new_shapes_ms = [
        cost for size in range(1, len(ladders.sizes)) for cost in _change(rig, n_workers, size, 0, ladders)
    ]
    rig.start(FPS, 0, 0)
    _settled(rig, n_workers, 0, 0, ladders)
    loads_ms = [
        cost for grade in range(1, len(ladders.grades)) for cost in _change(rig, n_workers, 0, grade, ladders)
    ]
    start_ms = 1e3 * rig.start_worker_s()
    new_shape_ms = float(np.median(new_shapes_ms)) if new_shapes_ms else 0.0
    load_ms = max(float(np.median(loads_ms)) - new_shape_ms, 0.0) if loads_ms else 0.0
    return StartUp(max(start_ms - load_ms, 0.0), load_ms, max(new_shape_ms, 0.0))


def _change(rig: Rig, n_workers: int, size: int, grade: int, ladders: Ladders) -> list[float]:
    """Cost of a change to each worker, in ms."""
    changed_ns = rig.change(FPS, size, grade)
    frames = _settled(rig, n_workers, size, grade, ladders)
    is_new = _is_at(frames, size, grade, ladders)
    stalls = stalls_ms(frames, changed_ns, is_new)
    return [
        stall + slower
        for stall, slower in zip(stalls, _first_beyond_others(where(frames, is_new)), strict=True)
    ]


def _settled(rig: Rig, n_workers: int, size: int, grade: int, ladders: Ladders) -> pd.DataFrame:
    """All frames so far, once every worker has done a few at these levels."""

    def enough(frames: pd.DataFrame) -> bool:
        if not len(frames):
            return False
        workers = where(frames, _is_at(frames, size, grade, ladders))["worker"].to_numpy()
        counts = np.unique(workers, return_counts=True)[1]
        return len(counts) >= n_workers and int(counts.min()) > FRAMES_AFTER

    return rig.wait_for(enough, f"frames of grade {ladders.grades[grade]} at {ladders.sizes[size]}")


def _is_at(frames: pd.DataFrame, size: int, grade: int, ladders: Ladders) -> np.ndarray:
    return (column(frames, "grade") == grade) & (column(frames, "height") == ladders.sizes[size][1])


def _first_beyond_others(frames: pd.DataFrame) -> list[float]:
    """Per worker, in the order of their names: its first frame's service time less its median, in ms."""
    beyond = []
    for _, of_worker in frames.groupby("worker"):
        service_ms = column(of_worker.sort_values("started_ns"), "service_ns") * MS_PER_NS
        beyond.append(float(service_ms[0] - np.median(service_ms[1:])))
    return beyond
