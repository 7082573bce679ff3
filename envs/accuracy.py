"""What detections of a scene are worth: F1 by grade, size of the frame and age of what is shown.

A profile belongs to a scene, to weights and to classes, and not to the hardware that computes them.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.hardware import Origin
from pipeline.content import PACES
from pipeline.settings import GRADES


@dataclass(frozen=True, slots=True)
class GradeF1:
    """F1 of one grade.

    Attributes:
        f1: by height of the frame in px, per age of the profile, each in [0, 1]; at least one height.
        origin: where it comes from.
        source: what was measured where; not empty.
    """

    f1: Mapping[str, Sequence[float]]
    origin: Origin
    source: str

    def __post_init__(self) -> None:
        if not self.source or not self.f1:
            raise ValueError(f"F1 needs a height and a source, got {sorted(self.f1)}, {self.source!r}")
        for height, values in self.f1.items():
            if not height.isdecimal() or not all(0 <= value <= 1 for value in values):
                raise ValueError(f"F1 in [0, 1] by height in px is expected, got {height!r}: {list(values)}")

    @property
    def heights_px(self) -> list[int]:
        """Of the frames, ascending."""
        return sorted(int(height) for height in self.f1)


@dataclass(frozen=True, slots=True)
class StreamProfile:
    """F1 by grade, height of the frame and age of what is shown, and how much it varies with the content.

    Attributes:
        ages_s: of what is shown, ascending from 0, in s.
        grades: measured, by letter; the others' misses are scaled, see `f1`.
        scene_sd: standard deviation of the logit of F1 from scene to scene, >= 0.
        second_sd: likewise from second to second of a scene, >= 0.
        second_correlation: of a second with the next, in [0, 1).
        scene: what it is of, for people.
        pace: how many times as fast as by itself the procedural traffic drives, so that what is found in it
            ages as it says here; in PACES.
    """

    ages_s: tuple[float, ...]
    grades: Mapping[str, GradeF1]
    scene_sd: float = 0.0
    second_sd: float = 0.0
    second_correlation: float = 0.0
    scene: str = ""
    pace: float = 1.0

    def __post_init__(self) -> None:
        if not self.ages_s or self.ages_s[0] != 0 or list(self.ages_s) != sorted(set(self.ages_s)):
            raise ValueError(f"ages_s must ascend from 0, got {list(self.ages_s)}")
        if not self.grades or set(self.grades) - set(GRADES):
            raise ValueError(f"grades must be some of {', '.join(GRADES)}, got {sorted(self.grades)}")
        for letter, grade in self.grades.items():
            if any(len(values) != len(self.ages_s) for values in grade.f1.values()):
                raise ValueError(f"grade {letter} needs {len(self.ages_s)} values per height, one per age")
        if not PACES[0] <= self.pace <= PACES[1]:
            raise ValueError(f"pace must be in {list(PACES)}, got {self.pace}")
        if min(self.scene_sd, self.second_sd) < 0 or not 0 <= self.second_correlation < 1:
            raise ValueError(
                "scene_sd and second_sd must be >= 0 and second_correlation in [0, 1), got "
                f"{self.scene_sd}, {self.second_sd} and {self.second_correlation}"
            )

    def origin(self, grade: str) -> Origin:
        """Say where a grade's figures come from: SCALED where it has none of its own."""
        return self.grades[grade].origin if grade in self.grades else Origin.SCALED

    def f1(self, grade: str, height_px: float, age_s: float) -> float:
        """Return F1 in [0, 1] at one age, see `f1_by_age`."""
        return float(self.f1_by_age(grade, height_px, np.array([age_s]))[0])

    def f1_by_age(self, grade: str, height_px: float, ages_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return F1 in [0, 1], interpolated between heights and between ages; of the shape of the ages.

        Below the lowest height it falls to 0 at 0 px; above the highest, and beyond the last age, it stays.
        Of a grade that was not measured, what the nearest lower one misses while it is fresh is scaled by
        what both miss of COCO, 1 - F1 x (1 - mAP) / (1 - mAP of that one), and it ages alike.
        """
        if grade in self.grades:
            return self._measured(grade, height_px, ages_s)
        nearest = self._nearest(grade)
        fresh = float(self._measured(nearest, height_px, np.zeros(1))[0])
        if fresh <= 0:
            return np.zeros_like(ages_s)
        misses = (100 - GRADES[grade].map50_95) / (100 - GRADES[nearest].map50_95)
        return max(0.0, 1 - (1 - fresh) * misses) * self._measured(nearest, height_px, ages_s) / fresh

    def table(self, grades: Sequence[str], heights_px: Sequence[int]) -> NDArray[np.float64]:
        """Return F1 by grade, height and age of the profile, shape (n_grades, n_heights, n_ages)."""
        ages_s = np.array(self.ages_s)
        return np.array([[self.f1_by_age(grade, px, ages_s) for px in heights_px] for grade in grades])

    def _nearest(self, grade: str) -> str:
        letters = [letter for letter in GRADES if letter in self.grades]
        lower = [letter for letter in letters if GRADES[letter].map50_95 < GRADES[grade].map50_95]
        return lower[-1] if lower else letters[0]

    def _measured(self, grade: str, height_px: float, ages_s: NDArray[np.float64]) -> NDArray[np.float64]:
        own = self.grades[grade]
        heights = [0, *own.heights_px]
        rows = [np.interp(ages_s, self.ages_s, own.f1[str(height)]) for height in heights[1:]]
        rows.insert(0, np.zeros_like(rows[0]))
        below = bisect_right(heights, height_px) - 1
        if below == len(heights) - 1:
            return rows[-1]
        slope = (rows[below + 1] - rows[below]) / (heights[below + 1] - heights[below])
        return slope * (height_px - heights[below]) + rows[below]
