"""Frames that workers cannot process: tried by others, at most twice more, then lost with the reason."""

import pytest

from pipeline.messages import Failure, Gap, GetStatus, GetWork, Leave, Outcome, Status, Wait
from pipeline.producer.events import Tell
from tests.pipeline.producer.conversation import EPISODE, Conversation, replies, staffed, tasks_of

POISON = Failure(0, 0, EPISODE, "RuntimeError: frame 0 is poison")


@pytest.fixture
def talk() -> Conversation:
    """A producer that has begun its episode; a collector is there, and workers b"a" and b"b"."""
    return staffed()


def fail(talk: Conversation, worker: bytes, n: int = 0, failure: Failure = POISON):
    """This worker says that it could not process a frame, and asks for n more."""
    return talk.worker(worker, GetWork(n, failed=(failure,)))


def lost(commands) -> list[tuple[int, int, Outcome]]:
    return [
        frame
        for c in commands
        if isinstance(c, Tell) and isinstance(c.message, Gap)
        for frame in c.message.frames
    ]


def test_what_one_worker_could_not_process_another_one_tries_first(talk):
    talk.frame(3)
    assert talk.ask(b"a") == [(0, 0)]
    assert tasks_of(fail(talk, b"a", n=1)) == [(0, 1)], "not the same again"
    assert talk.ask(b"b") == [(0, 0)]


def test_another_one_that_waits_has_it_at_once(talk):
    talk.frame()
    assert talk.ask(b"a") == [(0, 0)]
    assert talk.ask(b"b") == []
    assert tasks_of(fail(talk, b"a")) == [(0, 0)]
    talk.acknowledge(0)
    assert talk.telemetry().totals.delivered == 1


def test_while_the_others_are_busy_it_waits_and_so_does_the_one_that_failed(talk):
    talk.frame()
    talk.ask(b"a")
    assert [type(reply) for reply in replies(fail(talk, b"a", n=0))] == [Wait]
    assert replies(talk.worker(b"a", GetWork(1))) == []
    assert [type(reply) for reply in replies(talk.wait(0.5))] == [Wait]
    assert tasks_of(talk.frame()) == []
    assert talk.ask(b"a") == [(0, 1)] and talk.ask(b"b") == [(0, 0)]


def test_after_three_attempts_it_is_lost_with_its_reason_and_the_workers_live(talk):
    talk.frame()
    for worker in (b"a", b"b", b"a"):
        assert talk.ask(worker) == [(0, 0)], "once all have failed, any may try"
        commands = fail(talk, worker)
    assert lost(commands) == [(0, 0, Outcome.LOST)], "the collector hears of it at once"
    talk.acknowledge(0, outcome=Outcome.LOST)
    telemetry = talk.telemetry()
    assert (telemetry.totals.lost, telemetry.totals.lost_by) == (1, {"processing_failed": 1})
    assert (telemetry.totals.in_flight, telemetry.totals.requeued) == (0, 2)
    assert telemetry.incidents.failed_attempts == 3
    status = talk.control(GetStatus())
    assert isinstance(status, Status) and [worker.name for worker in status.workers] == ["a", "b"]


def test_a_worker_that_is_alone_tries_it_three_times(talk):
    talk.wait(1.5)
    talk.worker(b"a", GetWork(0))
    talk.wait(0.6)  # b is gone
    talk.frame(2)
    assert talk.ask(b"a") == [(0, 0)]
    assert tasks_of(fail(talk, b"a", n=1)) == tasks_of(fail(talk, b"a", n=1)) == [(0, 0)]
    assert tasks_of(fail(talk, b"a", n=1)) == [(0, 1)]


def test_its_kind_is_logged_once_for_each_worker(talk, caplog):
    talk.frame(3)
    for frame_id in range(3):
        talk.ask(b"a")
        fail(talk, b"a", failure=Failure(0, frame_id, EPISODE, f"RuntimeError: frame {frame_id} is poison"))
    assert [r.message for r in caplog.records if "poison" in r.message] == [
        "worker a cannot process frame (0, 0): RuntimeError: frame 0 is poison"
    ]


def test_what_is_said_twice_late_or_by_somebody_else_counts_for_nothing(talk):
    talk.frame(2)
    talk.ask(b"a")
    fail(talk, b"b")
    fail(talk, b"a", failure=Failure(0, 0, EPISODE - 1, "of an episode that is over"))
    fail(talk, b"a", failure=Failure(7, 7, EPISODE, "no such frame"))
    assert talk.telemetry().incidents.failed_attempts == 0
    fail(talk, b"a")
    fail(talk, b"a")
    assert talk.telemetry().incidents.failed_attempts == 1


def test_the_reason_of_a_frame_nobody_brought_is_another_one(talk):
    talk.frame()
    for _ in range(3):
        talk.ask(b"a")
        talk.wait(2.1)
        talk.hire(b"a")
    talk.acknowledge(0, outcome=Outcome.LOST)
    telemetry = talk.telemetry()
    assert telemetry.totals.lost_by == {"no_answer": 1} and telemetry.incidents.silent_workers == 4


def test_a_worker_that_breaks_gives_everything_back_at_once_and_only_what_broke_it_has_one_try_less():
    talk = Conversation()
    talk.wait(0.05)
    talk.sync()
    talk.hire(b"a")
    talk.frame(3)
    for attempt in range(3):
        assert talk.ask(b"a", 3) == [(0, 0), (0, 1), (0, 2)]
        leave = Leave(b"a".hex(), (POISON,), "the inference process ended with exit code -11")
        commands = talk.worker(b"another socket", leave)
        assert len(lost(commands)) == (attempt == 2)
        assert talk.telemetry().interval.queue_size == (3 if attempt < 2 else 2)
        talk.hire(b"a")
    assert talk.ask(b"a", 3) == [(0, 1), (0, 2)]
    assert talk.telemetry().incidents.broken_workers == 3


def test_leave_of_somebody_unknown_changes_nothing(talk):
    talk.frame()
    talk.ask(b"a")
    talk.worker(b"x", Leave("ffff", (POISON,)))
    incidents = talk.telemetry().incidents
    assert (incidents.broken_workers, incidents.failed_attempts) == (0, 0)
