"""The producer's side of the link: which collector is in charge, what it is told, what is refused.

One collector at a time is in charge: the first, until it falls silent or is replaced at its endpoint.
"""

import logging

from pipeline.messages import Ack, Confirm, End, Error, Gap, LinkDown, Outcome, Standby, Sync, Tally
from pipeline.once import Once
from pipeline.producer.events import Command, Tell
from pipeline.producer.meter import Meter
from pipeline.producer.stream import Stream
from pipeline.producer.workapi import WorkApi

logger = logging.getLogger(__name__)

SILENT_NS = 3_000_000_000
MAX_COLLECTORS = 1000  # ever in charge or waiting; one beyond them is refused
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
        self._waiting: dict[int, bytes] = {}  # routing ids of those that wait, by identity
        self._last_words: dict[int, Sync] = {}  # of all that were ever in charge
        self._n_refused = 0
        self._tallies: dict[int, Tally] = {}  # the latest of each collector
        self._once = Once(logger)

    @property
    def rejected(self) -> int:
        """Count malformed messages at the collectors so far."""
        return sum(sync.rejected for sync in self._last_words.values())

    @property
    def duplicates(self) -> int:
        """Count results that a collector had received before, so far."""
        return sum(sync.duplicates for sync in self._last_words.values())

    @property
    def refused(self) -> int:
        """Count results that collectors, and acknowledgements that the producer did not take, so far."""
        return self._n_refused + sum(sync.refused for sync in self._last_words.values())

    def tell(self, message: LinkDown) -> list[Command]:
        """Tell the collector in charge, if there is one."""
        return [Tell(self.peer, message)] if self.peer else []

    def tell_gaps(self, frames: list[tuple[int, int, Outcome]]) -> list[Command]:
        """Tell it which frames will not come, if there are any."""
        if not frames:
            return []
        return self.tell(Gap(self._stream.config.incarnation, self._stream.episode, tuple(frames)))

    def tell_losses(self) -> list[Command]:
        """Tell it what has been given up and still waits for its word."""
        return self.tell_gaps([(*key, Outcome.LOST) for key in self._stream.ledger.given_up])

    def tell_end(self) -> list[Command]:
        """Tell END to it and to those that wait for its place."""
        return self.tell(End()) + [Tell(peer, End()) for peer in self._waiting.values()]

    def tick(self, now_ns: int) -> None:
        """Put out of charge who has been silent for too long."""
        if self.peer and now_ns - self.heard_ns > SILENT_NS:
            logger.warning("the collector has fallen silent")
            self.peer = b""

    def synced(self, peer: bytes, sync: Sync, now_ns: int) -> list[Command]:
        """Answer a collector that is there: it waits, or is in charge, perhaps as of now."""
        known = self._last_words.keys() | self._waiting.keys()
        if sync.collector not in known and len(known) >= MAX_COLLECTORS:
            return [Tell(peer, Error(f"the producer has had {MAX_COLLECTORS} collectors, and takes no more"))]
        is_other = self.said is not NOBODY and sync.collector != self.said.collector
        is_elsewhere = sync.results != self.said.results or sync.collector in self._last_words
        must_wait = is_other and is_elsewhere and bool(self.peer)
        if must_wait:
            self._waiting[sync.collector] = peer
        else:
            self._last_words[sync.collector] = sync
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
