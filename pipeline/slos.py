"""The SLO catalogue: what is measured over a control interval, and when an objective is broken.

Every world (real pipeline, simulator) fills one `Interval` and asks the same functions.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import msgspec
import numpy as np
from numpy.typing import ArrayLike

HOPS = ("queue", "transfer", "buffer", "service", "return", "reorder")  # of a frame, in order
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


class WorkerInterval(msgspec.Struct, frozen=True, kw_only=True):
    """One live worker over one control interval.

    Attributes:
        name: as the worker registered.
        processed: results of it that the collector received, >= 0.
        busy_s: sum of their service times, >= 0.
        in_hand: tasks leased to it at the interval's end, >= 0.
    """

    name: str
    processed: int
    busy_s: float
    in_hand: int


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """The raw facts of one control interval; counts are frames of all streams.

    Attributes:
        duration_s: > 0, as long as it really was.
        source_fps: the source's own rate, frames/s.
        n_streams: concurrent streams at the interval's end, >= 1.
        offered: frames that the FPS knob let through.
        delivered: frames emitted by the collector in order and in time.
        dropped: frames refused or evicted by the queue policy, by reason.
        lost: frames given up after their last retry.
        late: frames that missed the collector's gap deadline.
        queue_size: tasks waiting at the interval's end.
        held_bytes: bytes in queue and leases at the interval's end.
        baseline_bytes: RSS of the producer at READY.
        budget_bytes: memory that the producer may use, > 0.
        latencies_ms: (p50, p95, p99) from scheduled capture to emission, None if nothing was delivered.
        oldest_undelivered_ms: age of the oldest frame in flight at the interval's end, None if there is none.
        delivered_height_px: mean height of the delivered frames, None if there were none.
        delivered_by_grade: delivered frames per grade index.
        workers: the live workers.
        hops_ms: mean time per hop of the delivered frames: queue, transfer, buffer, service, return, reorder.
    """

    duration_s: float
    source_fps: float
    n_streams: int
    offered: int
    delivered: int
    dropped: dict[str, int]
    lost: int
    late: int
    queue_size: int
    held_bytes: int
    baseline_bytes: int
    budget_bytes: int
    latencies_ms: tuple[float, float, float] | None
    oldest_undelivered_ms: float | None
    delivered_height_px: float | None
    delivered_by_grade: tuple[int, ...]
    workers: tuple[WorkerInterval, ...]
    hops_ms: dict[str, float]

    @property
    def processed(self) -> int:
        """Results received from live workers."""
        return sum(worker.processed for worker in self.workers)

    @property
    def service_s(self) -> float | None:
        """Mean service time over the frames that live workers finished, None if there were none."""
        if not self.processed:
            return None
        return sum(worker.busy_s for worker in self.workers) / self.processed


def percentiles_ms(latencies_ms: ArrayLike) -> tuple[float, float, float] | None:
    """(p50, p95, p99) by linear interpolation (NumPy's default), None for no values."""
    values = np.asarray(latencies_ms, dtype=float)
    if values.size == 0:
        return None
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return float(p50), float(p95), float(p99)


# --- the catalogue: one function per metric; None = unknown, which is not zero ---


def queue_size(interval: Interval) -> float:
    """Tasks waiting at the interval's end, all streams."""
    return float(interval.queue_size)


def memory_usage(interval: Interval) -> float:
    """Producer's RSS at READY plus the bytes it holds in queue and leases, as a share of its budget.

    Not the live RSS, which is a ratchet, nor the host's memory, which no knob moves.
    """
    return (interval.baseline_bytes + interval.held_bytes) / interval.budget_bytes


def _latency(interval: Interval, which: int) -> float | None:
    if interval.latencies_ms is not None:
        return interval.latencies_ms[which]
    return interval.oldest_undelivered_ms


def latency_p50_ms(interval: Interval) -> float | None:
    """Median end-to-end latency; the age of the oldest undelivered frame if nothing was delivered."""
    return _latency(interval, 0)


def latency_p95_ms(interval: Interval) -> float | None:
    """95th percentile of the end-to-end latency, likewise."""
    return _latency(interval, 1)


def latency_p99_ms(interval: Interval) -> float | None:
    """99th percentile of the end-to-end latency, likewise."""
    return _latency(interval, 2)


def drop_rate(interval: Interval) -> float | None:
    """Dropped, lost and late frames per offered frame; may exceed 1 when old frames are dropped."""
    gone = sum(interval.dropped.values()) + interval.lost + interval.late
    if interval.offered:
        return gone / interval.offered
    return 1.0 if gone else None


def load(interval: Interval) -> float | None:
    """Offered frames/s × mean service time ÷ live workers (utilisation law); may exceed 1.

    Infinite when frames are offered to no worker at all.
    """
    if not interval.workers:
        return math.inf if interval.offered else None
    if interval.service_s is None:
        return None
    return interval.offered / interval.duration_s * interval.service_s / len(interval.workers)


def delivered_fps(interval: Interval) -> float:
    """Frames/s emitted in time, per stream."""
    return interval.delivered / interval.duration_s / interval.n_streams


def processing_time_max_worker(interval: Interval) -> float | None:
    """Slowest live worker's mean service time ÷ (live workers ÷ offered frames/s)."""
    means_s = [worker.busy_s / worker.processed for worker in interval.workers if worker.processed]
    if not means_s:
        return None
    return max(means_s) * interval.offered / interval.duration_s / len(interval.workers)


def offered_fps(interval: Interval) -> float:
    """Frames/s offered, all streams."""
    return interval.offered / interval.duration_s


def processed_fps(interval: Interval) -> float:
    """Frames/s finished by live workers, all streams."""
    return interval.processed / interval.duration_s


def service_ms(interval: Interval) -> float | None:
    """Mean service time over live workers' frames."""
    return None if interval.service_s is None else 1e3 * interval.service_s


def utilisation(interval: Interval) -> float | None:
    """Mean share of the interval that a live worker was busy."""
    if not interval.workers:
        return None
    return sum(worker.busy_s for worker in interval.workers) / len(interval.workers) / interval.duration_s


def live_workers(interval: Interval) -> float:
    """Workers that have registered, are ready and have not fallen silent."""
    return float(len(interval.workers))


def _one(interval: Interval) -> float:
    return 1.0


def _frames_per_source_second(interval: Interval) -> float:
    return interval.source_fps * interval.n_streams


@dataclass(frozen=True, slots=True)
class Metric:
    """An entry of the catalogue.

    Attributes:
        measure: Interval -> value, or None if unknown.
        unit: SI or derived, "" for a pure number.
        memory: whether the value carries the past (a queue) or speaks of this interval alone. Drops need a
            full queue, so they carry it too.
        scale: what one unit of an SLO's threshold stands for in this interval.
    """

    measure: Callable[[Interval], float | None]
    unit: str
    memory: bool = False
    scale: Callable[[Interval], float] = _one


CATALOGUE: Mapping[str, Metric] = {
    # thresholds of queue_size are in seconds of the source's frames, of all streams
    "queue_size": Metric(queue_size, "tasks", memory=True, scale=_frames_per_source_second),
    "memory_usage": Metric(memory_usage, "", memory=True),
    "latency_p50_ms": Metric(latency_p50_ms, "ms", memory=True),
    "latency_p95_ms": Metric(latency_p95_ms, "ms", memory=True),
    "latency_p99_ms": Metric(latency_p99_ms, "ms", memory=True),
    "drop_rate": Metric(drop_rate, "", memory=True),
    "load": Metric(load, ""),
    "delivered_fps": Metric(delivered_fps, "1/s"),
    "processing_time_max_worker": Metric(processing_time_max_worker, ""),
    "offered_fps": Metric(offered_fps, "1/s"),
    "processed_fps": Metric(processed_fps, "1/s"),
    "service_ms": Metric(service_ms, "ms"),
    "utilisation": Metric(utilisation, ""),
    "live_workers": Metric(live_workers, ""),
}


def measure(interval: Interval) -> dict[str, float | None]:
    """Every metric of the catalogue, by name; None where it is unknown."""
    return {name: metric.measure(interval) for name, metric in CATALOGUE.items()}


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

    def read(self, value: float | None, scale: float = 1.0) -> "SloReading":
        """Judge one value of the metric; `scale` is what one unit of the threshold stands for, > 0."""
        if value is None or math.isnan(value):
            return SloReading(ratio=0.0, state=SloState.OK, known=False)
        bound = self.threshold * scale
        numerator, denominator = (bound, value) if self.sense is Sense.AT_LEAST else (value, bound)
        ratio = numerator / denominator if denominator > 0 else math.inf
        ratio = min(max(ratio, 0.0), RATIO_CAP)
        return SloReading(ratio=ratio, state=self.classify(ratio), known=True)

    def classify(self, ratio: float) -> SloState:
        """OK up to `warn_at`, WARNING up to 1, CRITICAL above."""
        if ratio > 1:
            return SloState.CRITICAL
        return SloState.WARNING if ratio > self.warn_at else SloState.OK


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


def video_slo(metric: str, threshold: float, warn_at: float = 0.9, sense: Sense | str = Sense.AT_MOST) -> Slo:
    """An SLO on a metric of the catalogue.

    Raises:
        ValueError: no such metric or sense, or a threshold out of range.
    """
    if metric not in CATALOGUE:
        raise ValueError(f"unknown SLO metric {metric!r}; expected one of {', '.join(CATALOGUE)}")
    return Slo(metric, threshold, warn_at, Sense(sense), CATALOGUE[metric].memory)


def read_slos(slos: Sequence[Slo], interval: Interval) -> dict[str, SloReading]:
    """Judge each SLO (on metrics of the catalogue) over one interval, by metric name."""
    readings = {}
    for slo in slos:
        metric = CATALOGUE[slo.metric]
        readings[slo.metric] = slo.read(metric.measure(interval), metric.scale(interval))
    return readings


_SENSES = {"<=": Sense.AT_MOST, ">=": Sense.AT_LEAST}


def parse_slo(text: str) -> Slo:
    """An SLO written as METRIC<=THRESHOLD or METRIC>=THRESHOLD, optionally @WARN_AT.

    Raises:
        ValueError: not written so, or no such metric.
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
