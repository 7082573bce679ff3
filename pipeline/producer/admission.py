"""Who is let in under which name: an identity is a worker's own, a name is only what it is called.

Two workers that wish for one name are not one worker. The first keeps it as long as it speaks: who comes
later waits, for a heartbeat or two, until the first has spoken, and is called something else; or has not,
and is its successor. So it is with an identity, which a copied machine has twice, but that there is nothing
else to call the second: it is refused for as long as the first speaks, and may ask again.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from pipeline.messages import Register
from pipeline.once import Once
from pipeline.producer.events import Envelope
from pipeline.producer.outlook import Outlook
from pipeline.producer.transport import Carrier, Transport
from pipeline.producer.workers import Roster, Worker

logger = logging.getLogger(__name__)

MAX_WORKERS = 1000  # registered or waiting; who comes beyond them is refused
NAME_HEARTBEATS = 2  # who has not spoken for so many loses its name to one that wishes for it
Answer = tuple[Envelope, Worker | None]  # to REGISTER: who is let in; None: nobody, the identity is taken


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
        incidents: counts who was given another name than it wished for, and who was refused.

    Attributes:
        waiting: those whose name or identity another worker has, by identity.
    """

    def __init__(
        self,
        workers: Roster,
        remove: Callable[[bytes, str], None],
        heartbeat_ns: int,
        outlook: Callable[[], Outlook],
        incidents: Counter[str],
    ) -> None:
        self.waiting: dict[str, Applicant] = {}
        self._workers = workers
        self._remove = remove
        self._media: WeakValueDictionary[str, Carrier] = WeakValueDictionary()  # of those who are there
        self._outlook = outlook
        self._incidents = incidents
        self._once = Once(logger)
        self._patience_ns = NAME_HEARTBEATS * heartbeat_ns

    @property
    def is_full(self) -> bool:
        """Tell whether there are as many as are let in."""
        return len(self._workers) + len(self.waiting) >= MAX_WORKERS

    def apply(self, envelope: Envelope, message: Register, now_ns: int) -> list[Answer]:
        """Take a worker's wish to be registered; returns whose wishes are answered now, and how."""
        peer = envelope[0]
        identity = message.identity or peer.hex()
        if self._workers.peer_of(identity) == peer:
            worker = self._workers[peer]
            worker.heard_ns = now_ns
            return [(envelope, worker), *self.heard(worker, now_ns)]
        if peer in self._workers:
            self._remove(peer, "has been replaced at its own socket")
        self.waiting[identity] = Applicant(envelope, identity, message.worker, message.medium)
        return self.look(now_ns)

    def look(self, now_ns: int) -> list[Answer]:
        """Let those in whose name and identity nobody has, or one that is silent for longer than usual."""
        admitted: list[Answer] = []
        for applicant in list(self.waiting.values()):
            known, name = self._workers.peer_of(applicant.identity), applicant.name
            holder = self._workers.named(name) if known is None else self._workers[known]
            if holder is not None:
                if now_ns - holder.heard_ns <= self._patience_ns:
                    continue
                name, peer = holder.name, self._workers.peer_of(holder.identity)
                assert peer is not None, "it is in the roster"
                self._remove(peer, "is silent, and comes anew or has a successor")
            admitted.append(self._let_in(applicant, self._workers.free_name(name), now_ns))
        return admitted

    def heard(self, worker: Worker, now_ns: int) -> list[Answer]:
        """Let those in under other names who wait for that of a worker that has spoken; refuse its double."""
        answers: list[Answer] = []
        if (second := self.waiting.pop(worker.identity, None)) is not None:
            self._incidents["refused_doubles"] += 1
            self._once.warn(
                f"a second worker has the identity of worker {worker.name}: it is refused while that speaks,"
                " and counted from now on; start it anew, so that it draws its own"
            )
            answers.append((second.envelope, None))
        for applicant in self._wishing(worker.name):
            name = self._workers.free_name(applicant.name)
            self._incidents["renamed_workers"] += 1
            logger.warning("a second worker calls itself %s: from now on it is called %s", worker.name, name)
            answers.append(self._let_in(applicant, name, now_ns))
        return answers

    def _wishing(self, name: str) -> Iterable[Applicant]:
        """List who waits for a name alone."""
        waiting = [applicant for applicant in self.waiting.values() if applicant.name == name]
        return [applicant for applicant in waiting if self._workers.peer_of(applicant.identity) is None]

    def _let_in(self, applicant: Applicant, name: str, now_ns: int) -> Answer:
        self.waiting.pop(applicant.identity, None)
        medium = applicant.medium
        carrier = self._media.setdefault(medium, Carrier.shared()) if medium else Carrier()
        transport = Transport(medium, carrier)
        worker = Worker(applicant.identity, name, now_ns, self._outlook(), transport=transport)
        self._workers[applicant.envelope[0]] = worker
        logger.info("worker %s registered", name)
        return applicant.envelope, worker
