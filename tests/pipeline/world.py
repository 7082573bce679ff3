"""A virtual network and clock around the real cores: seeded faults, no socket, no thread, no sleep.

Everything that happens is drawn from one generator, so a seed is a whole history.
"""

import heapq
import random
from collections.abc import Callable
from itertools import count

import numpy as np
from msgspec import UNSET

from pipeline.collector import events as collecting
from pipeline.collector.core import Collector
from pipeline.messages import (
    Ack,
    Gap,
    GetStatus,
    LinkDown,
    Outcome,
    Result,
    ResultPart,
    SetKnobs,
    Start,
    Status,
    TaskHeader,
    Totals,
    WorkRequest,
)
from pipeline.producer import events as producing
from pipeline.producer.core import Producer
from tests.pipeline.faults import Faults, History
from tests.pipeline.producer.conversation import MS, Conversation, S, config
from tests.pipeline.virtual_worker import VirtualWorker

IMAGE = np.zeros((8, 8, 3), np.uint8)


class World:
    """Producer, collector and workers in virtual time."""

    def __init__(self, seed: int, faults: Faults, n_workers: int, n_frames: int, **changes) -> None:
        self.random = random.Random(seed)
        self.faults = faults
        self.now_ns = 0
        self.history = History()
        self._cut_until_ns: dict[str, int] = {}  # by link
        self._stalled_until_ns = 0  # the collector
        self._collector_ahead_ns = 0  # its clock of ours
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
        for every_ns, mishap in (
            (faults.cut_every_ns, self._cut),
            (faults.stall_every_ns, self._stall),
            (faults.jump_every_ns, self._jump),
        ):
            if every_ns:
                self._strike(every_ns, mishap)

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
            status = self._observer().control(GetStatus())
            assert isinstance(status, Status)
            self.hears_collector = status.collector
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
            self._note(name.decode(), "crashes")
            self.at(self.now_ns + self.random.randrange(3 * S), self.join)

    def _hang(self, name: bytes) -> None:
        if self.now_ns < self.faults.until_ns and name in self.workers:
            self.workers[name].hang(self.now_ns + self.random.randrange(20 * S))

    def _strike(self, every_ns: int, mishap: Callable[[], None]) -> None:
        """Now and then, until nothing goes wrong any more."""
        at_ns = self.now_ns + round(self.random.expovariate(1 / every_ns))

        def again() -> None:
            mishap()
            self._strike(every_ns, mishap)

        if at_ns < self.faults.until_ns:
            self.at(at_ns, again)

    def _cut(self) -> None:
        links = ["collector", *(f"{name.decode()}{to}" for name in self.workers for to in ("", ">collector"))]
        link = self.random.choice(links)
        self._cut_until_ns[link] = min(self.now_ns + self.random.randrange(8 * S), self.faults.until_ns)
        self._note(link, f"is cut until {self._cut_until_ns[link] * 1e-9:.3f} s")

    def _stall(self) -> None:
        self._stalled_until_ns = min(self.now_ns + self.random.randrange(6 * S), self.faults.until_ns)
        self._note("collector", f"stalls until {self._stalled_until_ns * 1e-9:.3f} s")

    def _jump(self) -> None:
        by_ns, name = self.random.randrange(10 * S), self.random.choice([None, *self.workers])
        if name is None:
            self._collector_ahead_ns += by_ns
        else:
            self.workers[name].jump(by_ns)
        self._note("collector" if name is None else name.decode(), f"its clock jumps by {by_ns * 1e-9:.3f} s")

    def _note(self, link: str, what: object) -> None:
        self.history.said.append((self.now_ns, link, what))

    # --- the network ---

    def transmit(self, link: str, message: object, deliver: Callable[[], None]) -> None:
        """A message on its way: late, twice, or never.

        Args:
            link: "collector" = between it and the producer, NAME or NAME>collector = of a worker.
            message: for whoever reads the conversation.
        """
        self._note(link, message)
        if self.now_ns < self._cut_until_ns.get(link, 0):
            return
        faulty = self.now_ns < self.faults.until_ns
        if faulty and self.random.random() < self.faults.drop:
            return
        copies = 2 if faulty and self.random.random() < self.faults.duplicate else 1
        for _ in range(copies):
            delay_ns = self.random.randrange(self.faults.delay_ns) if faulty else MS // 10
            self.at(self.now_ns + delay_ns, deliver)

    def request(self, envelope: tuple[bytes, ...], message: WorkRequest) -> None:
        """A worker asks the producer."""
        name = envelope[0].partition(b"/")[0].decode()
        self.transmit(name, message, lambda: self._produce(producing.WorkRequested(envelope, message)))

    def fails(self) -> bool:
        """Whether a worker cannot process the task that it is at."""
        return self.now_ns < self.faults.until_ns and self.random.random() < self.faults.fail

    def result(self, header: TaskHeader, sender: bytes, worker: str, service_ns: int) -> None:
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
        came = collecting.ResultsCame([part])
        self.transmit(f"{sender.decode()}>collector", result, lambda: self._collect(came))

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
                    self.transmit("collector", message, lambda p=peer, m=message: self._tell_collector(p, m))
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
        link, message = worker.name.decode(), reply.message
        self.transmit(link, message, lambda: worker.replied(reply.envelope, message, headers))

    def _tell_collector(self, peer: bytes, message: LinkDown) -> None:
        if peer == self._collector_peer:
            self._collect(collecting.ProducerSpoke(message))

    def _collect(self, event: collecting.Event) -> None:
        if self.now_ns < self._stalled_until_ns:
            collector = self.collector
            self.at(self._stalled_until_ns, lambda: self.collector is collector and self._collect(event))
            return
        for command in self.collector.handle(event, self.now_ns + self._collector_ahead_ns):
            match command:
                case collecting.Emit(part):
                    self.history.emitted[-1].append((part.header.stream, part.header.id))
                case collecting.Tell(message):
                    if isinstance(message, Ack):
                        self._note_verdicts(message)
                    spoke = producing.CollectorSpoke(self._collector_peer, message)
                    self.transmit("collector", message, lambda e=spoke: self._produce(e))

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
