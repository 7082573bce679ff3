"""The producer's side of the Work-API: who works for it, who waits, who gets which task."""

import logging
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from pipeline.messages import (
    Change,
    End,
    Error,
    GetWork,
    Register,
    RegistrationConfirmation,
    State,
    Status,
    Wait,
    Work,
    WorkerStatus,
    WorkLoad,
    WorkReply,
)
from pipeline.producer.events import Command, Envelope, Reply, Unroutable, WorkRequested
from pipeline.producer.stream import Stream
from pipeline.producer.workers import Worker

logger = logging.getLogger(__name__)

HELD_SHARE = 0.8  # of a heartbeat: an unanswered request gets WAIT after this, so that it comes within one


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """A request for work that waits for a task."""

    envelope: Envelope
    n: int
    since_ns: int


class WorkApi:
    """Answers REGISTER and GET_WORK from the stream's ledger.

    Attributes:
        workers: the live ones, by routing id.
        results: where they send results; "" while there is no collector.
        return_frames: whether results carry the frame.
        ended: every request is answered with END.
    """

    def __init__(self, stream: Stream) -> None:
        self.workers: dict[bytes, Worker] = {}
        self.results = ""
        self.return_frames = False
        self.ended = False
        self._stream = stream
        self._held: OrderedDict[bytes, HeldRequest] = OrderedDict()
        self._n_named = 0

    @property
    def ready_workers(self) -> Iterator[tuple[Worker, int]]:
        """Each worker that is ready, and how many tasks it has in hand."""
        for peer, worker in self.workers.items():
            if worker.ready:
                yield worker, len(self._stream.ledger.held_by(peer))

    def named(self, name: str) -> Worker | None:
        """The live worker of this name."""
        return next((worker for worker in self.workers.values() if worker.name == name), None)

    def requested(self, event: WorkRequested, now_ns: int) -> list[Command]:
        """A worker spoke: answer it, or hold its request until there is a task."""
        peer, message = event.envelope[0], event.message
        self._held.pop(peer, None)  # a peer that asks again no longer waits for the old answer
        if self.ended:
            return self._end(event.envelope)
        if isinstance(message, Register):
            return [Reply(event.envelope, self._register(peer, message, now_ns))]
        worker = self.workers.get(peer)
        if worker is None:
            return [Reply(event.envelope, Error("register before asking for work", code="UNREGISTERED"))]
        worker.heard_ns = now_ns
        worker.weights = message.weights
        worker.occupancy.told(message.started_ns, message.running_ns)
        if message.ready and not worker.ready:
            worker.ready = True
            logger.info("worker %s is ready (%s weights)", worker.name, worker.weights)
        return self._work_or_wait(event.envelope, worker, message, now_ns)

    def serve(self, now_ns: int) -> list[Command]:
        """Hand queued tasks to the requests that have waited longest."""
        commands: list[Command] = []
        while self._held and self._stream.ledger.n_queued:
            peer, request = self._held.popitem(last=False)
            commands.append(self._tasks(peer, request.envelope, request.n, now_ns))
        return commands

    def announce_change(self) -> list[Command]:
        """Settings changed: tell those who wait; the others hear of it when they next ask."""
        commands: list[Command] = []
        while self._held:
            peer, request = self._held.popitem(last=False)
            commands.append(Reply(request.envelope, self._change(self.workers[peer])))
        return commands

    def tick(self, now_ns: int) -> list[Command]:
        """Take tasks back from the silent and from expired leases, answer those who waited long enough."""
        config, ledger = self._stream.config, self._stream.ledger
        for peer, worker in list(self.workers.items()):
            if now_ns - worker.heard_ns > config.silent_ns:
                self.remove(peer, "has fallen silent")
        for frame in ledger.expired(now_ns - config.lease_ns):
            logger.warning("lease of frame %s ran out at attempt %d", frame.key, frame.attempts)
            ledger.take_back(frame)
        commands: list[Command] = []
        for peer, request in list(self._held.items()):
            if now_ns - request.since_ns >= HELD_SHARE * config.heartbeat_ns:
                del self._held[peer]
                commands.append(Reply(request.envelope, Wait(now_ns=now_ns)))
        return commands + self.serve(now_ns)

    def unroutable(self, event: Unroutable, now_ns: int) -> list[Command]:
        """A reply did not go out: its tasks were never handed over."""
        ledger = self._stream.ledger
        for header in event.tasks:
            frame = ledger.frames.get((header.stream, header.id))
            if frame is not None and frame.holder == event.peer:
                ledger.take_back(frame, counts=False)
        self.remove(event.peer, "cannot be reached")
        return self.serve(now_ns)

    def remove(self, peer: bytes, why: str) -> None:
        """Forget a worker; its tasks go back to the queue."""
        worker = self.workers.pop(peer, None)
        self._held.pop(peer, None)
        frames = self._stream.ledger.held_by(peer)
        for frame in frames:
            self._stream.ledger.take_back(frame)
        if worker is not None:
            logger.warning("worker %s %s; %d tasks go back to the queue", worker.name, why, len(frames))

    def remove_all(self, why: str) -> None:
        """Forget every worker; each registers again when it next asks."""
        for peer in list(self.workers):
            self.remove(peer, why)

    def end(self) -> list[Command]:
        """Answer every waiting request, and every later one, with END."""
        self.ended = True
        held = [request.envelope for request in self._held.values()]
        self._held.clear()
        return [command for envelope in held for command in self._end(envelope)]

    def _end(self, envelope: Envelope) -> list[Command]:
        worker = self.workers.get(envelope[0])
        if worker is not None:
            worker.told_end = True
        return [Reply(envelope, End())]

    def _register(self, peer: bytes, message: Register, now_ns: int) -> RegistrationConfirmation:
        for other, worker in list(self.workers.items()):
            if message.worker and worker.name == message.worker and other != peer:
                self.remove(other, "registered again")
        if peer not in self.workers:
            self._n_named += 1
            name = message.worker or f"worker {self._n_named}"
            self.workers[peer] = Worker(name, now_ns, self._stream.epoch)
            logger.info("worker %s registered", name)
        self.workers[peer].heard_ns = now_ns
        self.workers[peer].epoch = self._stream.epoch
        config = self._stream.config
        return RegistrationConfirmation(
            work_type=config.work_type,
            work_load=WorkLoad(self._stream.settings.grade).name,
            loading_mode=config.loading_mode,
            epoch=self._stream.epoch,
            grades=config.ladders.grades,
            weights=config.weights,
            sizes=config.ladders.sizes,
            results=self.results,
            return_frames=self.return_frames,
            heartbeat_s=config.heartbeat_ns * 1e-9,
            now_ns=now_ns,
        )

    def _work_or_wait(
        self, envelope: Envelope, worker: Worker, message: GetWork, now_ns: int
    ) -> list[Command]:
        if worker.epoch != self._stream.epoch:
            return [Reply(envelope, self._change(worker))]
        if not message.n or not message.ready:
            return [Reply(envelope, Wait(now_ns=now_ns))]
        peer = envelope[0]
        if not self._stream.ledger.n_queued:
            self._held[peer] = HeldRequest(envelope, message.n, now_ns)
            return []
        return [self._tasks(peer, envelope, message.n, now_ns)]

    def _tasks(self, peer: bytes, envelope: Envelope, n: int, now_ns: int) -> Reply:
        tasks = []
        for _ in range(n):
            frame = self._stream.ledger.hand_out(peer, now_ns)
            if frame is None:
                break
            tasks.append((msgspec.structs.replace(frame.header, sent_ns=now_ns), frame.image))
        return Reply(envelope, Work(now_ns=now_ns), tuple(tasks))

    def _change(self, worker: Worker) -> WorkReply:
        worker.epoch = self._stream.epoch
        settings = self._stream.settings
        return Change(
            epoch=self._stream.epoch,
            CHANGE_WORK_LOAD=settings.grade,
            CHANGE_FPS=settings.fps,
            CHANGE_SIZE=(settings.width, settings.height),
        )


def status(stream: Stream, work: WorkApi, state: State, collector: bool) -> Status:
    """Who is there, and what the stream is."""
    config = stream.config
    return Status(
        state=state,
        episode=stream.episode,
        epoch=stream.epoch,
        levels=stream.levels,
        streams=stream.n_streams,
        source_size=config.source_size,
        source_fps=config.source_fps,
        is_live=config.is_live,
        fps_levels=config.ladders.fps,
        sizes=config.ladders.sizes,
        grades=config.ladders.grades,
        workers=tuple(
            WorkerStatus(
                name=worker.name,
                ready=worker.ready,
                weights=worker.weights,
                in_hand=len(stream.ledger.held_by(peer)),
            )
            for peer, worker in work.workers.items()
        ),
        collector=collector,
    )
