"""TCP clients that talk garbage, half a greeting, nothing, or too much: the producer serves the others."""

import resource
import socket
import struct
import time
from contextlib import ExitStack, suppress

import psutil
import pytest
import zmq

from tests.pipeline.running import PATIENCE_MS, Peer, producer

pytestmark = pytest.mark.real

SMALL = ("--source", "memory", "--width", "128", "--height", "72", "--work-type", "EMULATED")
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x19\x05READY\x0bSocket-Type" + struct.pack(">I", 3) + b"REQ"
GARBAGE = {
    "nothing": b"",
    "half a greeting": GREETING[:11],
    "a mechanism that is none": GREETING[:12] + b"MAGIC".ljust(20, b"\0") + bytes(32),
    "another protocol": b"GET / HTTP/1.1\r\nHost: producer\r\n\r\n",
    "a message of a terabyte": GREETING + READY + b"\x02" + struct.pack(">Q", 1 << 40) + b"x",
    "a megabyte of noise": bytes(range(256)) * 4096,
}
MAY_GROW_BYTES = 100 << 20
FEW = 16  # descriptors


@pytest.fixture
def descriptors():
    """As many as there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("n", [50, pytest.param(1_500, marks=pytest.mark.nightly)])
def test_clients_that_talk_garbage_keep_nobody_from_being_served(n, descriptors):
    with producer(*SMALL) as (child, endpoints), Peer(zmq.REQ, endpoints["control"]) as control:
        assert control.ask_map({"type": "STATUS"})["type"] == "STATUS_REPLY"
        process = psutil.Process(child.process.pid)
        n_open, n_bytes = process.num_fds(), process.memory_info().rss
        host, _, port = endpoints["work"].removeprefix("tcp://").rpartition(":")
        with ExitStack() as stack:
            for words in [*GARBAGE.values()] * (n // len(GARBAGE)):
                client = stack.enter_context(socket.create_connection((host, int(port)), PATIENCE_MS / 1000))
                with suppress(OSError):  # it hangs up on some
                    client.sendall(words)
            with Peer(zmq.REQ, endpoints["work"]) as worker:
                assert worker.ask_map({"type": "REGISTER"})["type"] == "REGISTRATION_CONFIRMATION"
        deadline_s = time.monotonic() + PATIENCE_MS / 1000
        while process.num_fds() > n_open + FEW:
            assert time.monotonic() < deadline_s, "connections stay open that nobody has any more"
            time.sleep(0.05)
        while control.ask_map({"type": "TELEMETRY"})["incidents"]["refused_clients"] < n // len(GARBAGE):
            assert time.monotonic() < deadline_s, "nobody was refused"
            time.sleep(0.05)
        assert process.memory_info().rss < n_bytes + MAY_GROW_BYTES
