"""What is measured over a control interval: the raw facts, and the catalogue of metrics made from them.

Every world fills the same facts and asks the same functions. These are plain arithmetic on attributes that
are numbers, so that the simulator compiles the very same functions for its own record of facts, which has
the attributes they use: one formula, two doors.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import ArrayLike

HOPS = ("queue", "transfer", "buffer", "service", "return", "reorder")  # of a frame, in order
RECENT_TASKS = 30  # over which recent service times are averaged


class WorkerInterval(msgspec.Struct, frozen=True, kw_only=True):
    """One live worker over one control interval.

    Attributes:
        name: as the worker registered.
        processed: results of it that the collector received, >= 0.
        service_s: sum of their service times, >= 0.
        busy_s: how long it was busy, as far as is known, >= 0: booked as it passes, not when a task is done.
        running_s: how long its task in progress had run when it last spoke, >= 0; 0 = none that is known.
        in_hand: tasks leased to it at the interval's end, >= 0.
        recent_service_s: mean service time of its last RECENT_TASKS results, NaN if there were none.
    """

    name: str
    processed: int
    service_s: float
    busy_s: float
    running_s: float = 0.0
    in_hand: int
    recent_service_s: float = math.nan


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """The raw facts of one control interval; counts are frames of all streams.

    Attributes:
        duration_s: > 0, as long as it really was.
        source_fps: the source's own rate, frames/s.
        fps: of the knob in force at the interval's end, frames/s.
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
        host_used_bytes: memory in use on the producer's host at READY.
        host_bytes: all of that host's memory, > 0.
        latencies_ms: (p50, p95, p99) from scheduled capture to emission, None if nothing was delivered.
        oldest_undelivered_ms: age of the oldest frame in flight at the interval's end, None if there is none.
        delivered_height_px: mean height of the delivered frames, None if there were none.
        delivered_by_grade: delivered frames per grade index.
        workers: the live workers.
        recent_service_s: mean service time of the last RECENT_TASKS results of all workers, NaN if none came.
        hops_ms: mean time per hop of the delivered frames: queue, transfer, buffer, service, return, reorder.
        power_w: mean power of the live workers, NaN where the devices' power is not known.
    """

    duration_s: float
    source_fps: float
    fps: float
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
    host_used_bytes: int
    host_bytes: int
    latencies_ms: tuple[float, float, float] | None
    oldest_undelivered_ms: float | None
    delivered_height_px: float | None
    delivered_by_grade: tuple[int, ...]
    workers: tuple[WorkerInterval, ...]
    recent_service_s: float
    hops_ms: dict[str, float]
    power_w: float = math.nan

    @property
    def gone(self) -> int:
        """Frames dropped, lost or late."""
        return sum(self.dropped.values()) + self.lost + self.late

    @property
    def latency_p50_ms(self) -> float:
        """Median latency; the age of the oldest frame in flight if nothing was delivered."""
        return self._latency(0)

    @property
    def latency_p95_ms(self) -> float:
        """95th percentile, likewise."""
        return self._latency(1)

    @property
    def latency_p99_ms(self) -> float:
        """99th percentile, likewise."""
        return self._latency(2)

    @property
    def n_workers(self) -> int:
        """Live workers."""
        return len(self.workers)

    @property
    def processed(self) -> int:
        """Results received from live workers."""
        return sum(worker.processed for worker in self.workers)

    @property
    def service_s(self) -> float:
        """Sum of those results' service times."""
        return sum(worker.service_s for worker in self.workers)

    @property
    def busy_s(self) -> float:
        """How long live workers were busy, all together."""
        return sum(worker.busy_s for worker in self.workers)

    @property
    def expected_service_s(self) -> float:
        """Mean service time of finished tasks, and of those in progress that have run longer than that mean.

        A task in progress counts with the time that it has run so far, which is less than it will take. If
        none is finished, all that are in progress count; NaN if none is.
        """
        n, total_s = self.processed, self.service_s
        mean_s = total_s / n if n else 0.0
        longer_s = [worker.running_s for worker in self.workers if worker.running_s > mean_s]
        n += len(longer_s)
        return (total_s + sum(longer_s)) / n if n else math.nan

    @property
    def slowest_service_s(self) -> float:
        """Mean of what the slowest live worker finished, or what its task in progress has taken so far.

        Whichever is longer; NaN if no worker has finished anything or is known to be at a task.
        """
        means_s = [worker.service_s / worker.processed for worker in self.workers if worker.processed]
        means_s += [worker.running_s for worker in self.workers if worker.running_s > 0]
        return max(means_s, default=math.nan)

    @property
    def slowest_recent_service_s(self) -> float:
        """Likewise of the last RECENT_TASKS tasks of each."""
        means_s = (worker.recent_service_s for worker in self.workers)
        return max((mean_s for mean_s in means_s if not math.isnan(mean_s)), default=math.nan)

    def _latency(self, which: int) -> float:
        if self.latencies_ms is not None:
            return self.latencies_ms[which]
        return math.nan if self.oldest_undelivered_ms is None else self.oldest_undelivered_ms


