"""Seeded patterns that drive a scenario: load goes up and down, links and other programs come and go."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from pipeline.content import Swing, swung
from pipeline.options import THICKEST_FOG

LOAD, LINKS, TENANTS, TELEMETRY = range(4)  # what a seed's random numbers are for


class LoadShape(StrEnum):
    """How the number of streams changes."""

    DIURNAL = "diurnal"  # a cosine from low to high and back
    NOISY = "noisy"  # held for a while, then drawn anew
    FLAPPING = "flapping"  # low for half of a period, high for the other half


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPattern:
    """The number of concurrent streams over a run.

    Attributes:
        shape: DIURNAL, FLAPPING, or NOISY: uniform in low..high, held for exponentially distributed times.
        low, high: streams, 1 <= low <= high.
        period_s: of one day (DIURNAL), from rise to rise (FLAPPING), mean time between draws (NOISY); > 0.
    """

    shape: LoadShape
    low: int
    high: int
    period_s: float

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.high:
            raise ValueError(f"load: expected 1 <= low <= high, got {self.low} and {self.high}")
        if not 0 < self.period_s < math.inf:
            raise ValueError(f"load: period_s must be a finite number > 0, got {self.period_s}")

    def changes(self, steps: int, interval_s: float, seed: int) -> Iterator[tuple[int, float]]:
        """(step, streams) wherever the number changes, from step 0 on; depends on the arguments alone."""
        rng = np.random.default_rng((seed, LOAD))
        streams, until_s, last = self.low, 0.0, 0
        for step in range(steps):
            now_s = step * interval_s
            if self.shape is LoadShape.DIURNAL:
                streams = self.low + round((self.high - self.low) * swung(0.0, 1.0, self.period_s, now_s))
            if self.shape is LoadShape.FLAPPING:
                streams = self.low if now_s % self.period_s < self.period_s / 2 else self.high
            while self.shape is LoadShape.NOISY and now_s >= until_s:
                streams = int(rng.integers(self.low, self.high + 1))
                until_s += max(float(rng.exponential(self.period_s)), interval_s)
            if streams != last:
                yield step, float(streams)
                last = streams


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPattern:
    """The bandwidth of every worker's link over a run.

    Attributes:
        path: of a trace, rows "seconds Mbit/s", replayed from a point that the seed draws, and repeated;
            "" = a synthetic one: the logarithm of the bandwidth is a mean-reverting random walk.
        low_mbit_s, high_mbit_s: every bandwidth is kept within these, 0 < low <= high.
        period_s: of the synthetic one: how long it remembers its past, > 0.
    """

    path: str = ""
    low_mbit_s: float
    high_mbit_s: float
    period_s: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.low_mbit_s <= self.high_mbit_s < math.inf:
            raise ValueError(
                f"links: expected 0 < low_mbit_s <= high_mbit_s, got {self.low_mbit_s} and {self.high_mbit_s}"
            )
        if not 0 < self.period_s < math.inf:
            raise ValueError(f"links: period_s must be a finite number > 0, got {self.period_s}")

    def changes(self, steps: int, interval_s: float, seed: int) -> Iterator[tuple[int, float]]:
        """(step, Mbit/s) wherever it changes; depends on the arguments, and on the trace's file, alone.

        Raises:
            OSError, ValueError: the trace cannot be read, or is none.
        """
        rng = np.random.default_rng((seed, LINKS))
        values = self._replayed(steps, interval_s, rng) if self.path else self._walk(steps, interval_s, rng)
        last = math.nan
        for step, value in enumerate(np.clip(values, self.low_mbit_s, self.high_mbit_s)):
            if value != last:
                yield step, float(value)
                last = value

    def _walk(self, steps: int, interval_s: float, rng: np.random.Generator) -> np.ndarray:
        """Ornstein-Uhlenbeck in the logarithm, about the middle, reaching the bounds at two deviations."""
        low, high = math.log(self.low_mbit_s), math.log(self.high_mbit_s)
        keep, spread = math.exp(-interval_s / self.period_s), (high - low) / 4
        noise = rng.normal(0.0, spread, steps)
        x = np.empty(steps)
        for step in range(steps):
            x[step] = noise[0] if step == 0 else keep * x[step - 1] + math.sqrt(1 - keep**2) * noise[step]
        return np.exp((low + high) / 2 + x)

    def _replayed(self, steps: int, interval_s: float, rng: np.random.Generator) -> np.ndarray:
        seconds, mbit_s = read_bandwidth(self.path)
        length_s = float(seconds[-1])
        at_s = (rng.uniform(0.0, length_s) + np.arange(steps) * interval_s) % length_s
        return mbit_s[np.searchsorted(seconds, at_s, side="right") - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPattern:
    """Other programs on devices: they come and go, and slow their worker down while they are there.

    Stays and absences are exponentially distributed, each stay has a slowdown of its own, uniform between the
    two bounds, and each device has its own programs.

    Attributes:
        workers: of the hardware, whose devices are shared, at least one.
        low, high: service times are so many times longer, 1 <= low <= high.
        stay_s, absence_s: mean times, > 0.
    """

    workers: tuple[int, ...]
    low: float
    high: float
    stay_s: float
    absence_s: float

    def __post_init__(self) -> None:
        if not self.workers or min(self.workers) < 0:
            raise ValueError(f"tenants: workers must be indices >= 0, at least one, got {list(self.workers)}")
        if not 1 <= self.low <= self.high < math.inf:
            raise ValueError(f"tenants: expected 1 <= low <= high, got {self.low} and {self.high}")
        if not (0 < self.stay_s < math.inf and 0 < self.absence_s < math.inf):
            raise ValueError(
                "tenants: stay_s and absence_s must be finite numbers > 0, got "
                f"{self.stay_s} and {self.absence_s}"
            )

    def changes(self, steps: int, interval_s: float, seed: int) -> Iterator[tuple[int, int, float]]:
        """(step, worker, slowdown) wherever one changes; depends on the arguments alone."""
        for worker in self.workers:
            rng = np.random.default_rng((seed, TENANTS, worker))
            at_s, last = float(rng.exponential(self.absence_s)), 0
            while (step := max(math.ceil(at_s / interval_s), last + 1)) < steps:
                yield step, worker, float(rng.uniform(self.low, self.high))
                at_s += float(rng.exponential(self.stay_s))
                last = max(math.ceil(at_s / interval_s), step + 1)
                if last < steps:
                    yield last, worker, 1.0
                at_s += float(rng.exponential(self.absence_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPattern:
    """Traffic from calm to rush hour and back, along a cosine that begins calm; the seed has no say in it.

    Attributes:
        calm, rush: how dense the traffic is that enters the scene, in [0, 1]; for pictures.
        calm_offset, rush_offset: how far that moves the logit of F1; for what has no pictures.
        period_s: from calm to calm, > 0.
        rush_fog: by how much fog lowers the logit of F1 in the rush hour, in [0, THICKEST_FOG]; there is none
            when it is calm.
    """

    calm: float
    rush: float
    calm_offset: float
    rush_offset: float
    period_s: float
    rush_fog: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.calm <= 1 and 0 <= self.rush <= 1):
            raise ValueError(f"content: calm and rush must be in [0, 1], got {self.calm} and {self.rush}")
        if not 0 <= self.rush_fog <= THICKEST_FOG:
            raise ValueError(f"content: rush_fog must be in [0, {THICKEST_FOG:g}], got {self.rush_fog}")
        if not (math.isfinite(self.calm_offset) and math.isfinite(self.rush_offset)):
            raise ValueError(
                "content: calm_offset and rush_offset must be finite, got "
                f"{self.calm_offset} and {self.rush_offset}"
            )
        if not 0 < self.period_s < math.inf:
            raise ValueError(f"content: period_s must be a finite number > 0, got {self.period_s}")

    @property
    def density(self) -> Swing:
        """Of the traffic that enters."""
        return Swing(self.calm, self.rush, self.period_s)

    @property
    def fog(self) -> Swing | None:
        """Of the pictures; None where there never is any."""
        return Swing(0.0, self.rush_fog, self.period_s) if self.rush_fog else None

    @property
    def offset(self) -> Swing:
        """Of the logit of F1."""
        return Swing(self.calm_offset, self.rush_offset - self.rush_fog, self.period_s)


def read_bandwidth(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """A trace of rows "seconds Mbit/s": times from 0 ascending, and bandwidths, each of shape (n_rows,).

    Raises:
        OSError: the file cannot be read.
        ValueError: a row is not two numbers, or there are fewer than two rows, or time runs backwards.
    """
    with Path(path).open(encoding="utf-8") as lines:
        rows = [line.split() for line in lines if line.strip()]
    try:
        table = np.array([[float(cell) for cell in row] for row in rows])
    except ValueError:
        raise ValueError(f"{path}: every row must be two numbers, seconds and Mbit/s") from None
    if table.ndim != 2 or table.shape[1] != 2 or len(table) < 2:
        raise ValueError(f"{path}: expected two or more rows of seconds and Mbit/s, got shape {table.shape}")
    if (np.diff(table[:, 0]) <= 0).any():
        raise ValueError(f"{path}: seconds must ascend")
    return table[:, 0] - table[0, 0], table[:, 1]
