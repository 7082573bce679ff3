"""The producer's side of the link: which collector is in charge, who waits, what is refused."""

import logging
from dataclasses import dataclass, field
from enum import Enum, auto

from pipeline.messages import Ack, Sync
from pipeline.once import Once
from pipeline.producer.stream import Stream

logger = logging.getLogger(__name__)

SILENT_NS = 3_000_000_000
NOBODY = Sync(sent_ns=0, collector=0, results="", return_frames=False)


class Standing(Enum):
    """What a collector that has just spoken is."""

    WAITS = auto()  # another one is in charge
    TOOK_OVER = auto()  # in charge as of now, after another one
    IN_CHARGE = auto()


@dataclass(slots=True)
class CollectorLink:
    """One collector at a time is in charge: the first, until it falls silent or is replaced at its endpoint.

    Attributes:
        heard_ns: when the one in charge last spoke.
        peer: its routing id; b"" while nobody is in charge.
        waiting: routing ids of those that wait, by identity.
        said: the latest word of who is, or was last, in charge.
    """

    heard_ns: int
    peer: bytes = b""
    waiting: dict[int, bytes] = field(default_factory=dict)
    said: Sync = NOBODY
    _last_words: dict[int, Sync] = field(default_factory=dict)  # of all that were ever in charge
    _n_refused: int = 0
    _once: Once = field(default_factory=lambda: Once(logger))

    @property
    def rejected(self) -> int:
        """Malformed messages at the collectors so far."""
        return sum(sync.rejected for sync in self._last_words.values())

    @property
    def duplicates(self) -> int:
        """Results that a collector had received before, so far."""
        return sum(sync.duplicates for sync in self._last_words.values())

    @property
    def refused(self) -> int:
        """Results that the collectors, and acknowledgements that the producer did not take, so far."""
        return self._n_refused + sum(sync.refused for sync in self._last_words.values())

    def synced(self, peer: bytes, sync: Sync, now_ns: int) -> Standing:
        """A collector says that it is there."""
        is_other = self.said is not NOBODY and sync.collector != self.said.collector
        is_elsewhere = sync.results != self.said.results or sync.collector in self._last_words
        if is_other and is_elsewhere and self.peer:
            self.waiting[sync.collector] = peer
            return Standing.WAITS
        self._last_words[sync.collector] = sync
        self.waiting.pop(sync.collector, None)
        self.heard_ns, self.peer, self.said = now_ns, peer, sync
        return Standing.TOOK_OVER if is_other else Standing.IN_CHARGE

    def accepts(self, ack: Ack, stream: Stream, now_ns: int) -> bool:
        """Whether an acknowledgement is of this episode's frames; one that is not is counted."""
        problem = ""
        if ack.collector != self.said.collector:
            problem = "a collector that is not in charge"
        elif ack.incarnation != stream.config.incarnation:
            problem = "another producer's frames"
        elif ack.episode != stream.episode:
            problem = "another episode's frames"
        if ack.collector == self.said.collector:
            self.heard_ns = now_ns
        if problem:
            self._n_refused += 1
            self._once.warn(f"acknowledgements of {problem} are refused, and counted from now on")
        return not problem

    def tick(self, now_ns: int) -> None:
        """Time has passed: who has been silent for too long is not in charge any more."""
        if self.peer and now_ns - self.heard_ns > SILENT_NS:
            logger.warning("the collector has fallen silent")
            self.peer = b""
