"""The raw facts of one control interval: what metrics are made of.

The pipeline and the simulator fill the same facts and ask the same functions of them.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from pipeline.findings import Confidences, Followed, Matches

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
        down_s, up_s: how long their frames kept the link to it busy, and they themselves that from it, >= 0;
            waiting for those before them does not count.
        recent_link_s: likewise of one result, by the last few, in the busier direction; NaN if none has told.
        medium: what its link shares with all others of this medium; "" = it is the worker's own.
        expected_service_s, expected_transfer_s: what the producer plans with for a task under the settings in
            force, and for its way there, > 0; NaN while nothing of it is known.
    """

    name: str
    processed: int
    service_s: float
    busy_s: float
    running_s: float = 0.0
    in_hand: int
    recent_service_s: float = math.nan
    down_s: float = 0.0
    up_s: float = 0.0
    recent_link_s: float = math.nan
    medium: str = ""
    expected_service_s: float = math.nan
    expected_transfer_s: float = math.nan


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """The raw facts of one control interval; counts are frames of all streams.

    Attributes:
        duration_s: > 0, as long as it really was.
        source_fps: the source's own rate, frames/s.
        fps: of the knob in force at the interval's end, frames/s.
        n_streams: concurrent streams at the interval's end, >= 1.
        capture_s: how long the capturing thread was busy, with skipped frames too.
        offered: frames that the FPS knob let through.
        thinned: frames, of this interval or before, taken out of the queue since a lower FPS asks for fewer.
        withdrawn: those of them that were offered in this interval.
        delivered: frames emitted by the collector in order and in time.
        dropped: frames refused or evicted by the queue policy, by reason.
        lost: frames given up after their last retry.
        late: frames that missed the collector's gap deadline.
        queue_size: tasks waiting at the interval's end.
        held_bytes: bytes in queue and leases at the interval's end.
        budget_bytes: of the producer's memory, what frames may take, > 0.
        host_used_bytes: memory in use on the producer's host at READY.
        host_bytes: all of that host's memory, > 0.
        latencies_ms: (p50, p95, p99) from scheduled capture to emission, None if nothing was delivered.
        oldest_undelivered_ms: age of the oldest frame in flight at the interval's end, None if there is none.
        delivered_height_px: mean height of the delivered frames, None if there were none.
        delivered_by_grade: delivered frames per grade index.
        workers: the live workers.
        recent_service_s: mean service time of the last RECENT_TASKS results of all workers, NaN if none came.
        hops_ms: mean time per hop of the delivered frames: queue, transfer, buffer, service, return, reorder.
        adapting_ms: time from the setting of knobs to the first emitted frame that was processed under it, or
            until now if there was none yet; the longest waited for in this interval, NaN if none was.
        power_w: mean power of the live workers, NaN where the devices' power is not known.
        matches: by class, of the source's frames that were scored; empty where no truth is known, or some
            worker's boxes mean nothing.
        scored: source frames that were scored, of all streams.
        scoring_s: computing time that this took the collector, >= 0.
        failed: attempts at a task that a worker could not carry through, and workers that gave up, >= 0.
        drop_streak: most frames of a stream in a row, as their outcomes became known, that were dropped, lost
            or late; one that began in an earlier interval counts from there.
        recovery_ms: from the hand-out of a frame to a worker that failed, fell silent or kept it for too long
            to its outcome, or until now; the longest of this interval, 0 if there was none.
        confidences: of the detections of emitted frames, where an SLO asks for them and they mean something.
        agreed: boxes of two workers in the same pictures that match, those of the one and of the other, of
            the last that two had, whatever interval they fell in.
        followed: how objects were shown, where an SLO asks for it, likewise.
    """

    duration_s: float
    source_fps: float
    fps: float
    n_streams: int
    capture_s: float = 0.0
    offered: int
    thinned: int = 0
    withdrawn: int = 0
    delivered: int
    dropped: dict[str, int]
    lost: int
    late: int
    queue_size: int
    held_bytes: int
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
    adapting_ms: float = math.nan
    power_w: float = math.nan
    matches: dict[str, Matches] = {}
    scored: int = 0
    scoring_s: float = 0.0
    failed: int = 0
    drop_streak: int = 0
    recovery_ms: float = 0.0
    confidences: Confidences = Confidences()
    agreed: Matches = Matches()
    followed: Followed = Followed()

    @property
    def asked_for(self) -> int:
        """Count the frames offered that the FPS knob still asks for, or that have been handed out."""
        return self.offered - self.withdrawn

    @property
    def gone(self) -> int:
        """Frames dropped, lost or late."""
        return sum(self.dropped.values()) + self.lost + self.late

    @property
    def total(self) -> Matches:
        """What was found of all classes together."""
        return sum(self.matches.values(), Matches())

    @property
    def matched(self) -> int:
        """Objects that a detection showed, of all classes."""
        return self.total.matched

    @property
    def found(self) -> int:
        """Detections."""
        return self.total.found

    @property
    def present(self) -> int:
        """Objects that were there."""
        return self.total.present

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
        """Say how long live workers were busy, all together."""
        return sum(worker.busy_s for worker in self.workers)

    @property
    def busy_squares_s2(self) -> float:
        """Sum the squares of how long each was."""
        return sum(worker.busy_s * worker.busy_s for worker in self.workers)

    @property
    def compute_fps(self) -> float:
        """Frames/s that live workers can compute, each at its own pace; NaN if nothing is known of any.

        If nobody has finished anything, the mean of the tasks in progress is taken for the pace of each.
        """
        if self.processed:
            mean_s = self.service_s / self.processed
            return combined_fps([_frame_s(worker, mean_s) for worker in self.workers])
        runs_s = [worker.running_s for worker in self.workers if worker.running_s > 0]
        return self.n_workers / (sum(runs_s) / len(runs_s)) if runs_s else math.nan

    @property
    def link_fps(self) -> float:
        """Frames/s that live workers' links can carry, each at its own pace; NaN if nothing is known.

        Links that share a medium are one.
        """
        if not self.processed:
            return math.nan
        sharing: dict[str, list[WorkerInterval]] = {}
        for worker in self.workers:
            sharing.setdefault(worker.medium or f"of {worker.name}", []).append(worker)
        return combined_fps([_link_s(workers) for workers in sharing.values()])

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


