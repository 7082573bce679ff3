"""Endpoints of both kinds of addresses, at both ends."""

import socket
from collections.abc import Iterator

import pytest
import zmq

from pipeline.control import ControlClient, ControlError
from pipeline.sockets import EndpointError, bind, connect, open_socket, reached_at


@pytest.fixture
def context() -> Iterator[zmq.Context]:
    with zmq.Context() as made:
        yield made


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as found:
            found.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this host has no address ::1")
def test_both_ends_may_have_addresses_of_ipv6(context):
    with open_socket(context, zmq.PULL) as pull, open_socket(context, zmq.PUSH) as push:
        connect(push, bind(pull, "tcp://[::1]:*"))
        push.send(b"there")
        assert pull.poll(5000) and pull.recv() == b"there"


@pytest.mark.parametrize(
    ("endpoint", "speaks_from", "reached"),
    [
        ("tcp://0.0.0.0:5", "10.0.0.1", "tcp://10.0.0.1:5"),
        ("tcp://[::]:5", "::ffff:10.0.0.1", "tcp://[::ffff:10.0.0.1]:5"),
        ("tcp://*:5", "fd00::1", "tcp://[fd00::1]:5"),
        ("tcp://[fd00::2]:5", "fd00::1", "tcp://[fd00::2]:5"),
    ],
)
def test_who_is_bound_to_every_address_is_reached_at_the_one_it_speaks_from(endpoint, speaks_from, reached):
    class Said:
        def get(self, name: str) -> str:
            return {"Peer-Address": speaks_from}[name]

    assert reached_at(endpoint, Said()) == reached  # type: ignore[arg-type]


def test_what_is_no_endpoint_is_named(context):
    with open_socket(context, zmq.PULL) as pull, pytest.raises(EndpointError, match="cannot bind nowhere"):
        bind(pull, "nowhere")
    with ControlClient("nowhere") as client, pytest.raises(ControlError, match="cannot connect to nowhere"):
        client.status()