def percentiles_ms(latencies_ms: ArrayLike) -> tuple[float, float, float] | None:
    """(p50, p95, p99) by linear interpolation (NumPy's default), None for no values."""
    values = np.asarray(latencies_ms, dtype=float)
    if values.size == 0:
        return None
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return float(p50), float(p95), float(p99)


# --- the catalogue: one function per metric; NaN = unknown, which is not zero ---


def queue_size(facts: Interval) -> float:
    """Tasks waiting at the interval's end, all streams."""
    return float(facts.queue_size)


def memory_usage(facts: Interval) -> float:
    """Producer's RSS at READY plus the bytes it holds in queue and leases, as a share of its budget.

    Not the live RSS, which is a ratchet, nor the host's memory, which no knob moves.
    """
    return (facts.baseline_bytes + facts.held_bytes) / facts.budget_bytes


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
    """Dropped, lost and late frames per offered frame; may exceed 1 when old frames are dropped."""
    if facts.offered > 0:
        return facts.gone / facts.offered
    return 1.0 if facts.gone > 0 else math.nan


def load(facts: Interval) -> float:
    """Offered frames/s × mean service time ÷ live workers (utilisation law); may exceed 1.

    The mean is of the tasks finished in the interval; a task that has already run longer than that counts
    with what it has run so far, which is how a hang or saturation shows before it ends. If none was finished,
    those in progress are the sample, a lower bound: known where it shows saturation, >= 1, for a lower one
    would read as spare. Unknown if there is none either. Infinite when frames are offered to no worker.
    """
    if facts.n_workers == 0:
        return math.inf if facts.offered > 0 else math.nan
    bound = facts.offered / facts.duration_s * facts.expected_service_s / facts.n_workers
    return bound if facts.processed > 0 or bound >= 1 else math.nan


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
    bound = facts.slowest_service_s * facts.offered / facts.duration_s / facts.n_workers
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


def power_w(facts: Interval) -> float:
    """Mean power of the live workers over the interval."""
    return facts.power_w


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
    "delivered_fps": Metric(delivered_fps, "1/s"),
    "processing_time_max_worker": Metric(processing_time_max_worker, ""),
    "offered_fps": Metric(offered_fps, "1/s"),
    "processed_fps": Metric(processed_fps, "1/s"),
    "service_ms": Metric(service_ms, "ms"),
    "utilisation": Metric(utilisation, ""),
    "live_workers": Metric(live_workers, ""),
    "power_w": Metric(power_w, "W"),
    "queue_s": Metric(queue_s, "s", memory=True),
    "host_memory": Metric(host_memory, "", memory=True),
    "task_time_share": Metric(task_time_share, ""),
    "task_time_share_max_worker": Metric(task_time_share_max_worker, ""),
}


def measure(facts: Interval) -> dict[str, float | None]:
    """Every metric of the catalogue, by name; None where it is unknown."""
    values = {name: metric.measure(facts) for name, metric in CATALOGUE.items()}
    return {name: None if math.isnan(value) else value for name, value in values.items()}
