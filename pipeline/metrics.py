"""The catalogue of metrics, each a function of an interval's raw facts; NaN = unknown, which is not zero.

These are plain arithmetic on attributes that are numbers, so that the simulator compiles the very same
functions, and those of this module that they call, for its own record of facts, which has the attributes they
use: one formula, two doors.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pipeline.interval import Interval


class Matched(Protocol):
    """Counts of objects matched, of detections, and of objects there were."""

    @property
    def matched(self) -> float: ...

    @property
    def found(self) -> float: ...

    @property
    def present(self) -> float: ...


def queue_size(facts: Interval) -> float:
    """Tasks waiting at the interval's end, all streams."""
    return float(facts.queue_size)


def memory_usage(facts: Interval) -> float:
    """Bytes of the frames that the producer holds in queue and leases, as a share of its budget for them.

    Not the live RSS, which is a ratchet and has a part that no knob moves, nor the host's memory.
    """
    return facts.held_bytes / facts.budget_bytes


def latency_p50_ms(facts: Interval) -> float:
    """Median end-to-end latency; the age of the oldest undelivered frame if nothing was delivered."""
    return facts.latency_p50_ms


def latency_p95_ms(facts: Interval) -> float:
    """95th percentile of the end-to-end latency, likewise."""
    return facts.latency_p95_ms


def latency_p99_ms(facts: Interval) -> float:
    """99th percentile of the end-to-end latency, likewise."""
    return facts.latency_p99_ms


def drop_rate(facts: Interval) -> float:
    """Dropped, lost and late frames per frame asked for; may exceed 1 when old frames are dropped."""
    if facts.asked_for > 0:
        return facts.gone / facts.asked_for
    return 1.0 if facts.gone > 0 else math.nan


def load_capture(facts: Interval) -> float:
    """Share of the time that the capturing thread was busy: reading, decoding, skipping, scaling."""
    return facts.capture_s / facts.duration_s


def load_link(facts: Interval) -> float:
    """Frames/s asked for ÷ those that the workers' links can carry; may exceed 1.

    A link carries a frame in the time that one occupied its busier direction (`WorkerInterval.down_s`);
    unknown while no result has come that tells of it.
    """
    return facts.asked_for / facts.duration_s / facts.link_fps


def load_compute(facts: Interval) -> float:
    """Frames/s asked for ÷ those that live workers can compute, each at its own pace; may exceed 1.

    A worker's pace is the mean of the tasks that it finished in the interval; a task that has already run
    longer than that counts with what it has run so far, which is how a hang or saturation shows before it
    ends; one that finished nothing keeps its recent pace. If nobody finished anything, tasks in progress are
    the sample, a lower bound: known where it shows saturation, >= 1, for a lower one would read as spare.
    Unknown if there is none either. Infinite when frames are offered to no worker.
    """
    if facts.n_workers == 0:
        return math.inf if facts.asked_for > 0 else math.nan
    bound = facts.asked_for / facts.duration_s / facts.compute_fps
    return bound if facts.processed > 0 or bound >= 1 else math.nan


def load(facts: Interval) -> float:
    """That of the bottleneck: the largest of `load_capture`, `load_link` and `load_compute`.

    While the last is unknown, the others are a lower bound, and known where they show saturation, >= 1.
    """
    compute = load_compute(facts)
    highest = load_capture(facts)
    for stage in (load_link(facts), compute):
        if stage > highest:  # not where it is unknown
            highest = stage
    return math.nan if math.isnan(compute) and highest < 1 else highest


def delivered_fps(facts: Interval) -> float:
    """Frames/s emitted in time, per stream."""
    return facts.delivered / facts.duration_s / facts.n_streams


def processing_time_max_worker(facts: Interval) -> float:
    """Slowest live worker's service time ÷ (live workers ÷ offered frames/s).

    Its service time is the mean of what it finished in the interval, or what its task in progress has taken
    so far if that is longer; where none was finished that is a lower bound, known as for `load`.
    """
    if facts.n_workers == 0:
        return math.nan
    bound = facts.slowest_service_s * facts.asked_for / facts.duration_s / facts.n_workers
    return bound if facts.processed > 0 or bound >= 1 else math.nan


def offered_fps(facts: Interval) -> float:
    """Frames/s offered, all streams."""
    return facts.offered / facts.duration_s


