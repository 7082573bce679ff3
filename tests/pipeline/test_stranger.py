"""A stranger with nothing but the description: a plain REQ socket and dictionaries packed by hand."""

import msgspec
import numpy as np
import pytest
import zmq

from tests.pipeline.running import Peer, producer

SMALL = ("--source", "memory", "--width", "128", "--height", "72", "--length-s", "0")
START = {"type": "START", "seed": 0, "levels": [5, 0, 2], "streams": 1}


@pytest.fixture(scope="module")
def endpoints():
    """A producer of small frames, 30 per second; no collector, no worker of ours."""
    with producer(*SMALL, "--drain-s", "1") as (_, endpoints):
        yield endpoints


def test_a_stranger_registers_works_hears_of_a_change_and_of_the_end(endpoints):
    with Peer(zmq.REQ, endpoints["work"]) as stranger, Peer(zmq.REQ, endpoints["control"]) as control:
        assert control.ask_map(START)["type"] == "DONE"
        confirmation = stranger.ask_map({"type": "REGISTER"})
        assert confirmation["type"] == "REGISTRATION_CONFIRMATION"
        assert confirmation["work_type"] == "YOLO_DETECTION"
        assert confirmation["work_load"] == "HIGH"
        assert confirmation["loading_mode"] == 1

        info, metadata, data = stranger.ask({"type": "GET_WORK"})
        assert msgspec.msgpack.decode(info)["type"] == "INFERENCE"
        task = msgspec.msgpack.decode(metadata)
        assert task["id"] == 0 and task["dtype"] == "uint8"
        assert task["incarnation"] > 0 and task["episode"] == 1
        assert np.frombuffer(data, task["dtype"]).reshape(task["shape"]).shape == (72, 128, 3)

        assert control.ask_map({"type": "SET", "levels": [5, 0, 1]})["type"] == "DONE"
        change = stranger.ask_map({"type": "GET_WORK"})
        assert change["type"] == "CHANGE" and change["CHANGE_WORK_LOAD"] == 1

        info, metadata, _ = stranger.ask({"type": "GET_WORK"})
        assert msgspec.msgpack.decode(metadata)["id"] == 1
        assert control.ask_map({"type": "STOP"})["type"] == "DONE"
        while (reply := stranger.ask({"type": "GET_WORK"}))[0] != msgspec.msgpack.encode({"type": "END"}):
            assert msgspec.msgpack.decode(reply[0])["type"] == "WAIT"


def test_req_correlate_works_as_well():
    with producer(*SMALL) as (_, endpoints), Peer(zmq.REQ, endpoints["work"]) as stranger:
        stranger.socket.setsockopt(zmq.REQ_CORRELATE, 1)
        assert stranger.ask_map({"type": "REGISTER"})["type"] == "REGISTRATION_CONFIRMATION"
