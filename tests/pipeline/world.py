"""A virtual network and clock around the real cores: seeded faults, no socket, no thread, no sleep.

Everything that happens is drawn from one generator, so a seed is a whole history.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from msgspec import UNSET

from pipeline.collector import events as collecting
from pipeline.collector.core import Collector
from pipeline.messages import (
    Ack,
    Gap,
    LinkDown,
    Outcome,
    Result,
    ResultPart,
    SetKnobs,
    Start,
    TaskHeader,
    Totals,
    WorkRequest,
)
from pipeline.producer import events as producing
from pipeline.producer.core import Producer
from tests.pipeline.producer.conversation import MS, Conversation, S, config
from tests.pipeline.virtual_worker import VirtualWorker

IMAGE = np.zeros((8, 8, 3), np.uint8)


@dataclass(frozen=True)
class Faults:
    """What can go wrong; probabilities per message, times in ns.

    Attributes:
        drop, duplicate: of a message between any two.
        delay_ns: longest delay; a message may overtake another by as much.
        fail: of a task, that its worker cannot process it.
        crash_every_ns, hang_every_ns: mean time between crashes and hangs of a worker, 0 = never.
        until_ns: nothing goes wrong afterwards.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    fail: float = 0.0
    delay_ns: int = MS
    crash_every_ns: int = 0
    hang_every_ns: int = 0
    until_ns: int = 0


@dataclass
class History:
    """What an observer outside saw; `emitted` in order, by each collector there has been."""

    offered: set[tuple[int, int]] = field(default_factory=set)
    emitted: list[list[tuple[int, int]]] = field(default_factory=list)
    dropped: set[tuple[int, int]] = field(default_factory=set)
    thinned: set[tuple[int, int]] = field(default_factory=set)
    judged: dict[tuple[int, int], Outcome] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    finished_ns: int = 0


