"""Whatever peers do, producer and collector hold no more than docs/reliability.md says: all is counted."""

import gc
import logging
from types import FunctionType, ModuleType
from typing import Any

import pytest

from pipeline.collector.core import Collector
from pipeline.collector.events import Emit, Event, ProducerSpoke, ResultsCame, Scored, Tell, Tick
from pipeline.messages import (
    Ack,
    Confirm,
    Failure,
    Gap,
    GetStatus,
    GetWork,
    LinkUp,
    Outcome,
    Received,
    Register,
    SetKnobs,
    Settings,
    Start,
    Status,
    Sync,
    Tally,
    Truth,
    Verdict,
)
from pipeline.producer.events import CollectorSpoke
from pipeline.producer.events import Tell as TellCollector
from tests.pipeline.collector.results import result
from tests.pipeline.producer.conversation import COLLECTOR, INCARNATION, MS, Conversation, S, tasks_of

PICTURE = 8 * 8 * 3  # bytes
QUEUE, OPEN, WORKERS, PER_WORKER = 20, 100, 4, 10  # frames, or workers
HELD_BYTES = 50_000
SETTINGS = Settings(
    incarnation=INCARNATION,
    episode=1,
    epoch=1,
    fps=10.0,
    size=(64, 48),
    source_size=(64, 48),
    source_fps=10.0,
    streams=1,
    gap_deadline_s=500.0,
    floor={},
    now_ns=0,
    truth=Truth(classes=("car",), began_ns=1),
)
SHARED = (type, FunctionType, ModuleType, logging.Logger)


