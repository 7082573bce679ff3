"""A stranger with nothing but the description: a plain REQ socket and dictionaries packed by hand."""

import time

import msgspec
import numpy as np
import pytest
import zmq

from tests.pipeline.running import PATIENCE_MS, Peer, producer

pytestmark = pytest.mark.real

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


def test_the_second_client_of_a_routing_id_is_counted_and_the_first_goes_on():
    with (
        producer(*SMALL) as (_, endpoints),
        Peer(zmq.REQ, endpoints["control"]) as control,
        zmq.Context() as context,
    ):
        first, second = (context.socket(zmq.REQ) for _ in range(2))
        for client in (first, second):
            client.setsockopt(zmq.ROUTING_ID, b"camera")
            client.linger, client.rcvtimeo = 0, PATIENCE_MS
            client.connect(endpoints["work"])
            client.send(msgspec.msgpack.encode({"type": "REGISTER"}))
            if client is first:
                assert client.recv()
        deadline_s = time.monotonic() + PATIENCE_MS / 1000
        while not control.ask_map({"type": "TELEMETRY"})["incidents"]["unheard_clients"]:
            assert time.monotonic() < deadline_s, "nobody notices the second one"
            first.send(msgspec.msgpack.encode({"type": "GET_WORK", "n": 0}))
            assert first.recv()
            second.poll(100)
        assert not second.poll(0)
        first.close()
        second.close()