class World:
    """Producer, collector and workers in virtual time."""

    def __init__(self, seed: int, faults: Faults, n_workers: int, n_frames: int, **changes) -> None:
        self.random = random.Random(seed)
        self.faults = faults
        self.now_ns = 0
        self.history = History()
        self._agenda: list[tuple[int, int, Callable[[], object]]] = []
        self._order = count()
        self._n_frames = n_frames
        self._changes = changes
        self.producer = Producer(config(supervised=True, incarnation=1, **changes), 0)
        self.replace_collector()
        self.workers: dict[bytes, VirtualWorker] = {}
        self._names = count()
        self._begun: producing.BeginCapture | None = None
        self._epoch_grade = (0, 0)
        self._n_streams = 1
        self._next_ids: dict[int, int] = {}
        self._every(S // 10, lambda: self._produce(producing.Tick()))
        self._every(S // 10, lambda: self._collect(collecting.Tick()))
        for _ in range(n_workers):
            self.join()

    # --- time ---

    def at(self, time_ns: int, action: Callable[[], object]) -> None:
        """Put an action on the agenda."""
        heapq.heappush(self._agenda, (time_ns, next(self._order), action))

    def _every(self, period_ns: int, action: Callable[[], None]) -> None:
        def again() -> None:
            action()
            self.at(self.now_ns + period_ns, again)

        self.at(self.now_ns + period_ns, again)

    def run(self, until_ns: int) -> None:
        """Let things happen until the producer has finished, or it is too late."""
        while self._agenda and not self.history.finished_ns:
            time_ns, _, action = heapq.heappop(self._agenda)
            if time_ns > until_ns:
                return
            self.now_ns = time_ns
            action()

    # --- what happens ---

    def start(self, streams: int) -> None:
        """Begin the episode and let the source play its frames at 10 fps, then end, then stop."""
        self.control(Start(seed=0, levels=(1, 0, 2), streams=streams))
        producer = self.producer
        for i in range(self._n_frames):
            self.at(self.now_ns + i * S // 10, lambda: self.producer is producer and self._capture())
        ended_ns = self.now_ns + self._n_frames * S // 10
        self.at(ended_ns, lambda: self.producer is producer and self._end_source())

    def _capture(self) -> None:
        assert self._begun is not None
        epoch, grade = self._epoch_grade
        now_ns = self.now_ns
        self._produce(producing.Captured(self._begun.episode, epoch, grade, 0, now_ns, now_ns, IMAGE))

    def _end_source(self) -> None:
        assert self._begun is not None
        self._produce(producing.SourceEnded(self._begun.episode))
        self._stop_when_ended()

    def _stop_when_ended(self) -> None:
        if self.telemetry().state == "ENDED":
            self.totals = self.totals_now()
            self._produce(producing.StopRequested())
        else:
            self.at(self.now_ns + S // 20, self._stop_when_ended)

    def control(self, message: SetKnobs | Start) -> None:
        """A controller begins an episode, turns the knobs or changes the number of streams."""
        if message.streams is not UNSET:
            self._n_streams = message.streams
        self._produce(producing.ControlRequested((b"test",), message))

    def replace_collector(self) -> None:
        """Another one takes the place of the present one: what that had not told anybody is gone."""
        self.history.emitted.append([])
        self._collector_peer = b"collector/%d" % len(self.history.emitted)
        identity = len(self.history.emitted)
        self.collector = Collector("virtual", return_frames=False, identity=identity)

    def replace_producer(self, incarnation: int) -> None:
        """The producer is killed, its source with it, and started again; its last words are on their way."""
        self.producer = Producer(
            config(supervised=True, incarnation=incarnation, **self._changes), self.now_ns
        )
        self._next_ids.clear()
        self.history.offered.clear()

    def join(self) -> None:
        """A worker starts; it may crash or hang one day. Others may wish for the same name."""
        name = f"w{next(self._names)}".encode()
        self.workers[name] = VirtualWorker(name, self)
        for every_ns, fate in (
            (self.faults.crash_every_ns, self._crash),
            (self.faults.hang_every_ns, self._hang),
        ):
            if every_ns:
                self.at(self.now_ns + round(self.random.expovariate(1 / every_ns)), lambda f=fate: f(name))

    def _crash(self, name: bytes) -> None:
        if self.now_ns < self.faults.until_ns and name in self.workers:
            self.workers.pop(name).dead = True
            self.at(self.now_ns + self.random.randrange(3 * S), self.join)

    def _hang(self, name: bytes) -> None:
        if self.now_ns < self.faults.until_ns and name in self.workers:
            self.workers[name].hang(self.now_ns + self.random.randrange(20 * S))

    # --- the network ---

    def transmit(self, deliver: Callable[[], None]) -> None:
        """A message on its way: late, twice, or never."""
        faulty = self.now_ns < self.faults.until_ns
        if faulty and self.random.random() < self.faults.drop:
            return
        copies = 2 if faulty and self.random.random() < self.faults.duplicate else 1
        for _ in range(copies):
            delay_ns = self.random.randrange(self.faults.delay_ns) if faulty else MS // 10
            self.at(self.now_ns + delay_ns, deliver)

    def request(self, envelope: tuple[bytes, ...], message: WorkRequest) -> None:
        """A worker asks the producer."""
        self.transmit(lambda: self._produce(producing.WorkRequested(envelope, message)))

    def fails(self) -> bool:
        """Whether a worker cannot process the task that it is at."""
        return self.now_ns < self.faults.until_ns and self.random.random() < self.faults.fail

    def result(self, header: TaskHeader, worker: str, service_ns: int) -> None:
        """A worker sends a result to the collector."""
        height, width, _ = header.shape
        captured_ns, sent_ns, done_ns = header.captured_ns, header.sent_ns - header.captured_ns, self.now_ns
        result = Result(
            id=header.id,
            dtype="uint8",
            shape=(0,),
            size=(width, height),
            stamps_ns=(sent_ns, sent_ns + MS, done_ns - service_ns - captured_ns, done_ns - captured_ns),
            stream=header.stream,
            incarnation=header.incarnation,
            episode=header.episode,
            epoch=header.epoch,
            grade=header.grade,
            captured_ns=header.captured_ns,
            service_ns=service_ns,
            worker=worker,
        )
        part = ResultPart(result, np.zeros((0, 6), np.float32), None)
        self.transmit(lambda: self._collect(collecting.ResultsCame([part])))

    def _produce(self, event: producing.Event) -> None:
        if isinstance(event, producing.Captured):
            self._note_offers()
        for command in self.producer.handle(event, self.now_ns):
            match command:
                case producing.Reply():
                    self._reply(command)
                case producing.Tell(peer, message):
                    if isinstance(message, Gap):
                        for stream, frame_id, outcome in message.frames:
                            if outcome is Outcome.DROPPED:
                                self.history.dropped.add((stream, frame_id))
                            elif outcome is Outcome.THINNED:
                                self.history.thinned.add((stream, frame_id))
                    self.transmit(lambda p=peer, m=message: self._tell_collector(p, m))
                case producing.BeginCapture():
                    self._begun = command
                    self._epoch_grade = command.epoch, command.settings.grade
                case producing.ChangeCapture(epoch, settings):
                    self._epoch_grade = epoch, settings.grade
                case producing.Finish():
                    self.history.finished_ns = self.now_ns

    def _note_offers(self) -> None:
        for stream in range(self._n_streams):
            frame_id = self._next_ids.get(stream, 0)
            self._next_ids[stream] = frame_id + 1
            self.history.offered.add((stream, frame_id))

    def _reply(self, reply: producing.Reply) -> None:
        peer = reply.envelope[0]
        headers = tuple(header for header, _ in reply.tasks)
        worker = self.workers.get(peer.partition(b"/")[0])
        if worker is None or worker.peer != peer:
            if self.random.random() < 0.5:  # else the transport has not noticed yet, and it is just gone
                self._produce(producing.Unroutable(peer, headers))
            return
        self.transmit(lambda: worker.replied(reply.envelope, reply.message, headers))

    def _tell_collector(self, peer: bytes, message: LinkDown) -> None:
        if peer == self._collector_peer:
            self._collect(collecting.ProducerSpoke(message))

    def _collect(self, event: collecting.Event) -> None:
        for command in self.collector.handle(event, self.now_ns):
            match command:
                case collecting.Emit(part):
                    self.history.emitted[-1].append((part.header.stream, part.header.id))
                case collecting.Tell(message):
                    if isinstance(message, Ack):
                        self._note_verdicts(message)
                    spoke = producing.CollectorSpoke(self._collector_peer, message)
                    self.transmit(lambda e=spoke: self._produce(e))

    def _note_verdicts(self, ack: Ack) -> None:
        for verdict in ack.verdicts:
            key = verdict.stream, verdict.id
            if self.history.judged.setdefault(key, verdict.outcome) is not verdict.outcome:
                self.history.contradictions.append(f"{key}: {self.history.judged[key]} and {verdict.outcome}")

    # --- what can be asked ---

    def telemetry(self):
        """The producer's own account, over its control socket."""
        return Conversation.telemetry(self._observer())

    def totals_now(self) -> Totals:
        """Frames so far."""
        return self.telemetry().totals

    def _observer(self) -> Conversation:
        observer = object.__new__(Conversation)
        observer.core, observer.now_ns, observer.begun = self.producer, self.now_ns, self._begun
        return observer
