"""One calibration from beginning to end: what is missing is measured, part after part."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from experiments.calibration.accuracy import measure_accuracy
from experiments.calibration.measured import Measured
from experiments.calibration.measuring import (
    grid,
    measure_point,
    measure_saturated,
    measure_start_up,
    read_memory,
)
from experiments.calibration.rig import Rig
from experiments.calibration.schema import CalibrateConfig
from experiments.worlds.pipeline import PipelinePlan
from pipeline.messages import LoadingMode
from pipeline.settings import Ladders

logger = logging.getLogger(__name__)


def n_parts(config: CalibrateConfig, ladders: Ladders) -> int:
    """Count the parts that a complete calibration has."""
    return len(grid(ladders)) + 1 + config.grid.start_up + config.accuracy.enabled


def calibrate(
    config: CalibrateConfig,
    plan: PipelinePlan,
    ladders: Ladders,
    measured: Measured,
    directory: Path,
    say: Callable[[str], None],
) -> Iterator[Measured]:
    """Measure what is missing, and yield all that is there after each part.

    Args:
        config: what is measured for how long.
        plan: of the pipeline that is measured.
        ladders: of its stream.
        measured: what is there.
        directory: for the programs' logs and the record of frames.
        say: told what is being done.

    Raises:
        ClusterError, ControlError, MeasuringError: the pipeline broke, or did not do what was to be measured.
        OSError, ValueError, SourceError: accuracy's video or truth cannot be read.
    """
    missing = {name: levels for name, levels in grid(ladders).items() if name not in measured.cells}
    if missing or measured.saturated is None:
        say("workers load their models")
        with Rig(plan.producer, ladders, plan.hardware, directory / "grid", config.seed) as rig:
            rig.wait_ready(say)
            measured = replace(measured, memory=read_memory(rig))
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
    if config.accuracy.enabled and measured.accuracy is None:
        say("accuracy")
        heights_px = [height for _, height in ladders.sizes]
        scores = measure_accuracy(plan.producer, heights_px, config.accuracy, say)
        sizes = [f"{width}x{height}" for width, height in ladders.sizes]
        accuracy = {grade: dict(zip(sizes, f1, strict=True)) for grade, f1 in scores.items()}
        yield replace(measured, accuracy=accuracy)
