"""What detections are worth, with `what=accuracy`: scenes whose truth is known, looked at by size and age."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice, product
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Origin
from experiments.calibration.profile import significant
from experiments.config.programs import ScenesSchema
from experiments.program.console import ProgressView, plain_table
from experiments.program.errors import ConfigError
from experiments.worlds.pipeline import PipelinePlan, source_ladders
from pipeline.class_names import class_ids
from pipeline.findings import Matches
from pipeline.messages import Truth, WorkType
from pipeline.options import ProducerOptions, SourceKind
from pipeline.producer.scaling import scaled
from pipeline.scoring.matching import Objects, detections_of, tally
from pipeline.scoring.truth import open_truth, read_mot, truth_of
from pipeline.sources.base import frames_at
from pipeline.sources.opening import open_source
from pipeline.worker.detector import Detector
from pipeline.worker.weights import TASKS, WeightsFinder, ultralytics_download
from pipeline.worker.workloads import quiet_ultralytics

logger = logging.getLogger(__name__)

AGES = (0, 1, 2, 3, 5, 10, 20, 30, 60)  # of what is shown, in frames of the source
ABOUT = ["scene", "grade", "height_px", "age"]
COUNTS = ["pictures", "matched", "found", "present"]
DIGITS = 3  # of an F1: more than scenes differ

Detect = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Scene(NamedTuple):
    """Pictures to be looked at.

    Attributes:
        name: for people.
        producer: what plays it.
        truth: by index in the source, of those pictures too that what was found is held against later.
        indices: of the pictures to look at, ascending.
    """

    name: str
    producer: ProducerOptions
    truth: dict[int, Objects]
    indices: Sequence[int]


def scenes_of(
    producer: ProducerOptions, source_fps: float, n: int, length_s: float, every: int
) -> Iterator[Scene]:
    """List the scenes: traffic of n seeds, or the first n stretches of a video of which the truth is known.

    Args:
        producer: names source, truth and classes; its seed is that of the first scene.
        source_fps: of that source.
        n: at most.
        length_s: of traffic.
        every: one of so many pictures is looked at.

    Raises:
        ValueError: nobody knows what is really in the pictures.
    """
    if producer.source is SourceKind.TRAFFIC:
        yield from (_traffic(producer, producer.seed + i, length_s, every) for i in range(n))
        return
    if truth_of(replace(producer, loop=False)) is None:
        raise ValueError("accuracy is measured where the truth is known: video=traffic, or video.truth=FILE")
    truth = read_mot(Path(producer.truth), producer.classes[0])
    for first, last in islice(stretches(truth), n):
        own = {index: truth[index] for index in range(first, last + 1)}
        times_s = f"{first / source_fps:.1f} to {last / source_fps:.1f} s"
        yield Scene(times_s, replace(producer, loop=False), own, range(first, last + 1, every))


def _traffic(producer: ProducerOptions, seed: int, length_s: float, every: int) -> Scene:
    options = replace(producer, seed=seed, length_s=0.0)
    indices = range(0, round(length_s * options.source_fps), every)
    truth = Truth(classes=options.classes, seed=seed)
    look = open_truth(truth, (options.width, options.height), options.source_fps)
    wanted = sorted({index + age for index in indices for age in AGES})
    known = {index: objects for index in wanted if (objects := look(index)) is not None}
    return Scene(f"seed {seed}", options, known, indices)


def stretches(indices: Collection[int]) -> Iterator[tuple[int, int]]:
    """List the first and last of each run of numbers that follow one another."""
    for _, run in groupby(enumerate(sorted(indices)), lambda place: place[1] - place[0]):
        members = [index for _, index in run]
        yield members[0], members[-1]


def look_at(scene: Scene, grade: str, detect: Detect, sizes: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """Look at a scene's pictures in each size, and hold what is found against the truth then and later.

    Args:
        detect: boxes of a frame, as `pipeline.worker.detector.Detector.detect`.
        sizes: (width, height) of the frames, scaled as the producer scales them.

    Returns:
        Columns ABOUT, a row each: height of the frame, of AGES how many frames later it is. And COUNTS:
        pictures, and what was matched, found and present in those of which that is known.

    Raises SourceError: the pictures cannot be had.
    """
    classes, rows = class_ids(scene.producer.classes), []
    source = open_source(scene.producer)
    try:
        for frame in frames_at(source, scene.indices):
            for size in sizes:
                boxes = detect(scaled(frame.image, *size))
                found = detections_of(boxes, size, (source.width, source.height), classes)
                for age in AGES:
                    truth = scene.truth.get(frame.index + age)
                    total = sum(tally(found, truth).values(), Matches()) if truth is not None else Matches()
                    counts = (1, total.matched, total.found, total.present)
                    rows.append((scene.name, grade, size[1], age, *counts))
    finally:
        source.close()
    found: Any = pd.DataFrame(rows, columns=[*ABOUT, *COUNTS])
    return found.groupby(ABOUT, as_index=False, sort=False).sum()


# --- looked at, and the profile of that ---


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
