"""Nonsense on every socket changes nothing but a counter and a log line."""

import time

import msgspec
import pytest
import zmq

from pipeline.messages import PROTOCOL_VERSION
from tests.pipeline.running import PATIENCE_MS, Peer, producer, program

pytestmark = pytest.mark.real

pack = msgspec.msgpack.encode
SMALL = ("--source", "memory", "--width", "128", "--height", "72", "--work-type", "EMULATED")

NONSENSE = {
    "empty": b"",
    "not msgpack": b"\xc1\xc1\xc1",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07missing\x94.",
    "not a map": pack([1, 2, 3]),
    "no type": pack({"kind": "GET_WORK"}),
    "unknown type": pack({"type": "MAKE_COFFEE"}),
    "wrong field": pack({"type": "GET_WORK", "n": "many"}),
    "out of range": pack({"type": "GET_WORK", "n": -5}),
    "oversized": b"\xc6" + b"\xff" * (2 << 20),
    "deep": b"\x91" * 100_000,
}

RESULT = {"type": "COLLECT", "id": 0, "dtype": "uint8", "shape": [0], "boxes": [0, 6], "episode": 0}
BAD_RESULTS = {
    "one part": [pack(RESULT)],
    "wrong dtype": [pack({**RESULT, "dtype": "object", "shape": [1]}), b"", b"\0" * 8],
    "shape and size differ": [pack({**RESULT, "shape": [4, 4, 3]}), b"", b"\0" * 47],
    "huge shape": [pack({**RESULT, "shape": [1 << 20, 1 << 20, 3]}), b"", b""],
    "oversized frame": [pack({**RESULT, "shape": [1 << 13, 1 << 13, 3]}), b"", b"\0" * (3 << 26)],
    "grey frame": [pack({**RESULT, "shape": [4, 4]}), b"", b"\0" * 16],
    "boxes cut short": [pack({**RESULT, "boxes": [2, 6]}), b"\0" * 47, b""],
    "negative shape": [pack({**RESULT, "shape": [-1, 3]}), b"", b""],
}


@pytest.fixture(scope="module")
def running():
    """Producer and collector; yields (control peer, endpoints, the collector's results endpoint)."""
    with producer(*SMALL) as (child, endpoints):
        link = ("--producer", endpoints["link"], "--results", "tcp://127.0.0.1:*")
        with program("collector", "--supervised", *link), Peer(zmq.REQ, endpoints["control"]) as control:
            with Peer(zmq.REQ, endpoints["work"]) as worker:
                while not (reply := worker.ask_map({"type": "REGISTER"}))["results"]:
                    time.sleep(0.05)  # until the collector has found the producer
            yield control, endpoints, reply["results"]
        assert child.process.poll() is None, "nonsense ended the producer"


def rejected_beyond(control: Peer, count: int) -> dict:
    """Telemetry, once more than `count` messages were refused."""
    deadline_s = time.monotonic() + 10
    while (telemetry := control.ask_map({"type": "TELEMETRY"}))["rejected"] <= count:
        assert time.monotonic() < deadline_s, "the nonsense was not counted"
        time.sleep(0.02)
    return telemetry


def unchanged(before: dict, after: dict) -> bool:
    return all(before[name] == after[name] for name in ("state", "episode", "epoch", "levels", "totals"))


@pytest.mark.parametrize("name", NONSENSE)
@pytest.mark.parametrize("socket", ["work", "control"])
def test_nonsense_in_a_request_is_answered_with_an_error_and_counted(running, socket, name):
    control, endpoints, _ = running
    before = control.ask_map({"type": "TELEMETRY"})
    with Peer(zmq.REQ, endpoints[socket]) as peer:
        peer.socket.send(NONSENSE[name])
        reply = msgspec.msgpack.decode(peer.socket.recv())
    assert reply["type"] == "ERROR" and reply["reason"]
    after = rejected_beyond(control, before["rejected"])
    assert after["rejected"] == before["rejected"] + 1 and unchanged(before, after)


