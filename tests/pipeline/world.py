"""A virtual network and clock around the real cores: seeded faults, no socket, no thread, no sleep.

Everything that happens is drawn from a seed, which is a whole history.
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
    ErrorCode,
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
    WorkRequest,
)
from pipeline.producer import events as producing
from pipeline.producer.core import Producer
from tests.pipeline.faults import DOWN, UP, Faults, History
from tests.pipeline.mishaps import Mishaps
from tests.pipeline.producer.conversation import MS, Conversation, S, config
from tests.pipeline.virtual_worker import VirtualWorker

IMAGE = np.zeros((8, 8, 3), np.uint8)


class World:
    """Producer, collector and workers in virtual time.

    Attributes:
        totals, hears_collector: of the producer when its episode had ended.
        refused: clients then, as it counted them, and as an observer did.
        stalled_until_ns, collector_ahead_ns: the collector, and by how much its clock is ahead of ours.
    """

    def __init__(self, seed: int, faults: Faults, n_workers: int, n_frames: int, **changes) -> None:
        self.random = random.Random(seed)
        self.faults = faults
        self.now_ns = 0
        self.history = History()
        self.mishaps = Mishaps(self, seed)
        self._absent_until_ns: dict[str, int] = {}  # by program
        self.stalled_until_ns = self.collector_ahead_ns = 0
        self._agenda: list[tuple[int, int, Callable[[], object]]] = []
        self._order = count()
        self._n_frames = n_frames
        self._changes = changes
        self.incarnation = self._n_collectors = 0
        self.restart_producer()
        self.replace_collector()
        self.workers: dict[bytes, VirtualWorker] = {}
        self._names = count()
        self._every(S // 10, lambda: self._produce(producing.Tick()))
        self._every(S // 10, lambda: self._collect(collecting.Tick()))
        for _ in range(n_workers):
            self.join()
        self.mishaps.begin()

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
        for i in range(self._n_frames):
            self.after(i * S // 10, self._capture)
        self.after(self._n_frames * S // 10, self._end_source)

    def after(self, delay_ns: int, action: Callable[[], object]) -> None:
        """Put an action on the agenda that is of no use once another producer is there."""
        producer = self.producer
        self.at(self.now_ns + delay_ns, lambda: self.producer is producer and action())

    @property
    def has_begun(self) -> bool:
        """Tell whether the producer that is there has begun an episode."""
        return self._begun is not None

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
            telemetry = self.telemetry()
            self.totals = telemetry.totals
            self.refused = telemetry.incidents.refused_clients, self.history.turned_away
            status = self._observer().control(GetStatus())
            assert isinstance(status, Status)
            self.hears_collector = status.collector
            self._produce(producing.StopRequested())
        else:
            self.after(S // 20, self._stop_when_ended)

    def control(self, message: SetKnobs | Start) -> None:
        """A controller begins an episode, turns the knobs or changes the number of streams."""
        if self.is_absent("producer"):
            return
        if message.streams is not UNSET:
            self._n_streams = message.streams
        self._produce(producing.ControlRequested((b"test",), message))

    def replace_collector(self, absent_ns: int = 0) -> None:
        """Another one takes the place of the present one: what that had not told anybody is gone."""
        self._n_collectors += 1
        self._collector_peer = b"collector/%d" % self._n_collectors
        self._absent_until_ns["collector"] = self.now_ns + absent_ns
        self.collector = Collector("virtual", return_frames=False, identity=self._n_collectors)

    def restart_producer(self, absent_ns: int = 0) -> None:
        """The producer is killed, its source with it, and started again; its last words are on their way."""
        self.incarnation += 1
        self._absent_until_ns["producer"] = self.now_ns + absent_ns
        self.producer = Producer(
            config(supervised=True, incarnation=self.incarnation, **self._changes), self.now_ns
        )
        self._begun: producing.BeginCapture | None = None
        self._epoch_grade = (0, 0)
        self._n_streams = 1
        self._next_ids: dict[int, int] = {}
        self.history.begin_anew()

    def join(self, identity: str = "") -> None:
        """A worker starts; others may wish for the same name, and one may have this identity."""
        name = f"w{next(self._names)}".encode()
        self.workers[name] = VirtualWorker(name, self, identity, *self.mishaps.of_newcomer(name.decode()))

    def lose(self, name: bytes) -> None:
        """A worker is gone, and another comes in its place."""
        self.workers.pop(name).dead = True
        self.at(self.now_ns + self.mishaps.absence_ns, self.join)

    def is_absent(self, program: str) -> bool:
        """Tell whether the producer, or the collector, is dead at present."""
        return self.now_ns < self._absent_until_ns[program]

    def note(self, link: str, what: object) -> None:
        """Note what somebody who reads the conversation should know."""
        self.history.said.append((self.now_ns, link, what))

    # --- the network ---

    def transmit(self, link: str, way: str, message: object, deliver: Callable[[], None]) -> None:
        """A message on its way: late, twice, or never.

        Args:
            link: "collector" = between it and the producer, NAME or NAME>collector = of a worker.
            way: UP or DOWN.
            message: for whoever reads the conversation.
        """
        self.note(f"{link} {way}", message)
        for delay_ns in self.mishaps.on_the_way(link, way):
            self.at(self.now_ns + delay_ns, deliver)

    def request(self, envelope: tuple[bytes, ...], message: WorkRequest, is_foreign: bool) -> None:
        """A worker asks the producer."""
        event: producing.Event = producing.WorkRequested(envelope, message)
        if is_foreign:
            event = producing.Malformed("speaks protocol 0", ErrorCode.OTHER_PROTOCOL, work=envelope)
        name = envelope[0].partition(b"/")[0].decode()
        self.transmit(name, UP, message, lambda: self._produce(event))

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
        self.transmit(f"{sender.decode()}>collector", UP, result, lambda: self._collect(came))

    def turn_away(self, refused: producing.Refused) -> None:
        """The producer does not let somebody in."""
        self.history.turned_away += not self.is_absent("producer")
        self._produce(refused)

    def _produce(self, event: producing.Event) -> None:
        if self.is_absent("producer"):
            return
        if isinstance(event, producing.Captured):
            self._note_offers()
        for command in self.producer.handle(event, self.now_ns):
            match command:
                case producing.Reply():
                    self._reply(command)
                case producing.Tell(peer, message):
                    self._tell_collector(peer, message)
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
        message = reply.message
        said = (message, headers) if headers else message
        self.transmit(
            worker.name.decode(), DOWN, said, lambda: worker.replied(reply.envelope, message, headers)
        )

    def _tell_collector(self, peer: bytes, message: LinkDown) -> None:
        for stream, frame_id, outcome in message.frames if isinstance(message, Gap) else ():
            if outcome is Outcome.DROPPED:
                self.history.dropped.add((stream, frame_id))
            elif outcome is Outcome.THINNED:
                self.history.thinned.add((stream, frame_id))

        def arrive() -> None:
            if peer == self._collector_peer:
                self._collect(collecting.ProducerSpoke(message))

        self.transmit("collector", DOWN, message, arrive)

    def _collect(self, event: collecting.Event) -> None:
        if self.is_absent("collector"):
            return
        if self.now_ns < self.stalled_until_ns:
            collector = self.collector
            self.at(self.stalled_until_ns, lambda: self.collector is collector and self._collect(event))
            return
        for command in self.collector.handle(event, self.now_ns + self.collector_ahead_ns):
            match command:
                case collecting.Emit(part):
                    whose = self._n_collectors, part.header.incarnation
                    self.history.emitted[whose].append((part.header.stream, part.header.id))
                case collecting.Tell(message):
                    if isinstance(message, Ack):
                        self._note_verdicts(message)
                    spoke = producing.CollectorSpoke(self._collector_peer, message)
                    self.transmit("collector", UP, message, lambda e=spoke: self._produce(e))

    def _note_verdicts(self, ack: Ack) -> None:
        for verdict in ack.verdicts if ack.incarnation == self.incarnation else ():
            key = verdict.stream, verdict.id
            if self.history.judged.setdefault(key, verdict.outcome) is not verdict.outcome:
                self.history.contradictions.append(f"{key}: {self.history.judged[key]} and {verdict.outcome}")

    # --- what can be asked ---

    def telemetry(self):
        """The producer's own account, over its control socket."""
        return Conversation.telemetry(self._observer())

    def _observer(self) -> Conversation:
        observer = object.__new__(Conversation)
        observer.core, observer.now_ns, observer.begun = self.producer, self.now_ns, self._begun
        return observer
