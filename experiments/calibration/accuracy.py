"""What detections are worth: with `what=accuracy`, scenes are looked at, and make the stream's profile."""

import logging
from collections.abc import Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Origin
from experiments.calibration.fits import significant
from experiments.calibration.profile import source_text, to_yaml
from experiments.calibration.scenes import COUNTS, look_at, scenes_of
from experiments.calibration.session import ACCURACY, Calibration
from experiments.program.console import ProgressView, plain_table
from experiments.program.errors import ConfigError
from experiments.program.files import write_whole
from experiments.program.formatting import counted
from experiments.program.style import COLOURS, drawn_to
from experiments.worlds.pipeline import source_ladders
from pipeline.messages import WorkType
from pipeline.settings import Ladders
from pipeline.worker.detector import Detector
from pipeline.worker.weights import TASKS, WeightsFinder, ultralytics_download
from pipeline.worker.workloads import quiet_ultralytics

logger = logging.getLogger(__name__)

LOOKED, PICTURE = "looked.json", "f1.png"
DIGITS = 3  # of an F1: more than scenes differ
PANEL_IN = 4.0
LEAST_F1, MOST_F1 = 0.1, 0.95  # nearer to 0 and 1 it cannot vary, or its logit is noise
MOST_CORRELATION = 0.95
PLACE = ["grade", "height_px"]


def execute(session: Calibration, directory: Path, console: Console) -> None:
    """Look at every scene through every grade that has trained weights; write profile, figure and counts.

    Raises:
        ConfigError: no grade has trained weights.
        ValueError, SourceError: truth or pictures cannot be had.
    """
    name, producer = session.profile_path.stem, session.plan.producer
    ladders = source_ladders(producer)
    with quiet_ultralytics():  # its folder
        parts = _look(session, ladders, console)
    write_whole(directory / LOOKED, _as_json(parts))
    looked = pd.concat(parts, ignore_index=True)
    profile = profile_of(looked, ladders.fps[-1], name, source_text())
    plot_f1(profile, directory / PICTURE)
    console.print(f1_table(profile))
    title = f"What detections of {name} are worth, as measured."
    text = to_yaml(profile, ACCURACY, title, said(looked, producer.classes))
    session.write_profile(text, directory, console)


def _look(session: Calibration, ladders: Ladders, console: Console) -> list[pd.DataFrame]:
    """Return what is found in each scene through each grade, `scenes.look_at`."""
    config, producer, wanted = session.config, session.plan.producer, session.config.scenes
    cv2.setNumThreads(1)
    weights = trained_weights(producer.work_type, producer.grades, producer.weights)
    if not weights:
        raise ConfigError("detector.weights: no grade has trained weights, so there is nothing to measure")
    scenes = list(scenes_of(producer, ladders.fps[-1], wanted.n, wanted.seconds, wanted.every))
    detectors = {grade: Detector(source, TASKS[producer.work_type]) for grade, source in weights.items()}
    parts = [pd.DataFrame(part) for part in session.take_up(list[dict[str, list[Any]]])]
    if parts:
        console.print(f"taken up again: {counted(len(parts), 'scene')} looked at before")
    there = {(part["scene"].iloc[0], part["grade"].iloc[0]) for part in parts}
    n_scenes = len(scenes) * len(detectors)
    with ProgressView(console, config.live, "accuracy", n_scenes, "scenes") as view:
        for scene, (grade, detector) in product(scenes, detectors.items()):
            view.say(f"{scene.name}, grade {grade}")
            if (scene.name, grade) not in there:
                parts.append(look_at(scene, grade, detector.detect, ladders.sizes))
                session.keep(_as_json(parts))
            view.done()
    return parts


def _as_json(parts: Sequence[pd.DataFrame]) -> bytes:
    return msgspec.json.encode([part.to_dict("list") for part in parts])


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
    counts: Any = looked.groupby([*PLACE, "age"], sort=False)[COUNTS].sum()
    once = counts.iloc[0]  # they are there at every place
    scenes = looked["scene"].unique()
    return (
        f"{len(scenes)} scenes, {once['pictures']} pictures, {once['present']} objects "
        f"({', '.join(classes)}): {', '.join(scenes)}."
    )


# --- the profile ---