@pytest.mark.parametrize("socket", ["work", "control", "link"])
def test_a_message_without_an_envelope_is_counted(running, socket):
    control, endpoints, _ = running
    before = control.ask_map({"type": "TELEMETRY"})
    with Peer(zmq.DEALER, endpoints[socket]) as peer:
        peer.socket.send_multipart([b"what", b"is", b"this"])
        after = rejected_beyond(control, before["rejected"])
    assert unchanged(before, after)


@pytest.mark.parametrize("name", BAD_RESULTS)
def test_a_bad_result_is_counted_by_the_collector(running, name):
    control, _, results = running
    before = control.ask_map({"type": "TELEMETRY"})
    with Peer(zmq.PUSH, results) as peer:
        peer.socket.send_multipart(BAD_RESULTS[name])
        after = rejected_beyond(control, before["rejected"])
    assert unchanged(before, after)


LATER = PROTOCOL_VERSION + 1
OURS = f"speaks protocol {PROTOCOL_VERSION}"
OLD_SYNC = {"type": "SYNC", "sent_ns": 5, "results": "tcp://127.0.0.1:9", "return_frames": False}
OLD_CONFIRMATION = {"type": "REGISTRATION_CONFIRMATION", "protocol": 1}
OLD_SETTINGS = {"type": "SETTINGS", "episode": 1_700_000_000}


@pytest.mark.parametrize(
    ("kind", "socket", "message", "peer"),
    [
        (zmq.DEALER, "link", OLD_SYNC, "collector 1"),
        (zmq.REQ, "work", {"type": "REGISTER", "protocol": LATER}, f"worker {LATER}"),
        (zmq.REQ, "control", {"type": "STATUS", "protocol": LATER}, f"controller {LATER}"),
    ],
)
def test_a_peer_of_another_release_is_refused_by_name(running, kind, socket, message, peer):
    _, endpoints, _ = running
    with Peer(kind, endpoints[socket]) as old:
        reply = old.ask_map(message)
    assert (reply["type"], reply["code"]) == ("ERROR", "OTHER_PROTOCOL")
    assert (
        f"this producer speaks protocol {PROTOCOL_VERSION}" in reply["reason"]
        and f", the {peer}:" in reply["reason"]
    )


@pytest.mark.parametrize(
    ("program_name", "options", "answer"),
    [
        ("worker", (), OLD_CONFIRMATION),
        ("collector", ("--results", "tcp://127.0.0.1:*"), OLD_SETTINGS),
    ],
)
def test_a_producer_of_another_release_ends_a_program_with_a_sentence(program_name, options, answer):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as old:
        old.rcvtimeo = PATIENCE_MS
        endpoint = f"tcp://127.0.0.1:{old.bind_to_random_port('tcp://127.0.0.1')}"
        with program(program_name, "--producer", endpoint, *options) as child:
            *envelope, _ = old.recv_multipart()
            old.send_multipart([*envelope, pack(answer)])
            code, err = child.finish()
    assert code == 1 and "Traceback" not in err
    assert (
        f"this {program_name} speaks protocol {PROTOCOL_VERSION}" in err
        and ", the producer 1: use one release" in err
    )


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("producer", "--source", "file", "--path", "no/such.mp4"), "no/such.mp4"),
        (("producer", "--slos", "happiness<=3"), "happiness"),
        (("producer", "--grades", "q"), "grades must be"),
        (("producer", "--queue-bound-s", "0"), "--queue-bound-s must be in (0, 1e+06], got 0"),
        (("producer", "--levels", "0", "0"), "expected 3 level indices"),
        (("producer", "--work", "tcp://nowhere"), "cannot bind tcp://nowhere"),
        (("producer", "--source", "moon"), "expected one of traffic, file"),
        (("collector", "--video", "a.txt"), "a.txt"),
    ],
)
def test_a_bad_option_is_one_clear_sentence_and_a_nonzero_exit(argv, words):
    with program(*argv) as child:
        code, err = child.finish()
    assert code != 0 and words in err and "Traceback" not in err


def test_a_port_in_use_is_named(running):
    _, endpoints, _ = running
    with program("producer", "--source", "memory", "--work", endpoints["work"]) as child:
        code, err = child.finish()
    assert code == 1 and f"cannot bind {endpoints['work']}" in err
