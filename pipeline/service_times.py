"""How long a device takes for one frame: measured tables, and repeatable draws from them.

Emulated workers sleep these times; simulators may read the same file. Imports neither zmq nor torch.
"""

import json
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.settings import GRADES

PIXELS_EXPONENT = (
    0.9  # CPU time ~ side^1.8; used where a table has one point. Source: YOLO11n measured on x86
)
PURPOSE_SERVICE_TIME = 1  # draws for other purposes take other numbers
MOMENT = 16  # successive frames of the source that a neighbour, or a throttle, slows alike: half a second
RAREST = 1e-15  # a probability that is still between 0 and 1

_MASK = (1 << 64) - 1


def mix64(value: int) -> int:
    """Scramble 64 bits: each input bit changes half of the output's. Source: splitmix64 (Steele 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def uniform(seed: int, purpose: int, stream: int, frame_index: int) -> float:
    """Draw a number in (0, 1) that depends on these four integers alone, whoever asks."""
    key = 0
    for part in (seed, purpose, stream, frame_index):
        key = mix64(key ^ (part & _MASK))
    return ((key >> 11) + 0.5) * 2.0**-53


# coefficients of `normal_quantile`, highest power first; zeros make each pair as long as the other
_TOP = (-3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02, 1.383577518672690e02,
        -3.066479806614716e01, 2.506628277459239e00)  # fmt: skip
_TAIL_TOP = (-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00, -2.549732539343734e00,
             4.374664141464968e00, 2.938163982698783e00)  # fmt: skip
_BOTTOM = (-5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02, 6.680131188771972e01,
           -1.328068155288572e01, 1.0)  # fmt: skip
_TAIL_BOTTOM = (0.0, 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00,
                3.754408661907416e00, 1.0)  # fmt: skip

# --- the arithmetic of a draw, plain so that the simulator can compile it ---


def normal_quantile(p: float) -> float:
    """Standard normal quantile of p in (0, 1), within 1e-8.

    Source: P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function".
    """
    in_tail = p < 0.02425 or p > 0.97575
    q = math.sqrt(-2.0 * math.log(min(p, 1.0 - p))) if in_tail else p - 0.5
    x = q if in_tail else q * q
    top, bottom = 0.0, 0.0
    for coefficient in _TAIL_TOP if in_tail else _TOP:
        top = top * x + coefficient
    for coefficient in _TAIL_BOTTOM if in_tail else _BOTTOM:
        bottom = bottom * x + coefficient
    if not in_tail:
        return top * q / bottom
    return top / bottom if p < 0.5 else -top / bottom


def lognormal_factor(z: float, sigma: float) -> float:
    """Log-normal factor of mean 1, z standard deviations off; sigma is that of its logarithm."""
    return math.exp(sigma * z - sigma * sigma / 2.0)


def together(p: float, shared: float, correlation: float) -> float:
    """Return a number in (0, 1) as likely as p, which the shared one moves along.

    Of many p, normal scores of the same shared one are correlated so: a Gaussian copula with one factor.
    Source: Li, On default correlation: a copula function approach, Journal of Fixed Income 9 (2000).
    """
    own, common = normal_quantile(p), normal_quantile(shared)
    z = math.sqrt(1.0 - correlation) * own + math.sqrt(correlation) * common
    return min(max(0.5 * math.erfc(-z / math.sqrt(2.0)), RAREST), 1.0 - RAREST)


def shape_factor(p: float, shape: Sequence[float], n: int) -> float:
    """Quantile of p in (0, 1), linear between the first n of `shape`: those at 0, 1/(n-1), ..., 1."""
    place = p * (n - 1)
    left = min(int(place), n - 2)
    return shape[left] + (shape[left + 1] - shape[left]) * (place - left)


def occupied_ns(ms: float, slowdown: float, capacity: float) -> int:
    """How long a device is occupied by a frame of `ms` at full speed: slowdown >= 1, capacity in (0, 1]."""
    return int(ms * 1e6 * slowdown / capacity + 0.5)


@dataclass(frozen=True, slots=True)
class ServiceTimes:
    """Mean service times of one device per grade and frame size, and their spread.

    Attributes:
        tables: per grade letter, points (width, height, ms), ascending in width x height px, at least one.
        sigma: standard deviation of the logarithm of a service time, >= 0; 0 = always the mean.
        shapes: per grade letter and point of its table, quantiles as multiples of the mean at equally spaced
            probabilities from 0 to 1; empty where nothing but the mean is known: the times are log-normal.
        correlation: of the times of one stream's frames of the same MOMENT, as normal scores, in [0, 1).
    """

    tables: Mapping[str, tuple[tuple[int, int, float], ...]]
    sigma: float = 0.0
    shapes: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    correlation: float = 0.0
    _logs: dict[str, tuple[list[float], list[float]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise ValueError(f"sigma must be a finite number >= 0, got {self.sigma}")
        if not 0 <= self.correlation < 1:
            raise ValueError(f"correlation must be in [0, 1), got {self.correlation}")
        if not self.tables:
            raise ValueError("tables must have at least one grade, got none")
        for grade, points in self.tables.items():
            _check_points(grade, points)
            _check_shapes(grade, points, self.shapes.get(grade, ()))
        logs = {
            grade: ([math.log(w * h) for w, h, _ in points], [math.log(ms) for _, _, ms in points])
            for grade, points in self.tables.items()
        }
        object.__setattr__(self, "_logs", logs)

    def mean_ms(self, grade: str, width: int, height: int) -> float:
        """Mean service time in ms of one frame of width x height px.

        Between two points, and beyond the last one, time is a power of the number of pixels.

        Raises ValueError: a grade that has no table, or a size below 1 px.
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

    def shape(self, grade: str, width: int, height: int) -> tuple[float, ...]:
        """Quantiles at the measured size nearest in the logarithm of pixels; empty if none was measured."""
        shapes, (xs, _) = self.shapes.get(grade, ()), self._logs[grade]
        x = math.log(width * height)
        measured = [(abs(x - xs[i]), shape) for i, shape in enumerate(shapes) if shape]
        return min(measured)[1] if measured else ()

    def draw_ms(self, grade: str, width: int, height: int, seed: int, stream: int, frame_index: int) -> float:
        """Service time in ms of this very frame, keyed by the last three. Raises ValueError: as `mean_ms`."""
        mean_ms = self.mean_ms(grade, width, height)
        p = uniform(seed, PURPOSE_SERVICE_TIME, stream, frame_index)
        if self.correlation:
            shared = uniform(seed, PURPOSE_SERVICE_TIME, stream, ~(frame_index // MOMENT))  # no frame's index
            p = together(p, shared, self.correlation)
        shape = self.shape(grade, width, height)
        if shape:
            return mean_ms * shape_factor(p, shape, len(shape))
        return mean_ms * lognormal_factor(normal_quantile(p), self.sigma) if self.sigma else mean_ms

    def save(self, path: str | Path) -> None:
        """Write as the JSON that `load` reads."""
        grades = {grade: {f"{w}x{h}": ms for w, h, ms in points} for grade, points in self.tables.items()}
        shapes = {grade: self._shapes_by_size(grade) for grade in self.shapes}
        data = {"sigma": self.sigma, "grades": grades, "shapes": shapes, "correlation": self.correlation}
        Path(path).write_text(json.dumps(data, indent=2) + "\n")

    def _shapes_by_size(self, grade: str) -> dict[str, tuple[float, ...]]:
        pairs = zip(self.tables[grade], self.shapes[grade], strict=True)
        return {f"{w}x{h}": shape for (w, h, _), shape in pairs if shape}

    @classmethod
    def load(cls, path: str | Path) -> "ServiceTimes":
        """Read `{"sigma": 0.1, "grades": {"n": {"640x360": 12.5, ...}, ...}}`: ms per width x height in px.

        "shapes", of the same form, may have quantiles as multiples of the mean for some of the sizes;
        "correlation" may be left out, too.

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


def _check_shapes(grade: str, points: Sequence[Any], shapes: Sequence[Sequence[float]]) -> None:
    if shapes and len(shapes) != len(points):
        raise ValueError(f"grade {grade}: expected a shape per size, {len(points)}, got {len(shapes)}")
    for shape in filter(None, shapes):
        numbers = all(_is_number(factor) and 0 < factor < math.inf for factor in shape)
        if not numbers or len(shape) < 2 or list(shape) != sorted(shape):
            raise ValueError(f"grade {grade}: quantiles must be two or more, > 0, ascending, got {shape}")


def _from_json(data: Any) -> ServiceTimes:
    if not isinstance(data, dict) or not isinstance(data.get("grades"), dict):
        raise ValueError('expected an object with "grades" and "sigma"')
    unknown = set(data) - {"grades", "sigma", "shapes", "correlation"}
    if unknown:
        known = '"grades", "sigma", "shapes" and "correlation"'
        raise ValueError(f"expected the keys {known}, got also {', '.join(sorted(unknown))}")
    sigma, correlation = data.get("sigma", 0.0), data.get("correlation", 0.0)
    for name, value in (("sigma", sigma), ("correlation", correlation)):
        if not _is_number(value):
            raise ValueError(f"{name} must be a number, got {value!r}")
    tables = {}
    for grade, table in data["grades"].items():
        if not isinstance(table, dict):
            raise ValueError(f"grades.{grade} must map WIDTHxHEIGHT to ms, got {table!r}")
        points = [_point(f"grades.{grade}.{size}", size, ms) for size, ms in table.items()]
        tables[grade] = tuple(sorted(points, key=lambda point: point[0] * point[1]))
    return ServiceTimes(tables, float(sigma), _shapes(tables, data.get("shapes", {})), float(correlation))


def _shapes(tables: Mapping[str, Any], data: Any) -> dict[str, tuple[tuple[float, ...], ...]]:
    """Per grade and point; raises ValueError."""
    shapes = {}
    for grade, by_size in data.items() if isinstance(data, dict) else [("", None)]:
        sizes = [f"{w}x{h}" for w, h, _ in tables.get(grade, ())]
        if not isinstance(by_size, dict) or set(by_size) - set(sizes):
            raise ValueError(f"shapes.{grade} must map sizes of grades.{grade} to quantiles, got {by_size!r}")
        shapes[grade] = tuple(tuple(by_size.get(size, ())) for size in sizes)
    return shapes


def _point(place: str, size: str, ms: Any) -> tuple[int, int, float]:
    width, _, height = size.partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise ValueError(f"{place}: a size is WIDTHxHEIGHT in px, got {size!r}")
    if not _is_number(ms):
        raise ValueError(f"{place}: expected a time in ms, got {ms!r}")
    return int(width), int(height), float(ms)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
