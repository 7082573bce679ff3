"""The wire format: what is sent comes back equal, and what is wrong is refused by naming it."""

import msgspec
import numpy as np
import pytest

from pipeline.messages import (
    MAX_HEADER_BYTES,
    PROTOCOL_VERSION,
    Change,
    End,
    GetStatus,
    GetWork,
    OtherProtocolError,
    ProtocolError,
    Register,
    Result,
    ResultPart,
    TaskHeader,
    Work,
    decode_control_reply,
    decode_control_request,
    decode_link_down,
    decode_link_up,
    decode_results,
    decode_work_reply,
    decode_work_request,
    encode,
)

pack = msgspec.msgpack.encode


def result(**changes) -> Result:
    return Result(**{"id": 3, "dtype": "uint8", "shape": (0,), **changes})


def test_the_seeds_own_dictionaries_are_requests():
    assert decode_work_request([pack({"type": "REGISTER"})]) == Register()
    assert decode_work_request([pack({"type": "GET_WORK"})]) == GetWork()


def test_a_change_lists_only_what_changed():
    assert msgspec.msgpack.decode(encode(Change(epoch=2, CHANGE_WORK_LOAD=1))) == {
        "type": "CHANGE",
        "epoch": 2,
        "CHANGE_WORK_LOAD": 1,
    }


def test_several_tasks_come_with_their_buffers():
    images = [np.full((2, 4, 3), i, np.uint8) for i in range(2)]
    parts = [encode(Work(now_ns=5))]
    for i, image in enumerate(images):
        parts += [encode(TaskHeader(id=i, dtype="uint8", shape=image.shape)), image.tobytes()]
    reply, tasks = decode_work_reply(parts)
    assert reply == Work(now_ns=5)
    assert [header.id for header, _ in tasks] == [0, 1]
    assert bytes(tasks[1][1]) == images[1].tobytes()


def test_a_result_comes_back_with_its_arrays():
    boxes = np.arange(12, dtype=np.float32).reshape(2, 6)
    frame = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    part = ResultPart(result(shape=(2, 4, 3), boxes=(2, 6)), boxes, frame)
    (decoded,) = decode_results([encode(part.header), boxes.tobytes(), frame.tobytes()])
    assert decoded.header == part.header
    assert np.array_equal(decoded.boxes, boxes) and decoded.frame is not None
    assert np.array_equal(decoded.frame, frame)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (result(boxes=(2,)), "boxes have shape"),
        (result(boxes=(0, 5)), "boxes have shape"),
        (result(dtype="object", shape=(1,)), "dtype must be one of"),
        (result(shape=(1 << 15, 1 << 15, 3)), "an array may have"),
        (result(shape=(2, 2, 3)), "takes 12 bytes, got 0"),
    ],
)
def test_a_result_whose_arrays_cannot_be_is_refused(header, words):
    with pytest.raises(ProtocolError, match=words.replace("(", r"\(")):
        decode_results([encode(header), b"", b""])


@pytest.mark.parametrize("parts", [[], [b""], [encode(Work())] * 2, [encode(End()), b"more"]])
def test_a_reply_of_wrong_parts_is_refused(parts):
    with pytest.raises(ProtocolError):
        decode_work_reply(parts)


def test_a_header_that_is_too_large_is_not_even_decoded():
    with pytest.raises(ProtocolError, match="a header may have"):
        decode_work_request([b"\xc1" * (MAX_HEADER_BYTES + 1)])


V1_SYNC = {"type": "SYNC", "sent_ns": 5, "results": "tcp://a:1", "return_frames": False}
V1_SETTINGS = {"type": "SETTINGS", "episode": 1_700_000_000, "epoch": 1, "fps": 30.0, "now_ns": 5}
LATER = PROTOCOL_VERSION + 1
LATER_REGISTER = {"type": "REGISTER", "protocol": LATER}
V1_CONFIRMATION = {"type": "REGISTRATION_CONFIRMATION", "work_type": "NONE", "epoch": 1, "protocol": 1}
V1_STATUS = {"type": "STATUS_REPLY", "state": "STANDBY", "episode": 0, "epoch": 0, "levels": [0, 0, 0]}


@pytest.mark.parametrize(
    ("decode", "message", "us", "peer"),
    [
        (decode_link_up, V1_SYNC, "producer", "collector 1"),
        (decode_link_down, V1_SETTINGS, "collector", "producer 1"),
        (decode_work_reply, V1_CONFIRMATION, "worker", "producer 1"),
        (decode_control_reply, V1_STATUS, "controller", "producer 1"),
        (decode_work_request, LATER_REGISTER, "producer", f"worker {LATER}"),
        (
            decode_work_request,
            {"type": "REGISTER", "protocol": LATER, "worker": []},
            "producer",
            f"worker {LATER}",
        ),
        (decode_control_request, {"type": "STATUS", "protocol": LATER}, "producer", f"controller {LATER}"),
        (decode_link_up, {**V1_SYNC, "collector": 5, "protocol": LATER}, "producer", f"collector {LATER}"),
    ],
)
def test_another_release_is_named_whether_or_not_its_message_can_be_decoded(decode, message, us, peer):
    ours = rf"this {us} speaks protocol {PROTOCOL_VERSION} \(elasticbench [^)]+\)"
    with pytest.raises(OtherProtocolError, match=f"^{ours}, the {peer}: use one release$"):
        decode([pack(message)])


def test_what_is_sent_names_the_protocol():
    for message in (Register(), GetStatus()):
        assert msgspec.msgpack.decode(encode(message))["protocol"] == PROTOCOL_VERSION


def test_a_strangers_plain_status_is_a_request():
    assert decode_control_request([pack({"type": "STATUS"})]) == GetStatus()


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1.0, 1e299])
def test_a_deadline_that_is_no_time_is_refused(seconds):
    told = {"incarnation": 1, "episode": 1, "epoch": 1, "fps": 30.0, "size": (8, 8), "source_size": (8, 8)}
    told |= {
        "source_fps": 30.0,
        "streams": 1,
        "floor": {},
        "now_ns": 0,
        "type": "SETTINGS",
        "protocol": PROTOCOL_VERSION,
    }
    assert decode_link_down([pack({**told, "gap_deadline_s": 3.0})])
    with pytest.raises(ProtocolError):
        decode_link_down([pack({**told, "gap_deadline_s": seconds})])
