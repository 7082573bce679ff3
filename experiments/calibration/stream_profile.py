"""From what was looked at to a stream's profile, its file and its picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Origin
from experiments.calibration.fits import significant
from experiments.calibration.scenes import AGES, Looked
from experiments.program.console import plain_table
from experiments.program.style import COLOURS, drawn_to

DIGITS = 3  # of an F1: more than scenes differ
PANEL_IN = 4.0
LEAST_F1, MOST_F1 = 0.1, 0.95  # nearer to 0 and 1 it cannot vary, or its logit is noise
MOST_CORRELATION = 0.95


def profile_of(looked: Sequence[Looked], source_fps: float, scene: str, source: str) -> StreamProfile:
    """Pool all scenes: F1 by grade, height and age, and how much it varies with what is to be seen.

    Args:
        looked: each scene through each grade, at the same heights.
        source_fps: rate of the source, whose frames ages are counted in.
        scene: what it is of.
        source: what was measured where.
    """
    known = np.any([one.array[..., 2].any(axis=(0, 1)) for one in looked], axis=0)  # which ages
    grades = {}
    for grade in dict.fromkeys(one.grade for one in looked):
        own = [one for one in looked if one.grade == grade]
        pooled = f1_of(np.sum([one.array.sum(axis=1) for one in own], axis=0))[:, known]
        f1 = {
            str(height): [round(value, DIGITS) for value in values]
            for height, values in zip(own[0].heights_px, pooled.tolist(), strict=True)
        }
        grades[grade] = GradeF1(f1, Origin.MEASURED, source)
    scene_sd, second_sd, correlation = spread_of(looked)
    return StreamProfile(
        ages_s=tuple(significant(age / source_fps, 4) for age in np.array(AGES)[known].tolist()),
        grades=grades,
        scene_sd=significant(scene_sd, DIGITS),
        second_sd=significant(second_sd, DIGITS),
        second_correlation=significant(correlation, DIGITS),
        scene=scene,
    )


def f1_of(counts: NDArray) -> NDArray[np.float64]:
    """Return F1 of counts (..., 3) matched, found and present; 0 where there was nothing at all."""
    total = counts[..., 1] + counts[..., 2]
    return np.divide(2 * counts[..., 0], total, out=np.zeros(total.shape), where=total > 0)


def spread_of(looked: Sequence[Looked]) -> tuple[float, float, float]:
    """Return how the logit of F1 varies, averaged over grades and heights: dF1 / (F1 (1 - F1)).

    Returns:
        Standard deviation from scene to scene, beyond what seconds make of it; from second to second within a
        scene; and the correlation of a second with the next.
    """
    within, following, between, noise = [], [], [], []
    groups: dict[tuple[str, int], list[NDArray]] = {}
    for one in looked:
        for height, counts in zip(one.heights_px, one.array, strict=True):
            groups.setdefault((one.grade, height), []).append(_by_second(one.seconds, counts[:, 0]))
    for scenes in groups.values():
        f1 = np.mean([values.mean() for values in scenes])
        if not LEAST_F1 <= f1 <= MOST_F1:
            continue
        slope = f1 * (1 - f1)
        for values in scenes:
            off = (values - values.mean()) / slope
            within.append(np.mean(off**2))
            following.append(np.mean(off[1:] * off[:-1]))
        between.append(np.var([values.mean() / slope for values in scenes], ddof=1) if scenes[1:] else 0.0)
        noise.append(np.mean([np.var(values / slope) / len(values) for values in scenes]))
    if not within or not (variance := float(np.mean(within))):
        return 0.0, 0.0, 0.0
    correlation = float(np.clip(np.mean(following) / variance, 0.0, MOST_CORRELATION))
    of_mean = float(np.mean(noise)) * (1 + correlation) / (1 - correlation)
    return max(0.0, float(np.mean(between)) - of_mean) ** 0.5, variance**0.5, correlation


def _by_second(seconds: Sequence[int], fresh: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return F1 of fresh results, counts (pictures, 3), in each second in which there was anything."""
    of = np.asarray(seconds)
    counts = np.array([fresh[of == second].sum(axis=0) for second in np.unique(of)])
    return f1_of(counts[counts[:, 1:].sum(axis=1) > 0])


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
            for i, height in enumerate(reversed(grade.heights_px)):
                colour = COLOURS[i % len(COLOURS)]
                axes.plot(profile.ages_s, grade.f1[str(height)], "o-", color=colour, label=f"{height} px")
            axes.set(xlabel="age of what is shown, s", ylabel="F1", ylim=(0, 1), title=f"grade {letter}")
            axes.legend(loc="upper right")
        figure.suptitle(profile.scene, x=0.01, ha="left")


def facts_of(looked: Sequence[Looked]) -> Mapping[str, int]:
    """Count scenes, pictures and objects that were looked at."""
    first = [one for one in looked if one.grade == looked[0].grade]
    return {
        "scenes": len(first),
        "pictures": sum(len(one.seconds) for one in first),
        "objects": sum(int(one.array[0, :, 0, 2].sum()) for one in first),
    }