def processed_fps(facts: Interval) -> float:
    """Frames/s finished by live workers, all streams."""
    return facts.processed / facts.duration_s


def service_ms(facts: Interval) -> float:
    """Mean service time over the frames that live workers finished."""
    return 1e3 * (facts.service_s / facts.processed) if facts.processed > 0 else math.nan


def utilisation(facts: Interval) -> float:
    """Mean share of the interval that a live worker was busy, as far as heartbeats and results tell."""
    return facts.busy_s / facts.n_workers / facts.duration_s if facts.n_workers > 0 else math.nan


def live_workers(facts: Interval) -> float:
    """Workers that have registered, are ready and have not fallen silent."""
    return float(facts.n_workers)


def time_to_adapt_ms(facts: Interval) -> float:
    """From the setting of knobs to the first emitted frame processed under it; while none is, until now."""
    return facts.adapting_ms


def power_w(facts: Interval) -> float:
    """Mean power of the live workers over the interval."""
    return facts.power_w


def streaming_f1(facts: Matched) -> float:
    """F1 of what is shown: each source frame's truth against the newest result that was emitted by then.

    2 matched / (found + present) over all source frames, also those that nobody processed; unknown where
    nothing was there and nothing was found. Source: Li, Wang and Ramanan, Towards Streaming Perception, 2020.
    """
    total = facts.found + facts.present
    return 2 * facts.matched / total if total > 0 else math.nan


# Those of the published predecessor: its queue bound is in frames of the knob's own rate, its memory the
# host's, its times the last RECENT_TASKS tasks' whatever interval they fell in.


def queue_s(facts: Interval) -> float:
    """Tasks waiting, in seconds of one stream's frames at the knob's present rate."""
    return facts.queue_size / facts.fps


def host_memory(facts: Interval) -> float:
    """Share of the host's memory in use: at READY, and what is held in queue and leases."""
    return (facts.host_used_bytes + facts.held_bytes) / facts.host_bytes


def task_time_share(facts: Interval) -> float:
    """Mean of the last RECENT_TASKS service times ÷ the time between two frames of one stream."""
    return facts.recent_service_s * facts.fps


def task_time_share_max_worker(facts: Interval) -> float:
    """Slowest live worker's mean of its own last RECENT_TASKS service times ÷ the time between two frames."""
    return facts.slowest_recent_service_s * facts.fps


def _one(facts: Interval) -> float:
    return 1.0


def _frames_per_source_second(facts: Interval) -> float:
    return facts.source_fps * facts.n_streams


@dataclass(frozen=True, slots=True)
class Metric:
    """An entry of the catalogue.

    Attributes:
        measure: facts -> value, NaN if unknown.
        unit: SI or derived, "" for a pure number.
        memory: whether the value carries the past (a queue) or speaks of this interval alone. Drops need a
            full queue, so they carry it too.
        scale: what one unit of an SLO's threshold stands for in this interval.
    """

    measure: Callable[[Interval], float]
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
    "load_capture": Metric(load_capture, ""),
    "load_link": Metric(load_link, ""),
    "load_compute": Metric(load_compute, ""),
    "delivered_fps": Metric(delivered_fps, "1/s"),
    "processing_time_max_worker": Metric(processing_time_max_worker, ""),
    "offered_fps": Metric(offered_fps, "1/s"),
    "processed_fps": Metric(processed_fps, "1/s"),
    "service_ms": Metric(service_ms, "ms"),
    "utilisation": Metric(utilisation, ""),
    "live_workers": Metric(live_workers, ""),
    "time_to_adapt_ms": Metric(time_to_adapt_ms, "ms"),
    "power_w": Metric(power_w, "W"),
    "streaming_f1": Metric(streaming_f1, ""),
    "queue_s": Metric(queue_s, "s", memory=True),
    "host_memory": Metric(host_memory, "", memory=True),
    "task_time_share": Metric(task_time_share, ""),
    "task_time_share_max_worker": Metric(task_time_share_max_worker, ""),
}


def measure(facts: Interval) -> dict[str, float | None]:
    """List every metric of the catalogue, by name; None where it is unknown."""
    values = {name: metric.measure(facts) for name, metric in CATALOGUE.items()}
    return {name: None if math.isnan(value) else value for name, value in values.items()}
