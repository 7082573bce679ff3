"""The producer's side of the link: which collector is in charge, who waits, what is refused."""

import logging
from dataclasses import dataclass, field
from enum import Enum, auto

from pipeline.messages import Ack, Sync
from pipeline.once import Once
from pipeline.producer.stream import Stream

logger = logging.getLogger(__name__)

SILENT_NS = 3_000_000_000


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
        rejected, duplicates: as it last said; `refused`: so, and acknowledgements refused here.
    """

    heard_ns: int
    peer: bytes = b""
    waiting: dict[int, bytes] = field(default_factory=dict)
    rejected: int = 0
    duplicates: int = 0
    _identity: int = 0  # of who is, or was last, in charge
    _results: str = ""  # where that one takes results
    _replaced: set[int] = field(default_factory=set)  # identities that were in charge
    _n_refused: int = 0
    _refused_there: int = 0
    _once: Once = field(default_factory=lambda: Once(logger))

    @property
    def refused(self) -> int:
        """Results that the collector, and acknowledgements that the producer did not take."""
        return self._n_refused + self._refused_there

    @property
    def results(self) -> str:
        """Where who is, or was last, in charge takes results; "" before the first."""
        return self._results

    def synced(self, peer: bytes, sync: Sync, now_ns: int) -> Standing:
        """A collector says that it is there."""
        is_other = sync.collector != self._identity
        if is_other and self.peer and (sync.results != self._results or sync.collector in self._replaced):
            self.waiting[sync.collector] = peer
            return Standing.WAITS
        took_over = is_other and self._identity != 0
        if took_over:
            self._replaced.add(self._identity)
        self._replaced.discard(sync.collector)
        self.waiting.pop(sync.collector, None)
        self.heard_ns, self.peer = now_ns, peer
        self._identity, self._results = sync.collector, sync.results
        self.rejected, self.duplicates = sync.rejected, sync.duplicates
        self._refused_there = sync.refused
        return Standing.TOOK_OVER if took_over else Standing.IN_CHARGE

    def accepts(self, ack: Ack, stream: Stream, now_ns: int) -> bool:
        """Whether an acknowledgement is of this episode's frames; one that is not is counted."""
        problem = ""
        if ack.collector != self._identity:
            problem = "a collector that is not in charge"
        elif ack.incarnation != stream.config.incarnation:
            problem = "another producer's frames"
        elif ack.episode != stream.episode:
            problem = "another episode's frames"
        if ack.collector == self._identity:
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
