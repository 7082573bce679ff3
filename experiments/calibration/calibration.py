"""One calibration from beginning to end: what is missing is measured, and kept as soon as it is there."""

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from envs.hardware import Hardware
from experiments.calibration.accuracy import class_ids, measure_accuracy
from experiments.calibration.cells import cell_name, grid, measure_cell, measure_saturated, read_memory
from experiments.calibration.rig import Rig
from experiments.calibration.schema import AccuracySchema, GridSchema
from experiments.calibration.start_up import measure_start_up
from experiments.calibration.store import Measured, Store
from experiments.calibration.truth import read_mot
from pipeline.messages import LoadingMode
from pipeline.options import ProducerOptions, SourceKind
from pipeline.settings import Ladders

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be calibrated.

    Attributes:
        producer: options of the stream.
        ladders: of the stream.
        hardware: the workers that are measured.
        seed: of the source.
        grid, accuracy: how.
    """

    producer: ProducerOptions
    ladders: Ladders
    hardware: Hardware
    seed: int
    grid: GridSchema
    accuracy: AccuracySchema

    def n_parts(self) -> int:
        """How many parts it has."""
        return len(grid(self.ladders)) + 1 + self.grid.start_up + self.accuracy.enabled

    def n_done(self, measured: Measured) -> int:
        """How many of them are there."""
        others = (measured.saturated, measured.start_up, measured.accuracy)
        return len(measured.cells) + sum(part is not None for part in others)


def calibrate(
    task: Task, store: Store, directory: Path, say: Callable[[str], None], advance: Callable[[], None]
) -> Measured:
    """Measure what the store does not have yet.

    Args:
        store: gets every part as soon as it was measured.
        directory: for the programs' logs and the record of frames.
        say: told what is being done.
        advance: called after each part.

    Raises:
        ClusterError, ControlError, MeasuringError: the pipeline broke, or did not do what was to be measured.
        OSError, ValueError, SourceError: accuracy's video or truth cannot be read.
    """
    _measure_grid(task, store, directory / "grid", say, advance)
    if task.grid.start_up and store.measured.start_up is None:
        lazy = dataclasses.replace(task.producer, loading_mode=LoadingMode.LAZY)
        say("start-up: workers that load at need")
        with Rig(lazy, task.ladders, task.hardware, directory / "start_up", task.seed) as rig:
            rig.wait_ready(say)
            store.add(start_up=measure_start_up(rig, task.ladders, task.hardware.n_workers))
        advance()
    if task.accuracy.enabled and store.measured.accuracy is None:
        store.add(accuracy=_accuracy(task, say))
        advance()
    return store.measured


def _measure_grid(
    task: Task, store: Store, directory: Path, say: Callable[[str], None], advance: Callable[[], None]
) -> None:
    ladders, hardware = task.ladders, task.hardware
    names = {
        (size, grade): cell_name(ladders.grades[grade], ladders.sizes[size]) for size, grade in grid(ladders)
    }
    missing = [levels for levels, name in names.items() if name not in store.measured.cells]
    if not missing and store.measured.saturated is not None:
        return
    say("workers load their models")
    with Rig(task.producer, ladders, hardware, directory, task.seed) as rig:
        rig.wait_ready(say)
        store.add(memory=read_memory(rig))
        for size, grade in missing:
            name = names[size, grade]
            say(f"service times {name}")
            cell = measure_cell(rig, ladders, hardware, size, grade, task.grid)
            logger.info("%s: %.3g frames/s, workers busy %.0f %%", name, cell.fps, 100 * cell.busy)
            store.add_cell(name, cell)
            advance()
        if store.measured.saturated is None:
            say("saturated workers")
            cells = list(store.measured.cells.values())
            store.add(saturated=measure_saturated(rig, ladders, hardware, cells, task.grid))
            advance()


def check_accuracy(wanted: AccuracySchema) -> None:
    """Raise ValueError or OSError for a class, a video or a truth that there is none of."""
    class_ids(wanted.classes)
    if wanted.truth:
        read_mot(Path(wanted.truth))
    if wanted.path and not Path(wanted.path).is_file():
        raise ValueError(f"there is no video {wanted.path!r} (accuracy.path)")


def _accuracy(task: Task, say: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """By grade and frame size; empty where it cannot be known."""
    wanted, producer = task.accuracy, task.producer
    if wanted.path:
        producer = dataclasses.replace(
            producer, source=SourceKind.FILE, path=str(Path(wanted.path).resolve())
        )
    say("accuracy")
    heights_px = [height for _, height in task.ladders.sizes]
    scores = measure_accuracy(producer, heights_px, wanted.classes, wanted.n_pictures, wanted.truth, say)
    sizes = [f"{width}x{height}" for width, height in task.ladders.sizes]
    return {grade: dict(zip(sizes, f1, strict=True)) for grade, f1 in scores.items()}
