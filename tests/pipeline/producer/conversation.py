"""A producer core to talk to, with a clock that only the test moves."""

from typing import Any

import numpy as np

from pipeline.messages import (
    Ack,
    Binding,
    GetTelemetry,
    GetWork,
    HandOut,
    LoadingMode,
    Outcome,
    Received,
    Register,
    Sync,
    Tally,
    Telemetry,
    Verdict,
    Work,
    WorkType,
)
from pipeline.options import QueuePolicy
from pipeline.producer.config import ProducerConfig
from pipeline.producer.core import Producer
from pipeline.producer.events import (
    Answer,
    BeginCapture,
    Captured,
    CollectorSpoke,
    ControlRequested,
    Reply,
    Tick,
    WorkRequested,
)
from pipeline.settings import ladders_for
from pipeline.slos import parse_slo

S = 1_000_000_000
MS = 1_000_000
EPISODE = 1
INCARNATION = 77
COLLECTOR, OTHER = 5, 6  # identities of two collectors


def config(**changes) -> ProducerConfig:
    """A small stream: 8x8 px at 10 fps, a queue of 20 tasks per stream."""
    values = dict(
        ladders=ladders_for(8, 8, 10.0, ("n", "s", "m")),
        source_size=(8, 8),
        source_fps=10.0,
        is_live=False,
        work_type=WorkType.EMULATED,
        loading_mode=LoadingMode.EAGER,
        binding=Binding.HAND_OUT,
        hand_out=HandOut.EARLIEST_DONE,
        weights={},
        queue_policy=QueuePolicy.DROP_OLDEST,
        queue_bound_s=2.0,
        heartbeat_ns=S // 2,
        lease_ns=10 * S,
        retries=2,
        drain_ns=5 * S,
        budget_bytes=100_000,
        host_used_bytes=400_000,
        host_bytes=1_000_000,
        slos=(parse_slo("queue_size<=1"), parse_slo("load<=1")),
        seed=3,
        streams=1,
        levels=(1, 0, 2),
        supervised=False,
        wait_workers=0,
        incarnation=INCARNATION,
    )
    return ProducerConfig(**{**values, **changes})


class Conversation:
    """Say something as one of the producer's peers; get back the commands it gave."""

    def __init__(self, **changes) -> None:
        self.now_ns = 100 * S
        self.core = Producer(config(**changes), self.now_ns)
        self.seq = 0
        self.begun: BeginCapture | None = None

    def say(self, event):
        commands = self.core.handle(event, self.now_ns)
        for command in commands:
            if isinstance(command, BeginCapture):
                self.begun = command
        return commands

    def wait(self, seconds: float):
        """Let time pass with a tick every 50 ms; all commands given meanwhile."""
        commands = []
        for _ in range(round(seconds * 20)):
            self.now_ns += S // 20
            commands += self.say(Tick())
        return commands

    def frame(self, n: int = 1, busy_ns: int = 0):
        """The source gives n pictures; taking each keeps the capturing thread busy for a while."""
        assert self.begun is not None
        commands = []
        for _ in range(n):
            image = np.zeros((8, 8, 3), np.uint8)
            begun, pts_ns = self.begun, self.now_ns
            captured = Captured(begun.episode, begun.epoch, 2, 0, self.now_ns, pts_ns, image, busy_ns=busy_ns)
            commands += self.say(captured)
        return commands

    def worker(self, name: bytes, message):
        return self.say(WorkRequested((name,), message))

    def hire(self, name: bytes) -> None:
        """Register a worker, which then knows the settings and is ready."""
        self.worker(name, Register(name.decode()))
        self.worker(name, GetWork(n=0))

    def ask(self, name: bytes, n: int = 1) -> list[tuple[int, int]]:
        """Ask for work; the (stream, id) of the tasks got at once."""
        return tasks_of(self.worker(name, GetWork(n)))

    def control(self, message):
        commands = self.say(ControlRequested((b"controller",), message))
        return next((c.message for c in commands if isinstance(c, Answer)), None)

    def telemetry(self, close: bool = False) -> Telemetry:
        reply = self.control(GetTelemetry(close))
        assert isinstance(reply, Telemetry)
        return reply

    def sync(
        self,
        peer: bytes = b"collector",
        results: str = "tcp://127.0.0.1:1",
        collector: int = COLLECTOR,
        **said,
    ):
        return self.say(CollectorSpoke(peer, Sync(self.now_ns, collector, results, False, **said)))

    def acknowledge(
        self, *ids: int, outcome: Outcome | None = Outcome.DELIVERED, stream=0, service_ns=0, **changes
    ):
        """The collector has these; with an outcome, it has judged them, too."""
        received = tuple(Received(stream, i, "w", service_ns) for i in ids)
        verdicts = (
            tuple(Verdict(stream, i, outcome, latency_ns=50 * MS) for i in ids) if outcome is not None else ()
        )
        return self._report(received, verdicts, **changes)

    def received_by(self, worker: str, *ids: int, service_ns: int = 0, **said: Any):
        """The collector has results of a worker that was done with them just now."""
        received = tuple(Received(0, i, worker, service_ns, self.now_ns, **said) for i in ids)
        return self._report(received, ())

    def receive(self, *received: Received):
        """The collector has these results."""
        return self._report(received, ())

    def judge(self, verdict: Verdict):
        """The collector has this verdict."""
        return self._report((), (verdict,))

    def scored(self, tally: Tally, **changes):
        """The collector has scored so much."""
        return self._report((), (), tally=tally, **changes)

    def _report(self, received: tuple[Received, ...], verdicts: tuple[Verdict, ...], **changes):
        assert self.begun is not None
        self.seq += 1
        names = {"collector": COLLECTOR, "incarnation": INCARNATION, "episode": self.begun.episode}
        ack = Ack(seq=self.seq, received=received, verdicts=verdicts, **{**names, **changes})
        return self.say(CollectorSpoke(b"collector", ack))


def staffed() -> Conversation:
    """A producer that has begun its episode, with a queue of 20; a collector, and workers b"a" and b"b"."""
    talk = Conversation()
    talk.wait(0.05)
    talk.sync()
    talk.hire(b"a")
    talk.hire(b"b")
    return talk


def replies(commands):
    """The messages sent to workers, in order."""
    return [command.message for command in commands if isinstance(command, Reply)]


def tasks_of(commands) -> list[tuple[int, int]]:
    """(stream, id) of every task handed out."""
    return [
        (header.stream, header.id)
        for command in commands
        if isinstance(command, Reply) and isinstance(command.message, Work)
        for header, _ in command.tasks
    ]
