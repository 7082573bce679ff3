"""Service Level Objectives: bounds on metrics of the catalogue, and how an interval is judged by them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

import msgspec

from pipeline.catalogue import WORLDS, metric_of
from pipeline.interval import Interval

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


SENSES = {"<=": Sense.AT_MOST, ">=": Sense.AT_LEAST}


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
        metric: its name; in a video spec as `metric_of` knows it.
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

    @property
    def text(self) -> str:
        """Say it as `parse_slo` reads it."""
        sign = next(sign for sign, sense in SENSES.items() if sense is self.sense)
        return f"{self.metric}{sign}{self.threshold!r}@{self.warn_at!r}"

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
    return Slo(metric, threshold, warn_at, sense, metric_of(metric).memory)


def with_threshold(slos: Sequence[Slo], metric: str, threshold: float) -> tuple[Slo, ...]:
    """Return the same SLOs, the one on this metric with another threshold. Raises ValueError as `Slo`."""
    return tuple(replace(slo, threshold=threshold) if slo.metric == metric else slo for slo in slos)


def check_known(slos: Sequence[Slo], world: str, has_truth: bool) -> None:
    """Raise ValueError if an SLO is on a metric that can never be known.

    Args:
        world: one of `pipeline.catalogue.WORLDS`.
        has_truth: whether it is known what is in the pictures, and detections of it mean something.
    """
    for slo in slos:
        metric = metric_of(slo.metric)
        if world not in metric.worlds:
            known = " and ".join(WORLDS[each] for each in metric.worlds)
            raise ValueError(
                f"{slo.metric} is not known of {WORLDS[world]}, only of {known}: choose another SLO"
            )
        if metric.needs_truth and not has_truth:
            raise ValueError(
                f"{slo.metric} cannot be known, for nobody knows what is there, or what is found of it: "
                "choose another SLO, or a stream with a truth (video=traffic, or video.truth of a file)"
            )


def read_slos(slos: Sequence[Slo], interval: Interval) -> dict[str, SloReading]:
    """Judge each SLO (on metrics of the catalogue) over one interval, by metric name."""
    readings = {}
    for slo in slos:
        metric = metric_of(slo.metric)
        readings[slo.metric] = slo.read(metric.measure(interval), metric.scale(interval))
    return readings


def parse_slo(text: str) -> Slo:
    """Return an SLO written as METRIC<=THRESHOLD or METRIC>=THRESHOLD, optionally @WARN_AT.

    Raises ValueError: not written so, or no such metric.
    """
    for sign, sense in SENSES.items():
        metric, found, bound = text.partition(sign)
        if found:
            threshold, _, warn_at = bound.partition("@")
            try:
                return video_slo(metric.strip(), float(threshold), float(warn_at or 0.9), sense)
            except ValueError as error:
                raise ValueError(f"SLO {text!r}: {error}") from None
    raise ValueError(f"an SLO reads METRIC<=THRESHOLD or METRIC>=THRESHOLD, got {text!r}")
