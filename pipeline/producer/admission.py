"""Who is let in under which name: an identity is a worker's own, a name is only what it is called.

Two workers that wish for one name are not one worker. The first keeps it as long as it speaks: who comes
later waits, for a heartbeat or two, until the first has spoken, and is called something else; or has not,
and is its successor.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pipeline.messages import Register
from pipeline.producer.events import Envelope
from pipeline.producer.outlook import Outlook
from pipeline.producer.transport import Carrier, Transport
from pipeline.producer.workers import Roster, Worker

logger = logging.getLogger(__name__)

MAX_WORKERS = 1000  # registered or waiting; who comes beyond them is refused
NAME_HEARTBEATS = 2  # who has not spoken for so many loses its name to one that wishes for it


@dataclass(frozen=True, slots=True)
class Applicant:
    """A registration that is not answered yet."""

    envelope: Envelope
    identity: str
    name: str
    medium: str


class Admission:
    """Lets workers into the roster.

    Args:
        workers: the roster.
        remove: ends a worker's registration, by routing id; the text says why.
        heartbeat_ns: how often a worker speaks at least.
        outlook: makes that of a worker of which nothing is known.

    Attributes:
        waiting: those whose name another worker has, by identity.
        n_renamed: how many have been given another name than they wished for.
    """

    def __init__(
        self,
        workers: Roster,
        remove: Callable[[bytes, str], None],
        heartbeat_ns: int,
        outlook: Callable[[], Outlook],
    ) -> None:
        self.waiting: dict[str, Applicant] = {}
        self.n_renamed = 0
        self._workers = workers
        self._remove = remove
        self._media: defaultdict[str, Carrier] = defaultdict(Carrier.shared)
        self._outlook = outlook
        self._patience_ns = NAME_HEARTBEATS * heartbeat_ns

    @property
    def is_full(self) -> bool:
        """Tell whether there are as many as are let in."""
        return len(self._workers) + len(self.waiting) >= MAX_WORKERS

    def apply(self, envelope: Envelope, message: Register, now_ns: int) -> list[tuple[Envelope, Worker]]:
        """Take a worker's wish to be registered; returns who is, now, and is told so at which envelope."""
        peer = envelope[0]
        identity = message.identity or peer.hex()
        known = self._workers.peer_of(identity)
        if known == peer:
            worker = self._workers[peer]
            worker.heard_ns = now_ns
            return [(envelope, worker)]
        if peer in self._workers:
            self._remove(peer, "has been replaced at its own socket")
        if known is not None:  # it comes back through another socket
            name = self._workers[known].name
            self._remove(known, "registered again")
            return [self._let_in(Applicant(envelope, identity, name, message.medium), name, now_ns)]
        self.waiting[identity] = Applicant(envelope, identity, message.worker, message.medium)
        return self.look(now_ns)

    def look(self, now_ns: int) -> list[tuple[Envelope, Worker]]:
        """Let those in whose name nobody has, or one that has been silent for longer than workers are."""
        admitted = []
        for applicant in list(self.waiting.values()):
            name, holder = applicant.name, self._workers.named(applicant.name)
            if holder is not None:
                if now_ns - holder.heard_ns <= self._patience_ns:
                    continue
                peer = self._workers.peer_of(holder.identity)
                assert peer is not None, "it is in the roster"
                self._remove(peer, "is silent, and another worker of this name has come")
            admitted.append(self._let_in(applicant, self._workers.free_name(name), now_ns))
        return admitted

    def heard(self, worker: Worker, now_ns: int) -> list[tuple[Envelope, Worker]]:
        """Let those who wait for the name of a worker that has spoken in under others."""
        admitted = []
        for applicant in self._wishing(worker.name):
            name = self._workers.free_name(applicant.name)
            self.n_renamed += 1
            logger.warning("a second worker calls itself %s: from now on it is called %s", worker.name, name)
            admitted.append(self._let_in(applicant, name, now_ns))
        return admitted

    def _wishing(self, name: str) -> Iterable[Applicant]:
        return [applicant for applicant in self.waiting.values() if applicant.name == name]

    def _let_in(self, applicant: Applicant, name: str, now_ns: int) -> tuple[Envelope, Worker]:
        self.waiting.pop(applicant.identity, None)
        medium = applicant.medium
        transport = Transport(medium, self._media[medium]) if medium else Transport()
        worker = Worker(applicant.identity, name, now_ns, self._outlook(), transport=transport)
        self._workers[applicant.envelope[0]] = worker
        logger.info("worker %s registered", name)
        return applicant.envelope, worker