def profile_of(looked: Any, source_fps: float, scene: str, source: str) -> StreamProfile:
    """Pool all scenes: F1 by grade, height and age, and how much it varies with what is to be seen.

    Args:
        looked: table as of `scenes.look_at`; each scene through each grade, at the same heights.
        source_fps: rate of the source, whose frames ages are counted in.
        scene: what it is of.
        source: what was measured where.
    """
    known = looked[looked.groupby("age")["present"].transform("sum") > 0]
    pooled = f1_of(known, [*PLACE, "age"]).round(DIGITS).unstack("age", sort=False)
    grades = {}
    for grade, own in pooled.groupby(level="grade", sort=False):
        f1 = {str(height): values.tolist() for (_, height), values in own.iterrows()}
        grades[grade] = GradeF1(f1, Origin.MEASURED, source)
    scene_sd, second_sd, correlation = spread_of(looked)
    return StreamProfile(
        ages_s=tuple(significant(age / source_fps, 4) for age in pooled.columns),
        grades=grades,
        scene_sd=significant(scene_sd, DIGITS),
        second_sd=significant(second_sd, DIGITS),
        second_correlation=significant(correlation, DIGITS),
        scene=scene,
    )


def f1_of(looked: Any, places: list[str]) -> Any:
    """Return F1 at each place, a series; 0 where there was nothing at all."""
    counts = looked.groupby(places, sort=False)[COUNTS].sum()
    return (2 * counts["matched"] / (counts["found"] + counts["present"])).fillna(0.0)


def spread_of(looked: Any) -> tuple[float, float, float]:
    """Return how the logit of F1 varies, averaged over grades and heights: dF1 / (F1 (1 - F1)).

    Returns:
        Standard deviation from scene to scene, beyond what seconds make of it; from second to second within a
        scene; and the correlation of a second with the next.
    """
    fresh = looked[(looked["age"] == 0) & (looked["found"] + looked["present"] > 0)]
    seconds = f1_of(fresh, [*PLACE, "scene", "second"]).groupby(level=[*PLACE, "scene"])
    scenes = seconds.agg(["mean", "size", _variance, _covariance])
    f1 = scenes["mean"].groupby(level=PLACE).transform("mean")
    slope = (f1 * (1 - f1)).where(f1.between(LEAST_F1, MOST_F1))
    variances = scenes["_variance"] / slope**2
    if not (variance := float(variances.mean())) > 0:
        return 0.0, 0.0, 0.0
    correlation = (scenes["_covariance"] / slope**2).mean() / variance
    correlation = float(np.clip(correlation, 0.0, MOST_CORRELATION))
    of_seconds = (variances / scenes["size"]).mean() * (1 + correlation) / (1 - correlation)
    between = np.nan_to_num((scenes["mean"] / slope).groupby(level=PLACE).var().mean())  # NaN of one scene
    return float(max(0.0, between - of_seconds)) ** 0.5, variance**0.5, correlation


def _variance(f1: Any) -> float:
    return float(f1.var(ddof=0))


def _covariance(f1: Any) -> float:
    """Return that of a second with the next."""
    off = f1 - f1.mean()
    return float((off * off.shift()).mean())


def f1_table(profile: StreamProfile) -> Table:
    """Show F1 by grade, height and age."""
    ages = [f"{1e3 * age_s:.0f} ms" for age_s in profile.ages_s]
    table = plain_table(("grade", "px", *ages), title=f"F1 of {profile.scene}, by the age of what is shown")
    for letter, grade in profile.grades.items():
        for height in grade.heights_px:
            table.add_row(letter, str(height), *(f"{f1:.2f}" for f1 in grade.f1[str(height)]))
    return table


def plot_f1(profile: StreamProfile, path: Path) -> None:
    """Write the figure of F1 over age, a line per height and a panel per grade, as PNG."""
    n = len(profile.grades)
    with drawn_to(path, PANEL_IN * 1.4 * n, PANEL_IN) as figure:
        for axes, (letter, grade) in zip(
            figure.subplots(1, n, squeeze=False)[0], profile.grades.items(), strict=True
        ):
            for height, colour in zip(reversed(grade.heights_px), cycle(COLOURS)):
                axes.plot(profile.ages_s, grade.f1[str(height)], "o-", color=colour, label=f"{height} px")
            axes.set(xlabel="age of what is shown, s", ylabel="F1", ylim=(0, 1), title=f"grade {letter}")
            axes.legend(loc="upper right")
        figure.suptitle(profile.scene, x=0.01, ha="left")
