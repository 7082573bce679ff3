"""The producer's side of the link: which collector is in charge, what it is told, what is refused.

One collector at a time is in charge: the first, until it falls silent or is replaced at its endpoint.
"""

import logging
from collections import Counter

from pipeline.messages import Ack, Confirm, End, Error, Gap, LinkDown, Outcome, Standby, Sync, Tally
from pipeline.once import Once
from pipeline.producer.events import Command, Tell
from pipeline.producer.meter import Meter
from pipeline.producer.stream import Stream
from pipeline.producer.workapi import WorkApi

logger = logging.getLogger(__name__)

SILENT_NS = 3_000_000_000
MAX_COLLECTORS = 1000  # that are there, in charge or waiting; one beyond them is refused
MAX_REMEMBERED = 1000  # that were in charge; of those before them only what they counted is kept
MAX_PER_GAP = 50_000  # frames of 14 bytes at most: a header has room for these
NOBODY = Sync(sent_ns=0, collector=0, results="", return_frames=False)


class CollectorLink:
    """Answers SYNC and ACK, from the stream's ledger.

    Attributes:
        heard_ns: when the one in charge last spoke.
        peer: its routing id; b"" while nobody is in charge.
        said: the latest word of who is, or was last, in charge.
    """

    def __init__(self, stream: Stream, work: WorkApi, now_ns: int) -> None:
        self.heard_ns = now_ns
        self.peer = b""
        self.said = NOBODY
        self._stream = stream
        self._work = work
        self._waiting: dict[int, tuple[bytes, int]] = {}  # by identity: its routing id, when it last spoke
        self._last_words: dict[int, Sync] = {}  # of those that were in charge of late, the latest last
        self._counted = Counter[str]()  # by those that are forgotten
        self._n_refused = 0
        self._tallies: dict[int, Tally] = {}  # the latest of each collector
        self._once = Once(logger)

    @property
    def rejected(self) -> int:
        """Count malformed messages at the collectors so far."""
        return self._counted_by_all("rejected")

    @property
    def duplicates(self) -> int:
        """Count results that a collector had received before, so far."""
        return self._counted_by_all("duplicates")

    @property
    def refused(self) -> int:
        """Count results that collectors, and acknowledgements that the producer did not take, so far."""
        return self._n_refused + self._counted_by_all("refused")

    def tell(self, message: LinkDown) -> list[Command]:
        """Tell the collector in charge, if there is one."""
        return [Tell(self.peer, message)] if self.peer else []

    def tell_gaps(self, frames: list[tuple[int, int, Outcome]]) -> list[Command]:
        """Tell it which frames will not come, if there are any."""
        incarnation, episode = self._stream.config.incarnation, self._stream.episode
        parts = (tuple(frames[i : i + MAX_PER_GAP]) for i in range(0, len(frames), MAX_PER_GAP))
        return [command for part in parts for command in self.tell(Gap(incarnation, episode, part))]

    def tell_losses(self) -> list[Command]:
        """Tell it what has been given up and still waits for its word."""
        return self.tell_gaps([(*key, Outcome.LOST) for key in self._stream.ledger.given_up])

    def tell_end(self) -> list[Command]:
        """Tell END to it and to those that wait for its place."""
        return self.tell(End()) + [Tell(peer, End()) for peer, _ in self._waiting.values()]

    def tick(self, now_ns: int) -> None:
        """Put out of charge who has been silent for too long; who waited and is silent waits no longer."""
        waiting = self._waiting.items()
        self._waiting = {who: (peer, at_ns) for who, (peer, at_ns) in waiting if now_ns - at_ns <= SILENT_NS}
        if self.peer and now_ns - self.heard_ns > SILENT_NS:
            logger.warning("the collector has fallen silent")
            self.peer = b""

    def synced(self, peer: bytes, sync: Sync, now_ns: int) -> list[Command]:
        """Answer a collector that is there: it waits, or is in charge, perhaps as of now."""
        is_other = self.said is not NOBODY and sync.collector != self.said.collector
        is_elsewhere = sync.results != self.said.results or sync.collector in self._last_words
        must_wait = is_other and is_elsewhere and bool(self.peer)
        if must_wait:
            if sync.collector not in self._waiting and len(self._waiting) + 1 >= MAX_COLLECTORS:
                return [
                    Tell(peer, Error(f"{MAX_COLLECTORS} collectors are there: the producer takes no more"))
                ]
            self._waiting[sync.collector] = peer, now_ns
        else:
            self._remember(sync)
            self._waiting.pop(sync.collector, None)
            self.heard_ns, self.peer, self.said = now_ns, peer, sync
        if self._work.ended:
            return [Tell(peer, End())]
        if must_wait:
            return [Tell(peer, Standby(self.said.results))]
        if is_other:  # what the old one had not emitted went with it
            self._stream.ledger.forget_received()
        commands = self._work.send_results_to(sync.results, sync.return_frames, is_other)
        commands.append(Tell(peer, self._stream.announcement(now_ns, sync.sent_ns)))
        return commands + self.tell_losses()

    def acknowledged(self, peer: bytes, ack: Ack, meter: Meter, now_ns: int) -> list[Command]:
        """Book what a collector has received and judged, and confirm it."""
        if self._accepts(ack, now_ns):
            for item in ack.received:
                worker = self._work.workers.named(item.worker)
                is_trial = worker is not None and worker.outlook.ends_trial(item.id)
                if is_trial or self._stream.ledger.receive((item.stream, item.id)):
                    meter.received(item, worker)
                    if worker is not None:
                        self._work.turns.received(item, worker, now_ns)
            for verdict in ack.verdicts:
                frame = self._stream.ledger.judge((verdict.stream, verdict.id), verdict.outcome)
                if frame is not None:
                    meter.judged(verdict, frame, self._stream.adaptation, now_ns)
            if ack.tally is not None:
                self._scored(ack.collector, ack.tally, meter)
        return [Tell(peer, Confirm(ack.seq))]

    def _remember(self, sync: Sync) -> None:
        """Note what who is in charge says; forget who was so long ago that it will not come back."""
        self._last_words.pop(sync.collector, None)
        self._last_words[sync.collector] = sync
        while len(self._last_words) > MAX_REMEMBERED:
            forgotten = self._last_words.pop(next(iter(self._last_words)))
            self._tallies.pop(forgotten.collector, None)
            for name in ("rejected", "duplicates", "refused"):
                self._counted[name] += getattr(forgotten, name)

    def _counted_by_all(self, name: str) -> int:
        return self._counted[name] + sum(getattr(sync, name) for sync in self._last_words.values())

    def _scored(self, collector: int, tally: Tally, meter: Meter) -> None:
        """Book what a tally has beyond the one before; one that was overtaken has nothing."""
        before = self._tallies.get(collector)
        if before is not None and before.episode != tally.episode:
            before = None
        if before is None or tally.scored > before.scored:
            self._tallies[collector] = tally
            meter.scored(tally, before)

    def _accepts(self, ack: Ack, now_ns: int) -> bool:
        """Tell whether an acknowledgement is of this episode's frames; one that is not is counted."""
        problem = ""
        if ack.collector != self.said.collector:
            problem = "a collector that is not in charge"
        elif ack.incarnation != self._stream.config.incarnation:
            problem = "another producer's frames"
        elif ack.episode != self._stream.episode:
            problem = "another episode's frames"
        if ack.collector == self.said.collector:
            self.heard_ns = now_ns
        if problem:
            self._n_refused += 1
            self._once.warn(f"acknowledgements of {problem} are refused, and counted from now on")
        return not problem
