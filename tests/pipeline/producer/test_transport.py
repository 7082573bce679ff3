"""How long a link was busy, in ms worked out by hand."""

import pytest

from pipeline.messages import GetWork, Received
from pipeline.producer.events import Tick
from pipeline.producer.transport import SHARED_SPANS, Carrier, Direction, Transport
from tests.pipeline.producer.conversation import MS, Conversation, S


def ms_carried(direction: Direction, *messages: tuple[int, int]) -> list[int]:
    """Of messages that were on their way (from, until), in ms."""
    return [direction.carried(left * MS, arrived * MS) // MS for left, arrived in messages]


def received(sent_ms: int, arrived_ms: int, done_ms: int, collected_ms: int) -> Received:
    """A result with the times at which it and its frame were where."""
    return Received(
        stream=0,
        id=0,
        worker="w",
        service_ns=0,
        done_ns=done_ms * MS,
        transfer_ns=(arrived_ms - sent_ms) * MS,
        return_ns=(collected_ms - done_ms) * MS,
        sent_ns=sent_ms * MS,
    )


def test_a_message_that_waits_for_the_one_before_it_keeps_the_link_busy_from_its_arrival_on():
    assert ms_carried(Direction(SHARED_SPANS), (0, 10), (2, 20), (20, 30), (50, 55)) == [10, 10, 10, 5]


def test_tasks_of_one_reply_share_its_time():
    assert ms_carried(Direction(SHARED_SPANS), (0, 30), (0, 30), (0, 30)) == [30, 0, 0]


def test_a_result_that_comes_late_tells_of_what_was_before():
    assert ms_carried(Direction(SHARED_SPANS), (20, 30), (40, 50), (10, 25), (5, 60)) == [10, 10, 10, 25]


def test_what_links_share_is_busy_with_the_frames_of_all():
    medium = Carrier.shared()
    near, far = Transport("ap", medium), Transport("ap", medium)
    assert near.carried(received(0, 10, 20, 20))[0] == 10 * MS
    assert far.carried(received(5, 30, 40, 40))[0] == 20 * MS, "it waited for the other's"


def test_a_message_as_fast_as_an_empty_one_takes_no_time():
    assert ms_carried(Direction(SHARED_SPANS), (5, 5), (9, 7)) == [0, 0]


def test_what_an_empty_message_takes_is_no_work_of_the_link():
    transport = Transport()
    transport.told(40 * MS)
    transport.told(0)  # the worker begins anew and has not measured it yet
    down_ns, up_ns = transport.carried(received(0, 46, 100, 145))
    assert (down_ns, up_ns) == (6 * MS, 5 * MS)


def test_recent_times_follow_by_an_eighth():
    transport = Transport()
    assert not transport.is_known
    transport.carried(received(0, 80, 100, 100))
    assert transport.is_known and transport.recent_down_ns == 80 * MS
    transport.carried(received(200, 200, 300, 300))
    assert transport.recent_down_ns == 70 * MS


@pytest.fixture
def producer() -> Conversation:
    """One that has begun its episode; a collector is there, and worker b"w", 1 ms away."""
    talk = Conversation()
    talk.sync()
    talk.hire(b"w")
    talk.worker(b"w", GetWork(n=0, delay_ns=1 * MS))
    talk.say(Tick())
    talk.frame()
    talk.ask(b"w")
    return talk


def test_a_worker_that_says_nothing_of_its_times_leaves_the_load_of_links_unknown(producer):
    producer.received_by("w", 0, service_ns=100 * MS)
    metrics = producer.telemetry().metrics
    assert metrics["load_link"] is None and metrics["load"] == metrics["load_compute"] is not None


def test_links_that_are_slower_than_their_workers_are_the_load(producer):
    sent_ms = producer.now_ns // MS
    producer.now_ns += S
    producer.receive(received(sent_ms, sent_ms + 801, sent_ms + 900, sent_ms + 901))
    telemetry = producer.telemetry()
    worker = telemetry.interval.workers[0]
    assert (worker.down_s, worker.up_s) == pytest.approx((0.8, 0.0))
    assert telemetry.metrics["load"] == telemetry.metrics["load_link"] == pytest.approx(0.8)


def test_the_share_of_time_that_capturing_takes_is_a_load(producer):
    producer.frame(busy_ns=300 * MS)
    producer.now_ns += S
    assert producer.telemetry(close=True).metrics["load_capture"] == pytest.approx(0.3)
    producer.now_ns += S
    assert producer.telemetry().metrics["load_capture"] == 0.0
