"""Service Level Objectives: bounds on metrics of the catalogue, and how an interval is judged by them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

import msgspec

from pipeline.interval import Interval
from pipeline.metrics import CATALOGUE

RATIO_CAP = 10.0  # ratios are clipped here, so that observations stay finite


class SloState(IntEnum):
    """OK and WARNING fulfil the objective; WARNING is close to the threshold; CRITICAL breaks it."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


class Sense(StrEnum):
    """Whether a threshold bounds its metric from above or from below."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"


def slo_ratio(value: float, bound: float, at_least: bool) -> float:
    """Divide a metric by its bound (> 0), inverted for lower bounds, clipped to [0, RATIO_CAP]; no NaN."""
    numerator, denominator = (bound, value) if at_least else (value, bound)
    if denominator <= 0.0:
        return RATIO_CAP
    return min(max(numerator / denominator, 0.0), RATIO_CAP)


def slo_state(ratio: float, warn_at: float) -> int:
    """`SloState`'s code: OK up to `warn_at`, WARNING up to 1, CRITICAL above."""
    if ratio > 1.0:
        return 2
    return 1 if ratio > warn_at else 0


@dataclass(frozen=True, slots=True)
class Slo:
    """A Service Level Objective on one metric.

    Attributes:
        metric: its name; in a video spec one of `CATALOGUE`.
        threshold: the bound, finite and > 0, in the metric's unit (`queue_size`: seconds of source frames).
        warn_at: WARNING begins at this ratio, in (0, 1].
        sense: upper bound (AT_MOST) or lower bound (AT_LEAST).
        memory: whether the metric carries the past or speaks of the interval alone.
    """

    metric: str
    threshold: float
    warn_at: float = 0.9
    sense: Sense = Sense.AT_MOST
    memory: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.threshold) and self.threshold > 0):
            raise ValueError(f"threshold of {self.metric} must be a finite number > 0, got {self.threshold}")
        if not 0 < self.warn_at <= 1:
            raise ValueError(f"warn_at of {self.metric} must be in (0, 1], got {self.warn_at}")

    def read(self, value: float, scale: float = 1.0) -> "SloReading":
        """Judge one value of the metric, NaN if unknown; `scale` is what one unit of the threshold means."""
        if math.isnan(value):
            return SloReading(ratio=0.0, state=SloState.OK, known=False)
        ratio = slo_ratio(value, self.threshold * scale, self.sense is Sense.AT_LEAST)
        return SloReading(ratio=ratio, state=self.classify(ratio), known=True)

    def classify(self, ratio: float) -> SloState:
        """OK up to `warn_at`, WARNING up to 1, CRITICAL above."""
        return SloState(slo_state(ratio, self.warn_at))


class SloReading(msgspec.Struct, frozen=True):
    """An SLO as one interval left it.

    Attributes:
        ratio: metric / threshold, inverted for lower bounds, in [0, RATIO_CAP]; violated above 1.
        state: OK, WARNING or CRITICAL.
        known: False if nothing was measured; the ratio is then 0 and means nothing.
    """

    ratio: float
    state: SloState
    known: bool


def video_slo(metric: str, threshold: float, warn_at: float = 0.9, sense: Sense = Sense.AT_MOST) -> Slo:
    """An SLO on a metric of the catalogue. Raises ValueError: no such metric, or a threshold out of range."""
    if metric not in CATALOGUE:
        raise ValueError(f"unknown SLO metric {metric!r}; expected one of {', '.join(CATALOGUE)}")
    return Slo(metric, threshold, warn_at, sense, CATALOGUE[metric].memory)


def with_threshold(slos: Sequence[Slo], metric: str, threshold: float) -> tuple[Slo, ...]:
    """Return the same SLOs, the one on this metric with another threshold. Raises ValueError as `Slo`."""
    return tuple(replace(slo, threshold=threshold) if slo.metric == metric else slo for slo in slos)


def read_slos(slos: Sequence[Slo], interval: Interval) -> dict[str, SloReading]:
    """Judge each SLO (on metrics of the catalogue) over one interval, by metric name."""
    readings = {}
    for slo in slos:
        metric = CATALOGUE[slo.metric]
        readings[slo.metric] = slo.read(metric.measure(interval), metric.scale(interval))
    return readings


_SENSES = {"<=": Sense.AT_MOST, ">=": Sense.AT_LEAST}


def parse_slo(text: str) -> Slo:
    """Return an SLO written as METRIC<=THRESHOLD or METRIC>=THRESHOLD, optionally @WARN_AT.

    Raises ValueError: not written so, or no such metric.
    """
    for sign, sense in _SENSES.items():
        metric, found, bound = text.partition(sign)
        if found:
            threshold, _, warn_at = bound.partition("@")
            try:
                return video_slo(metric.strip(), float(threshold), float(warn_at or 0.9), sense)
            except ValueError as error:
                raise ValueError(f"SLO {text!r}: {error}") from None
    raise ValueError(f"an SLO reads METRIC<=THRESHOLD or METRIC>=THRESHOLD, got {text!r}")
