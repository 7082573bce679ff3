"""A name is not an identity: who is let in, and what it is called."""

import pytest

from pipeline.messages import (
    End,
    Error,
    GetStatus,
    GetWork,
    Register,
    RegistrationConfirmation,
    Settings,
    Standby,
    Status,
)
from pipeline.producer.events import Reply, StopRequested, Tell
from pipeline.producer.outlook import Outlook, costs_of
from pipeline.producer.workers import Roster, Worker
from tests.pipeline.producer.conversation import OTHER, Conversation, config, replies, tasks_of


@pytest.fixture
def talk() -> Conversation:
    """A producer that has begun its episode, and a worker called cam at socket b"1"."""
    talk = Conversation()
    talk.wait(0.05)
    talk.sync()
    register(talk, b"1", "cam", "11")
    talk.worker(b"1", GetWork(n=0))
    return talk


def register(talk: Conversation, peer: bytes, name: str, identity: str) -> list[str]:
    """The name that it is told at once, if any."""
    return names(talk.worker(peer, Register(name, identity=identity)))


def names(commands) -> list[str]:
    """Told in confirmations."""
    return [reply.name for reply in replies(commands) if isinstance(reply, RegistrationConfirmation)]


def crew(talk: Conversation) -> list[str]:
    status = talk.control(GetStatus())
    assert isinstance(status, Status)
    return [worker.name for worker in status.workers]


def test_a_second_worker_of_a_name_is_called_something_else_as_soon_as_the_first_has_spoken(talk):
    assert register(talk, b"2", "cam", "22") == []
    talk.wait(0.3)
    assert names(talk.worker(b"1", GetWork(n=0))) == ["cam-2"]
    assert register(talk, b"3", "cam", "33") == []
    assert names(talk.worker(b"1", GetWork(n=0))) == ["cam-3"]
    assert crew(talk) == ["cam", "cam-2", "cam-3"] and talk.telemetry().incidents.renamed_workers == 2


def test_two_workers_of_one_name_never_take_each_others_tasks(talk):
    talk.frame(4)
    register(talk, b"2", "cam", "22")
    talk.worker(b"1", GetWork(n=0))
    talk.worker(b"2", GetWork(n=0))
    assert (talk.ask(b"1", 2), talk.ask(b"2", 2)) == ([(0, 0), (0, 1)], [(0, 2), (0, 3)])
    for _ in range(20):
        talk.wait(0.4)
        for peer in (b"1", b"2"):
            talk.worker(peer, GetWork(n=0))
    assert talk.telemetry().totals.requeued == 0 and crew(talk) == ["cam", "cam-2"]


def test_the_successor_of_one_that_died_has_its_name_and_its_tasks_within_two_heartbeats(talk):
    talk.frame()
    talk.ask(b"1")
    assert register(talk, b"2", "cam", "22") == []
    assert names(talk.wait(1.1)) == ["cam"]
    talk.worker(b"2", GetWork(n=0))
    assert talk.ask(b"2") == [(0, 0)] and talk.telemetry().incidents.renamed_workers == 0


def test_the_successor_of_one_that_has_been_silent_is_let_in_at_once(talk):
    talk.wait(1.5)
    assert register(talk, b"2", "cam", "22") == ["cam"] and crew(talk) == ["cam"]


def test_one_that_was_taken_for_dead_and_speaks_again_is_called_something_else(talk):
    talk.wait(1.5)
    register(talk, b"2", "cam", "22")
    (reply,) = replies(talk.worker(b"1", GetWork(n=0)))
    assert isinstance(reply, Error) and reply.code == "UNREGISTERED"
    assert register(talk, b"1", "cam", "11") == []
    assert names(talk.worker(b"2", GetWork(n=0))) == ["cam-2"] and crew(talk) == ["cam", "cam-2"]


def test_a_worker_keeps_its_name_through_another_socket_and_through_silence(talk):
    assert register(talk, b"9", "cam", "11") == [], "it has just spoken through the one before"
    assert names(talk.wait(1.1)) == ["cam"]
    talk.wait(2.1)
    assert crew(talk) == []
    assert register(talk, b"10", "cam", "11") == ["cam"]


def test_a_renamed_worker_keeps_its_new_name_through_another_socket(talk):
    register(talk, b"2", "cam", "22")
    for _ in range(6):
        talk.worker(b"1", GetWork(n=0))
        talk.wait(0.25)
    assert register(talk, b"5", "cam", "22") == ["cam-2"] and crew(talk) == ["cam", "cam-2"]


