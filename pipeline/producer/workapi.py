"""The producer's side of the Work-API: who works for it, who waits, who gets which task."""

import logging
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from msgspec import UNSET, structs

from pipeline.messages import (
    Change,
    End,
    Error,
    ErrorCode,
    Failure,
    GetWork,
    Incidents,
    Leave,
    Register,
    RegistrationConfirmation,
    Wait,
    Work,
)
from pipeline.once import Once
from pipeline.producer.admission import MAX_WORKERS, Admission, Answer
from pipeline.producer.config import HELD_SHARE
from pipeline.producer.events import Command, Envelope, Reply, Unroutable, WorkRequested
from pipeline.producer.states import Cause, after
from pipeline.producer.stream import Stream
from pipeline.producer.turns import Turns
from pipeline.producer.workers import Roster, Worker

logger = logging.getLogger(__name__)

UNREGISTERED = Error("register before asking for work", code=ErrorCode.UNREGISTERED)
CROWDED = Error(f"the producer has {MAX_WORKERS} workers, and takes no more")
SECOND = Error("a worker that speaks has this identity already: start anew, so that another one is drawn")


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """A request for work that waits for a task, or a standing one (n = 0), which waits for news alone."""

    envelope: Envelope
    n: int
    since_ns: int


class WorkApi:
    """Answers REGISTER, GET_WORK and LEAVE from the stream's ledger.

    Attributes:
        workers: the live ones.
        results: where they send results; "" while there is no collector.
        return_frames: whether results carry the frame.
        turns: what decides which frame a worker gets.
        ended: every request is answered with END.
    """

    def __init__(self, stream: Stream) -> None:
        self.workers = Roster()
        self.results = ""
        self.return_frames = False
        self.ended = False
        self._incidents: Counter[str] = Counter()
        self._stream = stream
        self._held: OrderedDict[bytes, HeldRequest] = OrderedDict()
        self.turns = Turns(stream, self.workers, self._asks)
        self._admission = Admission(
            self.workers, self.remove, stream.config.heartbeat_ns, self.turns.new_outlook, self._incidents
        )
        self._once = Once(logger)

    @property
    def ready_workers(self) -> Iterator[tuple[Worker, int]]:
        """Each worker that is ready, and how many tasks it has in hand."""
        for peer, worker in self.workers.items():
            if worker.ready:
                yield worker, len(self._stream.ledger.held_by(peer))

    @property
    def incidents(self) -> Incidents:
        """Say what went wrong with workers so far."""
        return Incidents(**self._incidents)

    @property
    def n_failures(self) -> int:
        """Count attempts that failed, and workers that gave up, so far."""
        return self._incidents["failed_attempts"] + self._incidents["broken_workers"]

    def requested(self, event: WorkRequested, now_ns: int) -> list[Command]:
        """Answer a worker that spoke, or hold its request until there is a task."""
        peer, message = event.envelope[0], event.message
        self._held.pop(peer, None)  # a peer that asks again no longer waits for the old answer
        if self.ended:
            return self._end(event.envelope)
        match message:
            case Register() if self._admission.is_full and peer not in self.workers:
                return [Reply(event.envelope, CROWDED)]
            case Register():
                return self._confirm(self._admission.apply(event.envelope, message, now_ns), now_ns)
            case Leave():
                return self._left(event.envelope, message, now_ns)
            case GetWork():
                return self._asked(event.envelope, message, now_ns)
        assert_never(message)

    def _asked(self, envelope: Envelope, message: GetWork, now_ns: int) -> list[Command]:
        worker = self.workers.get(envelope[0])
        if worker is None:
            return [Reply(envelope, UNREGISTERED)]
        worker.heard_ns = now_ns
        worker.weights = message.weights
        if message.epoch is not UNSET:  # what answered a request that it gave up it does not know
            worker.epoch = message.epoch
        worker.occupancy.told(message.started_ns, message.running_ns)
        worker.transport.told(message.delay_ns)
        worker.outlook.told(now_ns, message.in_hand, message.started_ns)
        if message.ready and not worker.ready:
            worker.state = after(worker.state, Cause.LOADED)
            logger.info("worker %s is ready (%s weights)", worker.name, worker.weights)
        self._note_failures(envelope[0], message.failed)
        commands = self._work_or_wait(envelope, worker, message, now_ns)
        if message.failed:
            commands += self.serve(now_ns)
        return commands + self._confirm(self._admission.heard(worker, now_ns), now_ns)

    def serve(self, now_ns: int) -> list[Command]:
        """Hand queued tasks to requests whose turn it is, those first that have waited longest."""
        commands: list[Command] = []
        for peer, request in [(peer, request) for peer, request in self._held.items() if request.n]:
            if not self._stream.ledger.n_queued:
                break
            reply = self._tasks(self.workers[peer], request.envelope, request.n, now_ns)
            if reply.tasks:
                del self._held[peer]
                commands.append(reply)
        return commands

    def replan(self, now_ns: int) -> list[Command]:
        """Hand out what is somebody's turn now that more is known of workers."""
        return self.serve(now_ns) if self.turns.are_planned else []

    def announce_change(self, now_ns: int) -> list[Command]:
        """Settings changed: tell those who wait; the others hear of it when they next ask."""
        commands: list[Command] = []
        self.turns.bind()
        while self._held:
            peer, request = self._held.popitem(last=False)
            self.workers[peer].outlook.answered(now_ns)
            commands.append(Reply(request.envelope, self._change(self.workers[peer])))
        return commands

    def tick(self, now_ns: int) -> list[Command]:
        """Take tasks back from the silent and from expired leases, answer those who waited long enough."""
        config, ledger = self._stream.config, self._stream.ledger
        for peer, worker in list(self.workers.items()):
            if now_ns - worker.heard_ns > config.silent_ns:
                self._incidents["silent_workers"] += 1
                self.remove(peer, "has fallen silent")
        for frame in ledger.expired(now_ns - config.lease_ns):
            logger.warning("lease of frame %s ran out at attempt %d", frame.key, frame.attempts)
            self._incidents["expired_leases"] += 1
            ledger.take_back(frame)
        commands = self._confirm(self._admission.look(now_ns), now_ns)
        for peer, request in list(self._held.items()):
            if now_ns - request.since_ns >= HELD_SHARE * config.heartbeat_ns:
                del self._held[peer]
                self.workers[peer].outlook.answered(now_ns)
                commands.append(Reply(request.envelope, Wait(now_ns=now_ns)))
        return commands + self.serve(now_ns)

    def unroutable(self, event: Unroutable, now_ns: int) -> list[Command]:
        """Take back the tasks of a reply that did not go out: they were never handed over."""
        ledger = self._stream.ledger
        for header in event.tasks:
            frame = ledger.frames.get((header.stream, header.id))
            if frame is not None and frame.holder == event.peer:
                ledger.take_back(frame, counts=False)
        self.remove(event.peer, "cannot be reached")
        return self.serve(now_ns)

    def unheard(self, address: str) -> list[Command]:
        """Note that somebody is connected, and nothing that it says arrives, if it says anything."""
        self._incidents["unheard_clients"] += 1
        logger.warning(
            "a client at %s is connected and not heard: if it speaks, its ZeroMQ routing id is another"
            " client's; let each have its own, or set none",
            address,
        )
        return []

    def refused(self, why: str) -> list[Command]:
        """Note that somebody was turned away at the door."""
        self._incidents["refused_clients"] += 1
        self._once.warn(f"a client was turned away: {why}; it is counted from now on")
        return []

    def remove(self, peer: bytes, why: str, *, tried: bool = True) -> None:
        """Forget a worker; its tasks go back to the queue, with one try less if it may have `tried` them."""
        worker = self.workers.pop(peer, None)
        self._held.pop(peer, None)
        frames = self._stream.ledger.held_by(peer)
        for frame in frames:
            self._stream.ledger.take_back(frame, counts=tried)
        if worker is not None:
            worker.state = after(worker.state, Cause.REMOVE)
            logger.warning("worker %s %s; %d tasks go back to the queue", worker.name, why, len(frames))

    def send_results_to(self, results: str, return_frames: bool, is_other: bool) -> list[Command]:
        """Have results sent to this collector; if that is news, every worker must register again.

        Who waits for a task is told so at once.
        """
        commands: list[Command] = []
        if is_other or (self.results, self.return_frames) != (results, return_frames):
            logger.info("collector takes results at %s", results)
            if self.results:
                commands = [Reply(request.envelope, UNREGISTERED) for request in self._held.values()]
                for peer in list(self.workers):
                    self.remove(peer, "must hear of another collector")
        self.results, self.return_frames = results, return_frames
        return commands

    def end(self) -> list[Command]:
        """Answer every waiting request, and every later one, with END."""
        self.ended = True
        standing = [peer for peer, request in self._held.items() if not request.n]
        held = [waiting.envelope for waiting in (*self._held.values(), *self._admission.waiting.values())]
        self._held.clear()
        self._admission.waiting.clear()
        commands = [command for envelope in held for command in self._end(envelope)]
        for peer in standing:  # who has just given this up hears END only when it asks again
            self.workers[peer].told_end = False
        return commands

    def _end(self, envelope: Envelope) -> list[Command]:
        worker = self.workers.get(envelope[0])
        if worker is not None:
            worker.told_end = True
        return [Reply(envelope, End())]

    def _confirm(self, answers: Iterable[Answer], now_ns: int) -> list[Command]:
        return [Reply(envelope, self._confirmation(worker, now_ns)) for envelope, worker in answers]

    def _confirmation(self, worker: Worker | None, now_ns: int) -> RegistrationConfirmation | Error:
        if worker is None:
            return SECOND
        worker.epoch = self._stream.epoch
        return self._stream.confirmation(worker.name, self.results, self.return_frames, now_ns)

    # --- what they cannot do ---

    def _left(self, envelope: Envelope, message: Leave, now_ns: int) -> list[Command]:
        """Let a worker go that cannot go on; others have what it did not break over as if it never had."""
        peer = self.workers.peer_of(message.identity)
        if peer is not None:
            self._incidents["broken_workers"] += 1
            self._note_failures(peer, message.failed)
            self.remove(peer, f"gives up: {message.reason}", tried=False)
        return [Reply(envelope, End()), *self.serve(now_ns)]

    def _note_failures(self, peer: bytes, failures: Iterable[Failure]) -> None:
        """Have others try what a worker could not process; the log has each kind once for each worker."""
        worker = self.workers[peer]
        for failure in failures:
            key = failure.stream, failure.id
            is_present = failure.episode == self._stream.episode
            if not (is_present and self._stream.ledger.fail(key, peer, worker.name)):
                continue
            self._incidents["failed_attempts"] += 1
            line = f"worker {worker.name} cannot process frame {key}: {failure.reason}"
            self._once.warn(line, f"{worker.name}: {failure.reason.partition(':')[0]}")

    # --- tasks ---

    def _work_or_wait(
        self, envelope: Envelope, worker: Worker, message: GetWork, now_ns: int
    ) -> list[Command]:
        if worker.epoch != self._stream.epoch:
            return [Reply(envelope, self._change(worker))]
        if message.standing:
            self._held[envelope[0]] = HeldRequest(envelope, 0, now_ns)
            return []
        if not message.n or not message.ready:
            return [Reply(envelope, Wait(now_ns=now_ns))]
        reply = self._tasks(worker, envelope, message.n, now_ns)
        if not reply.tasks:
            self._held[envelope[0]] = HeldRequest(envelope, message.n, now_ns)
            return []
        return [reply]

    def _tasks(self, worker: Worker, envelope: Envelope, n: int, now_ns: int) -> Reply:
        worker.state = after(worker.state, Cause.HAND_TASK)
        tasks = tuple(
            (structs.replace(header, sent_ns=now_ns), image)
            for header, image in self.turns.take(envelope[0], n, now_ns)
        )
        return Reply(envelope, Work(now_ns=now_ns), tasks)

    def _asks(self, peer: bytes) -> bool:
        """Tell whether a request of this worker waits for a task."""
        return peer in self._held and self._held[peer].n > 0

    def _change(self, worker: Worker) -> Change:
        worker.epoch = self._stream.epoch
        return self._stream.change()
