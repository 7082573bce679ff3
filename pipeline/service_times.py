"""How long a device takes for one frame: measured tables, and repeatable draws from them.

Emulated workers sleep these times; simulators may read the same file. Imports neither zmq nor torch.
"""

import json
import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Any

from pipeline.settings import GRADES

PIXELS_EXPONENT = (
    0.9  # CPU time ~ side^1.8; used where a table has one point. Source: YOLO11n measured on x86
)
PURPOSE_SERVICE_TIME = 1  # draws for other purposes take other numbers

_MASK = (1 << 64) - 1
_NORMAL = NormalDist()


def mix64(value: int) -> int:
    """Scramble 64 bits: each input bit changes half of the output's. Source: splitmix64 (Steele 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def uniform(seed: int, purpose: int, stream: int, frame_index: int) -> float:
    """A number in (0, 1) that depends on these four integers alone: whoever asks meets the same luck."""
    key = 0
    for part in (seed, purpose, stream, frame_index):
        key = mix64(key ^ (part & _MASK))
    return ((key >> 11) + 0.5) * 2.0**-53


@dataclass(frozen=True, slots=True)
class ServiceTimes:
    """Mean service times of one device per grade and frame size, and their spread.

    Attributes:
        tables: per grade letter, points (width, height, ms), ascending in width x height px, at least one.
        sigma: standard deviation of the logarithm of a service time, >= 0; 0 = always the mean.
    """

    tables: Mapping[str, tuple[tuple[int, int, float], ...]]
    sigma: float = 0.0
    _logs: dict[str, tuple[list[float], list[float]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise ValueError(f"sigma must be a finite number >= 0, got {self.sigma}")
        if not self.tables:
            raise ValueError("tables must have at least one grade, got none")
        for grade, points in self.tables.items():
            _check_points(grade, points)
        logs = {
            grade: ([math.log(w * h) for w, h, _ in points], [math.log(ms) for _, _, ms in points])
            for grade, points in self.tables.items()
        }
        object.__setattr__(self, "_logs", logs)

    def mean_ms(self, grade: str, width: int, height: int) -> float:
        """Mean service time in ms of one frame of width x height px.

        Between two points, and beyond the last one, time is a power of the number of pixels.

        Raises:
            ValueError: a grade that has no table, or a size below 1 px.
        """
        if grade not in self._logs:
            raise ValueError(f"grade must be one of {', '.join(self._logs)}, got {grade!r}")
        if width < 1 or height < 1:
            raise ValueError(f"width and height must be >= 1 px, got {width}x{height}")
        xs, ys = self._logs[grade]
        x = math.log(width * height)
        if len(xs) == 1:
            return math.exp(ys[0] + PIXELS_EXPONENT * (x - xs[0]))
        right = min(max(bisect_left(xs, x), 1), len(xs) - 1)
        slope = (ys[right] - ys[right - 1]) / (xs[right] - xs[right - 1])
        return math.exp(ys[right - 1] + slope * (x - xs[right - 1]))

    def draw_ms(self, grade: str, width: int, height: int, seed: int, stream: int, frame_index: int) -> float:
        """Service time in ms of this very frame: log-normal about the mean, keyed by the last three.

        Raises:
            ValueError: as `mean_ms`.
        """
        mean_ms = self.mean_ms(grade, width, height)
        if self.sigma == 0:
            return mean_ms
        z = _NORMAL.inv_cdf(uniform(seed, PURPOSE_SERVICE_TIME, stream, frame_index))
        return mean_ms * math.exp(self.sigma * z - self.sigma**2 / 2)

    def save(self, path: str | Path) -> None:
        """Write as the JSON that `load` reads."""
        grades = {grade: {f"{w}x{h}": ms for w, h, ms in points} for grade, points in self.tables.items()}
        Path(path).write_text(json.dumps({"sigma": self.sigma, "grades": grades}, indent=2) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "ServiceTimes":
        """Read `{"sigma": 0.1, "grades": {"n": {"640x360": 12.5, ...}, ...}}`: ms per width x height in px.

        Raises:
            OSError: the file cannot be read.
            ValueError: it says something else; the text names the file and the place.
        """
        try:
            return _from_json(json.loads(Path(path).read_text()))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def _check_points(grade: str, points: tuple[tuple[int, int, float], ...]) -> None:
    if grade not in GRADES:
        raise ValueError(f"a grade must be one of {', '.join(GRADES)}, got {grade!r}")
    if not points:
        raise ValueError(f"grade {grade} must have at least one size, got none")
    for width, height, ms in points:
        if width < 1 or height < 1:
            raise ValueError(f"grade {grade}: a size must be >= 1x1 px, got {width}x{height}")
        if not (math.isfinite(ms) and ms > 0):
            raise ValueError(f"grade {grade}, {width}x{height}: expected a finite time > 0 ms, got {ms}")
    pixels = [width * height for width, height, _ in points]
    if any(a >= b for a, b in pairwise(pixels)):
        raise ValueError(f"grade {grade}: sizes must ascend in pixels, none twice, got {pixels}")


def _from_json(data: Any) -> ServiceTimes:
    if not isinstance(data, dict) or not isinstance(data.get("grades"), dict):
        raise ValueError('expected an object with "grades" and "sigma"')
    unknown = set(data) - {"grades", "sigma"}
    if unknown:
        raise ValueError(f'expected the keys "grades" and "sigma", got also {", ".join(sorted(unknown))}')
    sigma = data.get("sigma", 0.0)
    if not _is_number(sigma):
        raise ValueError(f"sigma must be a number, got {sigma!r}")
    tables = {}
    for grade, table in data["grades"].items():
        if not isinstance(table, dict):
            raise ValueError(f"grades.{grade} must map WIDTHxHEIGHT to ms, got {table!r}")
        points = [_point(f"grades.{grade}.{size}", size, ms) for size, ms in table.items()]
        tables[grade] = tuple(sorted(points, key=lambda point: point[0] * point[1]))
    return ServiceTimes(tables, float(sigma))


def _point(place: str, size: str, ms: Any) -> tuple[int, int, float]:
    width, _, height = size.partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise ValueError(f"{place}: a size is WIDTHxHEIGHT in px, got {size!r}")
    if not _is_number(ms):
        raise ValueError(f"{place}: expected a time in ms, got {ms!r}")
    return int(width), int(height), float(ms)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
