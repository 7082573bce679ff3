"""The stream's three knobs: their ladders of levels, and one chosen setting of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

FPS_LEVELS = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
HEIGHT_LEVELS_PX = (90, 180, 270, 360, 480, 720, 1080)
STRIDE_PX = 32  # of every YOLO11 grade's deepest layer


@dataclass(frozen=True, slots=True)
class Grade:
    """One size of the YOLO11 family at 640 px. Source: Ultralytics docs, YOLO11 performance table.

    Attributes:
        map50_95: COCO val mAP50-95, in percent.
        gflops: billions of floating point operations for one picture.
    """

    map50_95: float
    gflops: float


GRADES = {
    "n": Grade(39.5, 6.5),
    "s": Grade(47.0, 21.5),
    "m": Grade(51.5, 68.0),
    "l": Grade(53.4, 86.9),
    "x": Grade(54.7, 194.9),
}


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """One setting of the knobs.

    Attributes:
        fps: frames/s offered per stream, > 0.
        width, height: size of the offered frames, in px, >= 1.
        grade: index into the ladder of grades, >= 0; the Work-API's work load (0 LOW, 1 MEDIUM, 2 HIGH).
    """

    fps: float
    width: int
    height: int
    grade: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"fps must be a finite number > 0, got {self.fps}")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"width and height must be >= 1 px, got {self.width}x{self.height}")
        if self.grade < 0:
            raise ValueError(f"grade must be an index >= 0, got {self.grade}")


@dataclass(frozen=True, slots=True)
class Ladders:
    """The levels of each knob, ascending in quality; none is empty, one of length 1 is legal.

    Attributes:
        fps: frames/s.
        sizes: (width, height) in px.
        grades: letters of `GRADES`.
    """

    fps: tuple[float, ...]
    sizes: tuple[tuple[int, int], ...]
    grades: tuple[str, ...]

    @property
    def n_levels(self) -> tuple[int, int, int]:
        """Return the number of levels of fps, size and grade."""
        return len(self.fps), len(self.sizes), len(self.grades)

    def settings(self, levels: Sequence[int]) -> StreamSettings:
        """Return the settings at one level index per knob, in the order fps, size, grade.

        Raises ValueError: not three indices, or one outside its ladder.
        """
        if len(levels) != 3:
            raise ValueError(f"expected 3 level indices (fps, size, grade), got {len(levels)}")
        for name, level, n in zip(("fps", "size", "grade"), levels, self.n_levels, strict=True):
            if not 0 <= level < n:
                raise ValueError(f"{name} level must be in 0..{n - 1}, got {level}")
        fps, size, grade = (int(level) for level in levels)
        width, height = self.sizes[size]
        return StreamSettings(self.fps[fps], width, height, grade)


def ladders_for(
    width: int,
    height: int,
    fps: float,
    grades: Sequence[str],
    fps_levels: Sequence[float] | None = None,
    heights_px: Sequence[int] | None = None,
) -> Ladders:
    """Ladders for a source of this size and rate; the source itself is always the highest level.

    Args:
        width, height: the source's size in px.
        fps: the source's rate in frames/s.
        grades: letters of `GRADES`, any order, no repeats.
        fps_levels: levels in frames/s instead of `FPS_LEVELS`; none may exceed the source's.
        heights_px: levels in px instead of `HEIGHT_LEVELS_PX`; none may exceed the source's.

    Raises:
        ValueError: a level above the source's own, an unknown grade, or an empty ladder.
    """
    check_grades(grades)
    rates = _ladder("fps_levels", fps_levels, FPS_LEVELS, fps)
    heights = _ladder("heights_px", heights_px, HEIGHT_LEVELS_PX, height)
    sizes = tuple((width if h == height else _even(width * h / height), int(h)) for h in heights)
    return Ladders(
        fps=tuple(float(rate) for rate in rates),
        sizes=sizes,
        grades=tuple(grade for grade in GRADES if grade in grades),
    )


def check_grades(grades: Sequence[str]) -> None:
    """Raise ValueError unless these are different letters of `GRADES`, at least one."""
    unknown = [grade for grade in grades if grade not in GRADES]
    if unknown or not grades or len(set(grades)) != len(grades):
        raise ValueError(f"grades must be different letters of {', '.join(GRADES)}, got {list(grades)}")


def _ladder(name: str, chosen: Sequence[float] | None, default: Sequence[float], top: float) -> list[float]:
    if chosen is None:
        return [level for level in default if level < top] + [top]
    if not chosen or any(not 0 < level <= top for level in chosen):
        raise ValueError(f"{name} must be in (0, {top:g}], the source's own, got {list(chosen)}")
    return sorted(set(chosen))


def _even(length_px: float) -> int:
    return max(2, 2 * round(length_px / 2))


def inference_size_px(width: int, height: int, stride_px: int = STRIDE_PX) -> tuple[int, int]:
    """(height, width) at which a detector sees a frame: each rounded up to the stride, never letterboxed.

    Inference at the stream's own resolution is what makes the resolution knob change the workers' load.
    """
    return -(-height // stride_px) * stride_px, -(-width // stride_px) * stride_px