def n_reached(root: object) -> int:
    """How many objects can be reached from one: all that it holds, wherever."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if id(found) not in seen and not isinstance(found, SHARED):
            seen.add(id(found))
            waiting += gc.get_referents(found)
    return len(seen)


def does_not_grow(sizes: list[int]) -> bool:
    """Whether the last third of a history is no larger than the one before."""
    third = len(sizes) // 3
    return max(sizes[2 * third :]) <= 1.1 * max(sizes[third : 2 * third])


@pytest.fixture
def _small(monkeypatch) -> None:
    for name, value in (
        ("producer.ledger.MAX_OPEN", OPEN),
        ("producer.turns.BYTES_PER_WORKER", PER_WORKER * PICTURE),
        ("producer.admission.MAX_WORKERS", WORKERS),
        ("producer.adaptation.MOST_WAITING", 20),
        ("producer.meter.MAX_LATENCIES", 50),
        ("once.MAX_LINES", 10),
        ("collector.core.MAX_UNCONFIRMED", 20),
        ("collector.core.MAX_HELD_BYTES", HELD_BYTES),
        ("collector.reorder.WINDOW", 200),
    ):
        monkeypatch.setattr(f"pipeline.{name}", value)


class Overload:
    """Peers of a producer that take what they can, keep most of it, and are others each time.

    Args:
        judges: whether the collector says what became of frames; else it says at best that it has them.
    """

    def __init__(self, judges: bool) -> None:
        self.talk = Conversation()
        self.talk.wait(0.05)
        self.most_in_flight = self.most_bytes = 0
        self._judges = judges
        self._n = 0
        self._losses: list[Verdict] = []  # that the collector has been told of

    def go_on(self) -> None:
        """50 ms of it: five pictures, everybody asks, hardly anybody brings."""
        talk, n = self.talk, self._n
        assert talk.begun is not None
        self._n += 1
        episode, peer = talk.begun.episode, b"%d" % n
        talk.sync()
        talk.hire(b"greedy")
        talk.control(SetKnobs(levels=(1, 0, n % 3)))
        taken = tasks_of(talk.frame(5)) + talk.ask(b"greedy", 64)
        talk.worker(peer, Register(f"name {n}", identity=f"identity {n}", medium=f"medium {n}"))
        talk.worker(peer, GetWork(0))
        own = talk.ask(peer, 64)
        failed = tuple(Failure(*key, episode, f"kind {n}: reason") for key in own[::2])
        talk.worker(peer, GetWork(0, failed=failed))
        received = tuple(Received(*key, f"name {n}", 0) for key in taken[::2])
        verdicts = [Verdict(*key, Outcome.DELIVERED, latency_ns=n) for key in taken[::4]]
        judged = (*self._losses, *verdicts) if self._judges else ()
        ack = Ack(n, COLLECTOR, INCARNATION, episode, received, judged, Tally(episode, n, n, {}))
        talk.say(CollectorSpoke(b"collector", ack))
        told = [command.message for command in talk.wait(0.05) if isinstance(command, TellCollector)]
        gaps = [frame for message in told if isinstance(message, Gap) for frame in message.frames]
        self._losses = [Verdict(*frame) for frame in gaps if frame[2] is Outcome.LOST]
        telemetry, status = talk.telemetry(), talk.control(GetStatus())
        assert isinstance(status, Status) and len(status.workers) <= WORKERS
        self.most_in_flight = max(self.most_in_flight, telemetry.totals.in_flight)
        self.most_bytes = max(self.most_bytes, telemetry.interval.held_bytes)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("judges", [False, True])
def test_a_producer_holds_no_more_however_many_take_frames_and_bring_none(judges):
    overload, sizes = Overload(judges), []
    for _ in range(60):
        for _ in range(10):
            overload.go_on()
        sizes.append(n_reached(overload.talk.core))
    assert does_not_grow(sizes), sizes
    assert OPEN / 2 < overload.most_in_flight <= QUEUE + OPEN
    assert overload.most_bytes <= (2 * QUEUE + WORKERS * PER_WORKER) * PICTURE
    assert overload.talk.telemetry().totals.dropped["drop_oldest"] > 1000, "the queue's policy has the rest"


@pytest.mark.usefixtures("_small")
def test_a_producer_holds_nothing_of_the_episodes_before():
    overload, sizes = Overload(judges=True), []
    for seed in range(60):
        for _ in range(5):
            overload.go_on()
        overload.talk.control(Start(seed=seed, levels=(1, 0, 2), streams=1))
        overload.talk.wait(6.0)
        sizes.append(n_reached(overload.talk.core))
    assert overload.talk.telemetry().episode > 30 and does_not_grow(sizes), sizes


class Flooded:
    """A collector whose producer has told it the settings, and says no more."""

    def __init__(self) -> None:
        self.now_ns = 10 * S
        self.core = Collector("tcp://127.0.0.1:1", return_frames=True, identity=5)
        self.emitted: list[int] = []
        self.told: list[LinkUp] = []
        self.say(ProducerSpoke(SETTINGS))

    def say(self, event: Event) -> None:
        """Say something, and note what it does."""
        for command in self.core.handle(event, self.now_ns):
            match command:
                case Emit(part):
                    self.emitted.append(part.header.id)
                case Tell(message):
                    self.told.append(message)

    def result(self, frame_id: int, **fields: Any) -> None:
        """A worker sends a result with its picture; 25 ms pass."""
        self.say(ResultsCame([result(frame_id, incarnation=INCARNATION, **fields)]))
        self.now_ns += 25 * MS
        self.say(Tick())


@pytest.mark.usefixtures("_small")
def test_a_collector_does_not_wait_for_a_frame_when_too_much_waits_with_it():
    flooded, most_held = Flooded(), 0
    for frame_id in range(1, 100):
        flooded.result(frame_id)
        most_held = max(most_held, frame_id - len(flooded.emitted))
    assert 2 <= most_held <= HELD_BYTES // (64 * 48 * 3) + 1
    assert flooded.emitted == list(range(1, 100))
    verdicts = [verdict for ack in flooded.told if isinstance(ack, Ack) for verdict in ack.verdicts]
    assert {verdict.id for verdict in verdicts if verdict.outcome is Outcome.LATE} == {0}


@pytest.mark.usefixtures("_small")
def test_a_collector_refuses_results_of_frames_that_cannot_have_been_offered_yet():
    flooded = Flooded()
    for frame_id in (200, 10**15):
        flooded.result(frame_id)
    flooded.result(199)
    flooded.now_ns += S
    flooded.say(Tick())
    sync = [message for message in flooded.told if isinstance(message, Sync)][-1]
    assert sync.refused == 2 and flooded.emitted == []


@pytest.mark.usefixtures("_small")
def test_a_collector_takes_no_more_results_while_nobody_confirms_what_it_reports():
    flooded, sizes, n_came = Flooded(), [], 0
    for _ in range(300):
        if flooded.core.accepts_results:
            flooded.result(n_came)
            n_came += 1
        flooded.now_ns += 50 * MS
        flooded.say(Scored(Tally(1, n_came, n_came, {})))
        flooded.say(Tick())
        sizes.append(n_reached(flooded.core))
    assert not flooded.core.accepts_results and n_came < 50 and does_not_grow(sizes), sizes
    flooded.say(ProducerSpoke(Confirm(1)))
    assert flooded.core.accepts_results
