"""Gathers the raw facts of one control interval."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.messages import Outcome, Received, Verdict
from pipeline.producer.stream import Stream
from pipeline.slos import HOPS, Interval, WorkerInterval, percentiles_ms

MS_PER_NS = 1e-6


@dataclass(slots=True)
class Meter:
    """Counts since the interval began at `began_ns`."""

    began_ns: int
    offered: int = 0
    counts: Counter[Outcome] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    by_grade: Counter[int] = field(default_factory=Counter)
    processed: Counter[str] = field(default_factory=Counter)  # by worker
    busy_ns: Counter[str] = field(default_factory=Counter)
    latencies_ns: list[int] = field(default_factory=list)
    heights_px: int = 0  # sum over delivered frames
    hops_ns: list[int] = field(default_factory=lambda: [0] * len(HOPS))

    def received(self, item: Received) -> None:
        """A worker's result arrived at the collector."""
        self.processed[item.worker] += 1
        self.busy_ns[item.worker] += item.service_ns

    def judged(self, verdict: Verdict) -> None:
        """A frame's outcome was set at the collector."""
        self.counts[verdict.outcome] += 1
        if verdict.outcome is Outcome.DELIVERED:
            self.latencies_ns.append(verdict.latency_ns)
            self.by_grade[verdict.grade] += 1
            self.heights_px += verdict.height_px
            self.hops_ns = [total + hop for total, hop in zip(self.hops_ns, verdict.hops_ns, strict=True)]

    def read(self, now_ns: int, stream: Stream, workers: Iterable[tuple[str, int]]) -> Interval:
        """The interval up to now; `workers` are the live ones' names and how many tasks each has in hand."""
        delivered = self.counts[Outcome.DELIVERED]
        config, ledger = stream.config, stream.ledger
        oldest = ledger.oldest
        return Interval(
            duration_s=max(now_ns - self.began_ns, 1) * 1e-9,
            source_fps=config.source_fps,
            n_streams=stream.n_streams,
            offered=self.offered,
            delivered=delivered,
            dropped=dict(self.dropped),
            lost=self.counts[Outcome.LOST],
            late=self.counts[Outcome.LATE],
            queue_size=ledger.n_queued,
            held_bytes=ledger.held_bytes,
            baseline_bytes=config.baseline_bytes,
            budget_bytes=config.budget_bytes,
            latencies_ms=percentiles_ms([ns * MS_PER_NS for ns in self.latencies_ns]),
            oldest_undelivered_ms=(now_ns - oldest.header.captured_ns) * MS_PER_NS if oldest else None,
            delivered_height_px=self.heights_px / delivered if delivered else None,
            delivered_by_grade=tuple(self.by_grade[grade] for grade in range(len(config.ladders.grades))),
            workers=tuple(
                WorkerInterval(
                    name=name,
                    processed=self.processed[name],
                    busy_s=self.busy_ns[name] * 1e-9,
                    in_hand=in_hand,
                )
                for name, in_hand in workers
            ),
            hops_ms={
                hop: ns * MS_PER_NS / delivered
                for hop, ns in zip(HOPS, self.hops_ns, strict=True)
                if delivered
            },
        )
