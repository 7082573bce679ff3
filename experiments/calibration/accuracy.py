"""What detections are worth: with `what=accuracy`, scenes are looked at, and make the stream's profile."""

import logging
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import cv2
import pandas as pd
from rich.console import Console
from rich.table import Table

from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Origin
from experiments.calibration.profile import significant
from experiments.calibration.scenes import COUNTS, look_at, scenes_of
from experiments.config.programs import ScenesSchema
from experiments.program.console import ProgressView, plain_table
from experiments.program.errors import ConfigError
from experiments.worlds.pipeline import PipelinePlan, source_ladders
from pipeline.messages import WorkType
from pipeline.worker.detector import Detector
from pipeline.worker.weights import TASKS, WeightsFinder, ultralytics_download
from pipeline.worker.workloads import quiet_ultralytics

logger = logging.getLogger(__name__)

DIGITS = 3  # of an F1: more than scenes differ


def look(plan: PipelinePlan, wanted: ScenesSchema, console: Console, live: bool | None) -> pd.DataFrame:
    """Look at every scene through every grade that has trained weights; returns all of `scenes.look_at`.

    Raises:
        ConfigError: no grade has trained weights.
        ValueError, SourceError: truth or pictures cannot be had.
    """
    producer, ladders = plan.producer, source_ladders(plan.producer)
    cv2.setNumThreads(1)
    with quiet_ultralytics():  # its folder
        weights = trained_weights(producer.work_type, producer.grades, producer.weights)
        if not weights:
            raise ConfigError("detector.weights: no grade has trained weights: there is nothing to measure")
        scenes = list(scenes_of(producer, ladders.fps[-1], wanted.n, wanted.seconds, wanted.every))
        detectors = {grade: Detector(source, TASKS[producer.work_type]) for grade, source in weights.items()}
        parts = []
        with ProgressView(console, live, "accuracy", len(scenes) * len(detectors), "scenes") as view:
            for scene, (grade, detector) in product(scenes, detectors.items()):
                view.say(f"{scene.name}, grade {grade}")
                parts.append(look_at(scene, grade, detector.detect, ladders.sizes))
                view.done()
    return pd.concat(parts, ignore_index=True)


def trained_weights(work_type: WorkType, grades: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return what to load per grade that has trained weights; a grade that has none is logged.

    Args:
        given: paths by grade; for the others, what Ultralytics offers.
    """
    finder = WeightsFinder(ultralytics_download)
    found = {grade: finder.find(work_type, grade, given.get(grade)) for grade in grades}
    if untrained := [grade for grade, weighting in found.items() if not weighting.is_trained]:
        logger.warning("no accuracy of grade %s: there are no trained weights", ", ".join(untrained))
    return {grade: weighting.source for grade, weighting in found.items() if weighting.is_trained}


def said(looked: pd.DataFrame, classes: Sequence[str]) -> str:
    """Say in a sentence how many scenes, pictures and objects were looked at, and which scenes."""
    counts: Any = looked.groupby(["grade", "height_px", "age"], sort=False)[COUNTS].sum()
    once = counts.iloc[0]  # they are there at every place
    scenes = looked["scene"].unique()
    return (
        f"{len(scenes)} scenes, {once['pictures']} pictures, {once['present']} objects "
        f"({', '.join(classes)}): {', '.join(scenes)}."
    )


def profile_of(
    looked: Any, source_fps: float, scene: str, source: str, before: StreamProfile | None = None
) -> StreamProfile:
    """Pool all scenes: F1 by grade, height and age.

    Args:
        looked: table as of `scenes.look_at`; each scene through each grade, at the same heights.
        source_fps: rate of the source, whose frames ages are counted in.
        scene: what it is of.
        source: what was measured where.
        before: the profile that says how scenes and seconds vary; None = they do not.
    """
    known = looked[looked.groupby("age")["present"].transform("sum") > 0]
    counts = known.groupby(["grade", "height_px", "age"], sort=False)[COUNTS].sum()
    f1 = (2 * counts["matched"] / (counts["found"] + counts["present"])).fillna(0.0)  # 0 of nothing at all
    pooled = f1.round(DIGITS).unstack("age", sort=False)
    grades = {}
    for grade, own in pooled.groupby(level="grade", sort=False):
        by_height = {str(height): values.tolist() for (_, height), values in own.iterrows()}
        grades[grade] = GradeF1(by_height, Origin.MEASURED, source)
    spread = ("scene_sd", "second_sd", "second_correlation") if before is not None else ()
    return StreamProfile(
        ages_s=tuple(significant(age / source_fps) for age in pooled.columns),
        grades=grades,
        scene=scene,
        **{name: getattr(before, name) for name in spread},
    )


def f1_table(profile: StreamProfile) -> Table:
    """Show F1 by grade, height and age."""
    ages = [f"{1e3 * age_s:.0f} ms" for age_s in profile.ages_s]
    table = plain_table(("grade", "px", *ages), title=f"F1 of {profile.scene}, by the age of what is shown")
    for letter, grade in profile.grades.items():
        for height in grade.heights_px:
            table.add_row(letter, str(height), *(f"{f1:.2f}" for f1 in grade.f1[str(height)]))
    return table