def _frame_s(worker: WorkerInterval, mean_s: float) -> float:
    return frame_s(worker.processed, worker.service_s, worker.running_s, worker.recent_service_s, mean_s)


def frame_s(processed: int, service_s: float, running_s: float, recent_s: float, mean_s: float) -> float:
    """How long a worker computes on a frame, in s.

    A task in progress counts with the time that it has run so far, where that is longer than those finished:
    it is less than it will take.

    Args:
        processed: what the worker finished in the interval.
        service_s: of these, all together.
        running_s: of its task in progress; 0 = none that is known.
        recent_s: mean of its last tasks, whatever interval they fell in; NaN if there were none.
        mean_s: of all workers in the interval, for one that nothing is known of.
    """
    if processed > 0:
        own_s = service_s / processed
        return (service_s + running_s) / (processed + 1) if running_s > own_s else own_s
    return max(mean_s if math.isnan(recent_s) else recent_s, running_s)


def link_s(processed: int, down_s: float, up_s: float, recent_s: float) -> float:
    """How long a frame occupies a link, in s, in its busier direction; NaN if nothing is known.

    Args:
        processed, down_s, up_s: as in `WorkerInterval`, of all workers that share it.
        recent_s: mean of theirs; NaN: none has told of any.
    """
    return recent_s if processed == 0 or math.isnan(recent_s) else max(down_s, up_s) / processed


def _link_s(workers: Sequence[WorkerInterval]) -> float:
    recent_s = [each.recent_link_s for each in workers if not math.isnan(each.recent_link_s)]
    return link_s(
        sum(each.processed for each in workers),
        sum(each.down_s for each in workers),
        sum(each.up_s for each in workers),
        sum(recent_s) / len(recent_s) if recent_s else math.nan,
    )


def combined_fps(frames_s: Sequence[float]) -> float:
    """Frames/s of servers side by side, of which each takes so long for a frame.

    One that nothing is known of (NaN) counts as the mean of the others; NaN if there is no other.
    """
    n_known, fps = 0, 0.0
    for each_s in frames_s:
        if not math.isnan(each_s):
            n_known += 1
            fps += 1.0 / each_s if each_s > 0 else math.inf
    return fps * len(frames_s) / n_known if n_known > 0 else math.nan


def percentiles_ms(latencies_ms: ArrayLike) -> tuple[float, float, float] | None:
    """(p50, p95, p99) by linear interpolation (NumPy's default), None for no values."""
    values = np.asarray(latencies_ms, dtype=float)
    if values.size == 0:
        return None
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return float(p50), float(p95), float(p99)
