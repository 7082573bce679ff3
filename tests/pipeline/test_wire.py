"""Whatever comes over the wire: what is valid comes back equal, what is not is refused, and nobody falls."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.collector import events as collecting
from pipeline.collector.core import Collector
from pipeline.messages import (
    Ack,
    ControlReply,
    ControlRequest,
    LinkDown,
    LinkUp,
    ProtocolError,
    Result,
    ResultPart,
    Sync,
    TaskHeader,
    Totals,
    Work,
    WorkReply,
    WorkRequest,
    decode_control_reply,
    decode_control_request,
    decode_link_down,
    decode_link_up,
    decode_results,
    decode_work_reply,
    decode_work_request,
    encode,
)
from pipeline.producer import events
from pipeline.producer.events import Answer, Reply, Tell
from pipeline.worker import events as working
from pipeline.worker.core import WorkerCore
from pipeline.worker.events import WorkerConfig
from tests.pipeline.producer.conversation import Conversation
from tests.pipeline.wire import messages, nonsense

CONVERSATIONS: dict[Callable[[list], Any], Any] = {
    decode_work_request: WorkRequest,
    decode_work_reply: WorkReply,
    decode_link_up: LinkUp,
    decode_link_down: LinkDown,
    decode_control_request: ControlRequest,
    decode_control_reply: ControlReply,
}
DECODERS: dict[Callable[[list], Any], Any] = {**CONVERSATIONS, decode_results: Result}
PEERS = st.sampled_from([b"1", b"2"])


def examples(few: int, many: int) -> pytest.MarkDecorator:
    """So many are drawn, always the same ones; many more, and others every time, at night."""
    return pytest.mark.parametrize(
        "n", [few, pytest.param(many, marks=[pytest.mark.nightly, pytest.mark.timeout(900)])]
    )


def check(n: int, test: Callable[..., None], *strategies: st.SearchStrategy, nightly: int) -> None:
    """Hold a claim against n examples."""
    drawn = settings(max_examples=n, deadline=None, derandomize=n < nightly, database=None)
    drawn(given(*strategies)(test))()


@examples(25, 2_000)
@pytest.mark.parametrize("decode", CONVERSATIONS)
def test_what_is_sent_comes_back(decode, n):
    def comes_back(message) -> None:
        decoded = decode([encode(message)])
        read = decoded[0] if decode is decode_work_reply else decoded
        assert type(read) is type(message) and encode(read) == encode(message)

    check(n, comes_back, messages(CONVERSATIONS[decode]), nightly=2_000)


@examples(40, 10_000)
@pytest.mark.parametrize("decode", DECODERS)
def test_what_is_no_message_is_refused_as_such(decode, n):
    def is_refused(parts) -> None:
        try:
            decode(parts)
        except ProtocolError as error:
            assert str(error)

    check(n, is_refused, nonsense(DECODERS[decode]), nightly=10_000)


SAID = st.one_of(
    st.tuples(st.just("work"), PEERS, messages(WorkRequest)),
    st.tuples(st.just("link"), PEERS, messages(Sync | Ack)),
    st.tuples(st.just("control"), PEERS, messages(ControlRequest)),
    st.tuples(st.just("frames"), st.integers(1, 30)),
    st.tuples(st.just("time"), st.floats(0.1, 3)),
)


@examples(60, 3_000)
def test_whatever_its_peers_say_the_producer_goes_on_and_its_account_is_right(n):
    def goes_on(said) -> None:
        talk = Conversation()
        talk.wait(0.05)
        commands = [command for line in said for command in tell(talk, line)]
        for command in commands:
            if isinstance(command, Reply | Tell | Answer):
                assert encode(command.message)
        totals = talk.telemetry().totals
        assert encode(talk.telemetry()) and totals.offered == accounted(totals)

    check(n, goes_on, st.lists(SAID, max_size=12), nightly=3_000)


def tell(talk: Conversation, line: tuple) -> list:
    match line:
        case ("work", peer, message):
            return talk.worker(peer, message)
        case ("link", peer, message):
            return talk.say(events.CollectorSpoke(peer, message))
        case ("control", peer, message):
            return talk.say(events.ControlRequested((peer,), message))
        case ("frames", n):
            return talk.frame(n) if talk.begun is not None else []
        case _:
            return talk.wait(line[1])


def accounted(totals: Totals) -> int:
    gone = sum(totals.dropped.values()) + totals.thinned + totals.lost + totals.late
    return totals.delivered + gone + totals.in_flight


NO_BOXES = np.zeros((0, 6), np.float32)
HEARD = st.one_of(
    messages(LinkDown).map(collecting.ProducerSpoke),
    messages(Result).map(lambda header: collecting.ResultsCame([ResultPart(header, NO_BOXES, None)])),
    st.just(collecting.Tick()),
)


@examples(60, 3_000)
def test_whatever_its_peers_say_the_collector_goes_on(n):
    def goes_on(heard) -> None:
        core, now_ns = Collector("tcp://127.0.0.1:1", False, 5), 10**9
        for event in heard:
            now_ns += 10**8
            for command in core.handle(event, now_ns):
                if isinstance(command, collecting.Tell):
                    assert encode(command.message)

    check(n, goes_on, st.lists(HEARD, max_size=12), nightly=3_000)


ANSWERED = st.tuples(messages(WorkReply), st.lists(messages(TaskHeader), max_size=2), st.integers(0, 10**10))


@examples(60, 3_000)
def test_whatever_the_producer_answers_the_worker_goes_on(n):
    def goes_on(answered) -> None:
        core, now_ns = WorkerCore(WorkerConfig("w", "1d", n_slots=3, batch=2)), 10**9
        for reply, tasks, passed_ns in answered:
            now_ns += passed_ns
            for event in (working.Replied(reply, tasks if isinstance(reply, Work) else ()), working.Tick()):
                for command in core.handle(event, now_ns):
                    if isinstance(command, working.Request):
                        assert encode(command.message)

    check(n, goes_on, st.lists(ANSWERED, max_size=10), nightly=3_000)