@pytest.mark.parametrize("name", ["cam", "other"])
def test_a_second_worker_of_an_identity_is_refused_while_the_first_speaks_and_then_takes_its_place(
    talk, caplog, name
):
    talk.frame(2)
    assert talk.ask(b"1") == [(0, 0)]
    for n in range(1, 4):
        assert register(talk, b"2", name, "11") == []
        told = {reply.envelope: reply.message for reply in talk.worker(b"1", GetWork(n=0))}
        assert told.keys() == {(b"1",), (b"2",)} and "identity" in told[b"2",].reason
        assert talk.telemetry().incidents.refused_doubles == n
    assert "\n".join(caplog.messages).count("identity") == 1, "it is said once"
    assert crew(talk) == ["cam"] and talk.telemetry().totals.requeued == 0, "the first has lost nothing"
    assert register(talk, b"2", name, "11") == []
    assert names(talk.wait(1.1)) == ["cam"], "the first is silent"
    talk.worker(b"2", GetWork(n=0))
    assert talk.ask(b"2") == [(0, 0)]


def test_a_second_worker_of_an_identity_is_not_let_in_under_another_name(talk):
    register(talk, b"2", "cam", "22")
    assert names(talk.worker(b"1", GetWork(n=0))) == ["cam-2"]
    assert register(talk, b"3", "cam", "22") == []
    assert names(talk.worker(b"1", GetWork(n=0))) == [] and crew(talk) == ["cam", "cam-2"]


def test_a_newcomer_that_asks_again_through_another_socket_is_answered_there(talk):
    register(talk, b"2", "cam", "22")
    register(talk, b"3", "cam", "22")
    commands = talk.worker(b"1", GetWork(n=0))
    assert names(commands) == ["cam-2"] and commands[-1].envelope == (b"3",)


def test_strangers_without_a_name_or_an_identity_are_told_apart_by_their_sockets(talk):
    assert names(talk.worker(b"x", Register())) == ["stranger-1"]
    assert names(talk.worker(b"y", Register())) == ["stranger-2"]
    assert names(talk.worker(b"x", Register())) == ["stranger-1"], "it is the same one"
    talk.frame()
    talk.worker(b"x", GetWork(n=0))
    assert tasks_of(talk.worker(b"x", GetWork())) == [(0, 0)]


def test_the_end_is_told_to_those_who_wait_for_a_name_too(talk):
    register(talk, b"2", "cam", "22")
    ends = [c for c in talk.say(StopRequested()) if isinstance(c, Reply) and isinstance(c.message, End)]
    assert [command.envelope for command in ends] == [(b"2",)]


def test_a_name_of_the_greatest_length_can_be_numbered():
    roster = Roster({b"1": Worker("11", 200 * "x", 0, Outlook(costs_of(config().ladders), 0, 0))})
    name = roster.free_name(200 * "x")
    assert len(name) == 200 and name.endswith("x-2")


def test_there_are_only_so_many_workers(talk, monkeypatch):
    monkeypatch.setattr("pipeline.producer.admission.MAX_WORKERS", 2)
    register(talk, b"2", "other", "22")
    (refusal,) = replies(talk.worker(b"3", Register("third", identity="33")))
    assert isinstance(refusal, Error) and "takes no more" in refusal.reason
    assert crew(talk) == ["cam", "other"]
    assert register(talk, b"2", "other", "22") == ["other"], "who is in may register again"


def test_there_are_only_so_many_collectors(talk, monkeypatch):
    monkeypatch.setattr("pipeline.producer.link.MAX_COLLECTORS", 1)
    (told,) = talk.sync(b"another", collector=OTHER, results="tcp://127.0.0.1:2")
    assert isinstance(told.message, Error) and "takes no more" in told.message.reason


def test_a_collector_that_waited_and_is_gone_makes_room_for_another(talk, monkeypatch):
    monkeypatch.setattr("pipeline.producer.link.MAX_COLLECTORS", 2)
    elsewhere = {"results": "tcp://127.0.0.1:2"}

    def answer_to(collector: int) -> object:
        (told,) = talk.sync(b"%d" % collector, collector=collector, **elsewhere)
        return told.message

    assert isinstance(answer_to(OTHER), Standby)
    assert isinstance(answer_to(OTHER + 1), Error)
    assert isinstance(answer_to(OTHER), Standby), "who waits already may go on waiting"
    for _ in range(4):
        talk.wait(1.0)
        talk.sync()
    assert isinstance(answer_to(OTHER + 1), Standby)


def test_collectors_that_replace_one_another_are_never_too_many_and_what_they_counted_stays(
    talk, monkeypatch
):
    monkeypatch.setattr("pipeline.producer.link.MAX_COLLECTORS", 2)
    monkeypatch.setattr("pipeline.producer.link.MAX_REMEMBERED", 2)
    for collector in range(100, 110):
        told = talk.sync(collector=collector, duplicates=1, refused=2, rejected=3)
        assert any(isinstance(command.message, Settings) for command in told if isinstance(command, Tell))
    telemetry = talk.telemetry()
    assert (telemetry.duplicates, telemetry.refused, telemetry.rejected) == (10, 20, 30)
