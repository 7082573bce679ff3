"""The second client of one routing id: ZeroMQ hears the first alone, so it is seen by its silence."""

from contextlib import ExitStack

import pytest
import zmq

from pipeline.connections import Connections

PATIENCE_MS = 10_000


@pytest.fixture
def context():
    """Of all sockets; none of them outlives the test."""
    with zmq.Context() as context:  # which waits for every socket to be closed
        yield context


def test_the_second_client_of_a_routing_id_is_named_and_the_first_goes_on(context):
    with ExitStack() as stack:
        router = stack.enter_context(context.socket(zmq.ROUTER))
        connections = Connections(router, patience_ns=100)
        stack.callback(connections.close)
        port = router.bind_to_random_port("tcp://127.0.0.1")
        first = stack.enter_context(client(context, port))
        assert router.poll(PATIENCE_MS)
        frames = router.recv_multipart(copy=False)
        connections.note(now_ns=0)
        assert connections.overdue(0) == [] and connections.is_anyone_silent
        connections.heard(frames[-1])
        assert not connections.is_anyone_silent
        second = stack.enter_context(client(context, port))
        assert connections.news.poll(PATIENCE_MS)
        connections.note(now_ns=0)
        assert connections.overdue(100) == [] and not router.poll(100), "nothing of it is heard"
        (address,) = connections.overdue(101)
        assert address.startswith("127.0.0.1:") and address != f"127.0.0.1:{port}"
        assert connections.overdue(10_000) == [], "it is named once"
        router.send_multipart([b"same", b"", b"answer"])
        assert first.poll(PATIENCE_MS) and first.recv() == b"answer"
        assert not second.poll(0)


def client(context: zmq.Context, port: int) -> zmq.Socket:
    """A REQ with the routing id that all clients have; it has asked."""
    socket = context.socket(zmq.REQ)
    socket.linger = 0
    socket.setsockopt(zmq.ROUTING_ID, b"same")
    socket.connect(f"tcp://127.0.0.1:{port}")
    socket.send(b"hello")
    return socket
