"""Gathers the raw facts of one control interval."""

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.findings import Confidences, Followed, Matches
from pipeline.interval import HOPS, Interval, WorkerInterval, percentiles_ms
from pipeline.messages import Outcome, Received, Tally, Verdict, Weights
from pipeline.producer.adaptation import Adaptation
from pipeline.producer.ledger import Frame
from pipeline.producer.stream import Stream
from pipeline.producer.workers import Worker, recent_tasks

MS_PER_NS = 1e-6
MAX_LATENCIES = 100_000  # of an interval that nobody ends; percentiles are of the last so many frames then
RECENT_COPIES = 10  # of frames, by which the agreement of workers is judged: there are few


@dataclass(slots=True)
class Meter:
    """Counts since the interval began at `began_ns`; see `next` for what goes on in the next interval.

    What is counted of each worker is with it, see `workers.Done`.
    """

    began_ns: int
    recent_ns: deque[int] = field(default_factory=recent_tasks)  # service times, of whatever interval
    first_ids: Mapping[int, int] = field(default_factory=dict)  # per stream, of the interval's first frame
    streaks: Counter[int] = field(default_factory=Counter)  # per stream, frames in a row that nobody got
    agreed: deque[Matches] = field(default_factory=lambda: deque(maxlen=RECENT_COPIES))  # of two workers each
    failures_before: int = 0  # of workers, before it began
    longest_streak: int = 0  # of those that ended
    recovered_ns: int = 0  # how long the slowest frame took that a worker had not brought
    confidences: Confidences = field(default_factory=Confidences)
    followed: Followed = field(default_factory=Followed)
    capture_ns: int = 0
    offered: int = 0
    withdrawn: int = 0  # offered, and thinned in the same interval
    counts: Counter[Outcome] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    by_grade: Counter[int] = field(default_factory=Counter)
    latencies_ns: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_LATENCIES))
    heights_px: int = 0  # sum over delivered frames
    adapted_ns: int = 0  # how long the slowest settings took that have been shown
    hops_ns: list[int] = field(default_factory=lambda: [0] * len(HOPS))
    n_scored: int = 0  # source frames
    scoring_ns: int = 0
    matches: defaultdict[str, Matches] = field(default_factory=lambda: defaultdict(Matches))  # by class

    def next(self, now_ns: int, next_ids: Mapping[int, int]) -> "Meter":
        """Begin the next interval: recent tasks and copies, and streaks that go on, are still known in it."""
        return Meter(now_ns, self.recent_ns, dict(next_ids), self.streaks, self.agreed)

    def received(self, item: Received, worker: Worker | None) -> None:
        """Count a result at the collector; `worker` has made it, None if that is not live any more."""
        if worker is not None:
            worker.brought(item)
        self.recent_ns.append(item.service_ns)
        if item.agreed is not None:
            self.agreed.append(item.agreed)

    def thinned(self, stream: int, frame_id: int) -> None:
        """Count a frame of the queue that is not asked for any more."""
        self.counts[Outcome.THINNED] += 1
        self.withdrawn += frame_id >= self.first_ids.get(stream, 0)

    def drop(self, stream: int, reason: str) -> None:
        """Count a frame that the queue's policy refused or evicted."""
        self.dropped[reason] += 1
        self.streaks[stream] += 1

    def judged(self, verdict: Verdict, frame: Frame, adaptation: Adaptation, now_ns: int) -> None:
        """Count an outcome that was set at the collector; a frame that was emitted shows its settings."""
        self.counts[verdict.outcome] += 1
        if frame.failed_ns:
            self.recovered_ns = max(self.recovered_ns, now_ns - frame.failed_ns)
        if verdict.outcome is not Outcome.DELIVERED:
            self.streaks[verdict.stream] += 1
        else:
            self.longest_streak = max(self.longest_streak, self.streaks.pop(verdict.stream, 0))
            if verdict.confidences is not None:
                self.confidences += verdict.confidences
            self.latencies_ns.append(verdict.latency_ns)
            emitted_ns = frame.header.captured_ns + verdict.latency_ns
            self.adapted_ns = max(self.adapted_ns, adaptation.shown(verdict.epoch, emitted_ns))
            self.by_grade[verdict.grade] += 1
            self.heights_px += verdict.height_px
            self.hops_ns = [total + hop for total, hop in zip(self.hops_ns, verdict.hops_ns, strict=True)]

    def scored(self, tally: Tally, before: Tally | None) -> None:
        """Add what a collector's tally of the episode has beyond the one before."""
        earlier = before or Tally(tally.episode, 0, 0, {})
        self.n_scored += tally.scored - earlier.scored
        self.scoring_ns += tally.cost_ns - earlier.cost_ns
        self.followed += tally.followed - earlier.followed
        for name, matches in tally.matches.items():
            self.matches[name] += matches - earlier.matches.get(name, Matches())

    def read(
        self, now_ns: int, stream: Stream, workers: Iterable[tuple[Worker, int]], n_failures: int
    ) -> Interval:
        """The interval up to now.

        Args:
            workers: those that are live, and how many tasks each has in hand.
            n_failures: of workers, so far.
        """
        delivered = self.counts[Outcome.DELIVERED]
        config, ledger = stream.config, stream.ledger
        workers = list(workers)
        is_drawn = stream.truth is not None and stream.truth.drawn is not None
        is_trained = all(worker.weights is Weights.TRAINED for worker, _ in workers)
        oldest = ledger.oldest
        return Interval(
            duration_s=max(now_ns - self.began_ns, 1) * 1e-9,
            source_fps=config.source_fps,
            fps=stream.settings.fps,
            n_streams=stream.n_streams,
            capture_s=self.capture_ns * 1e-9,
            offered=self.offered,
            thinned=self.counts[Outcome.THINNED],
            withdrawn=self.withdrawn,
            delivered=delivered,
            dropped=dict(self.dropped),
            lost=self.counts[Outcome.LOST],
            late=self.counts[Outcome.LATE],
            queue_size=ledger.n_queued,
            held_bytes=ledger.held_bytes,
            budget_bytes=config.budget_bytes,
            host_used_bytes=config.host_used_bytes,
            host_bytes=config.host_bytes,
            latencies_ms=percentiles_ms([ns * MS_PER_NS for ns in self.latencies_ns]),
            oldest_undelivered_ms=(now_ns - oldest.header.captured_ns) * MS_PER_NS if oldest else None,
            delivered_height_px=self.heights_px / delivered if delivered else None,
            delivered_by_grade=tuple(self.by_grade[grade] for grade in range(len(config.ladders.grades))),
            workers=tuple(_interval_of(worker, in_hand, now_ns) for worker, in_hand in workers),
            recent_service_s=_mean_s(self.recent_ns),
            adapting_ms=self._adapting_ms(now_ns, stream),
            hops_ms={
                hop: ns * MS_PER_NS / delivered
                for hop, ns in zip(HOPS, self.hops_ns, strict=True)
                if delivered
            },
            matches=dict(self.matches) if is_drawn or is_trained else {},
            scored=self.n_scored,
            scoring_s=self.scoring_ns * 1e-9,
            failed=n_failures - self.failures_before,
            drop_streak=max(self.longest_streak, *self.streaks.values(), 0),
            recovery_ms=self._recovery_ms(now_ns, ledger.frames.values()),
            confidences=self.confidences if is_trained else Confidences(),
            agreed=sum(self.agreed, Matches()) if is_trained else Matches(),
            followed=self.followed if is_drawn or is_trained else Followed(),
        )

    def _adapting_ms(self, now_ns: int, stream: Stream) -> float:
        longest_ns = max(self.adapted_ns, stream.adaptation.waiting_ns(now_ns))
        return longest_ns * MS_PER_NS if longest_ns > 0 else math.nan

    def _recovery_ms(self, now_ns: int, in_flight: Iterable[Frame]) -> float:
        waiting_ns = [now_ns - frame.failed_ns for frame in in_flight if frame.failed_ns]
        return max(self.recovered_ns, *waiting_ns, 0) * MS_PER_NS


def _interval_of(worker: Worker, in_hand: int, now_ns: int) -> WorkerInterval:
    done, occupancy, transport = worker.done, worker.occupancy, worker.transport
    recent_link_ns = max(transport.recent_down_ns, transport.recent_up_ns)
    return WorkerInterval(
        name=worker.name,
        processed=done.n,
        service_s=done.service_ns * 1e-9,
        busy_s=(done.busy_ns + occupancy.unbooked_ns(now_ns)) * 1e-9,
        running_s=occupancy.running_ns * 1e-9,
        in_hand=in_hand,
        recent_service_s=_mean_s(worker.recent_ns),
        down_s=done.down_ns * 1e-9,
        up_s=done.up_ns * 1e-9,
        recent_link_s=recent_link_ns * 1e-9 if transport.is_known else math.nan,
        medium=transport.medium,
        expected_service_s=_known_s(worker.outlook.service_ns),
        expected_transfer_s=_known_s(worker.outlook.transfer_ns),
    )


def _mean_s(times_ns: deque[int]) -> float:
    return sum(times_ns) / len(times_ns) * 1e-9 if times_ns else math.nan


def _known_s(expected_ns: int) -> float:
    return expected_ns * 1e-9 if expected_ns else math.nan
