"""Doors and handshakes over real sockets: who is let in, who is told why not, and what a server counts."""

import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import zmq

from pipeline.connections import WHY, Connections
from pipeline.doors import Door, Handshake, is_local
from pipeline.keys import KeysError, Role, credentials
from pipeline.sockets import EndpointError, open_socket, pending
from tests.pipeline.keyrings import introduce, keyring, stranger

ANY_PORT = "tcp://127.0.0.1:*"
PATIENCE_MS = 5_000
NOT_LISTED = WHY[zmq.EVENT_HANDSHAKE_FAILED_AUTH]
NO_KEY = WHY[zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL]


class Served:
    """A ROUTER for workers behind a door."""

    def __init__(self, stack: ExitStack, keys: str) -> None:
        context = stack.enter_context(zmq.Context())
        self.door = Door(context, keys, False, Role.WORKER)
        stack.callback(self.door.close)
        self.router = stack.enter_context(open_socket(context, zmq.ROUTER))
        self.connections = Connections(self.router)
        stack.callback(self.connections.close)
        self.endpoint = self.door.bind(self.router, ANY_PORT, Role.WORKER)

    def heard(self, timeout_ms: int = PATIENCE_MS) -> list[bytes]:
        """What has been said and may be taken."""
        self.router.poll(timeout_ms)
        return [frames[-1] for frames in pending(self.router, revoked=self.door.revoked(Role.WORKER))]

    def refused(self) -> list[str]:
        """Why somebody was turned away, once somebody was."""
        while not (refused := self.connections.take_refused()):
            assert self.connections.news.poll(PATIENCE_MS), "nobody was turned away"
            self.connections.note(0)
        return refused


@pytest.fixture
def keys(tmp_path):
    return keyring(tmp_path / "server")


@pytest.fixture
def served(keys):
    with ExitStack() as stack:
        yield Served(stack, str(keys))


@contextmanager
def client(endpoint: str, keys: Path | None, role: Role = Role.WORKER):
    """A DEALER and its handshake."""
    shown = None if keys is None else credentials(str(keys), role)
    with zmq.Context() as context, open_socket(context, zmq.DEALER) as socket:
        handshake = Handshake(socket, endpoint, shown)
        try:
            yield socket, handshake
        finally:
            handshake.close()


def why_not(handshake: Handshake) -> str:
    """What the client is told, once it is."""
    with pytest.raises(KeysError) as told:
        while handshake.news.poll(PATIENCE_MS):
            handshake.check()
    return str(told.value)


def test_a_listed_key_is_let_in(served, keys):
    with client(served.endpoint, keys) as (socket, handshake):
        socket.send(b"hello")
        assert served.heard() == [b"hello"]
        handshake.check()


def test_a_key_that_is_not_listed_is_refused_by_name_and_counted(served, keys, tmp_path):
    host = stranger(tmp_path / "host", keys)
    with client(served.endpoint, host) as (_, handshake):
        assert why_not(handshake).endswith("worker.key_secret: it is not on the list there")
        assert served.refused() == [NOT_LISTED]


def test_a_key_of_another_role_is_not_let_in(served, keys):
    with client(served.endpoint, keys, Role.CONTROL) as (_, handshake):
        assert "control.key_secret: it is not on the list" in why_not(handshake)
        assert served.refused() == [NOT_LISTED]


def test_a_client_without_a_key_is_told_so_and_counted(served):
    with client(served.endpoint, None) as (_, handshake):
        assert "a client without a key: " in why_not(handshake)
        assert served.refused()[0].startswith("it has no key")


def test_a_program_that_may_be_early_is_only_warned_and_tries_on(keys, caplog):
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        endpoint = "tcp://{}:{}".format(*listener.getsockname())  # of a proxy, behind which nobody is
        context = stack.enter_context(zmq.Context())
        dealer = stack.enter_context(open_socket(context, zmq.DEALER))
        handshake = Handshake(dealer, endpoint, None, patient=True)
        stack.callback(handshake.close)
        while "breaks off every handshake with a client without a key" not in caplog.text:
            listener.accept()[0].close()
            handshake.check()


def test_a_client_of_another_server_is_told_so_and_counted(served, tmp_path):
    with client(served.endpoint, keyring(tmp_path / "other")) as (_, handshake):
        assert "its server has another than in " in why_not(handshake)
        assert served.refused()[0] == NO_KEY


def test_a_client_with_a_key_is_told_of_a_server_without(keys):
    with ExitStack() as stack:
        served = Served(stack, "")
        with client(served.endpoint, keys) as (_, handshake):
            assert "worker.key_secret: " in why_not(handshake)


def test_without_keys_nothing_is_asked():
    with ExitStack() as stack:
        served = Served(stack, "")
        with client(served.endpoint, None) as (socket, handshake):
            socket.send(b"hello")
            assert served.heard() == [b"hello"]
            handshake.check()


def test_a_key_that_is_listed_later_is_let_in_and_one_that_is_revoked_is_not_heard(served, keys, tmp_path):
    host = stranger(tmp_path / "host", keys)
    listed = introduce(host, Role.WORKER, keys)
    with client(served.endpoint, host) as (socket, handshake):
        socket.send(b"let in")
        assert served.heard() == [b"let in"]
        listed.unlink()
        served.door.read(now_ns=0)
        socket.send(b"revoked")
        assert served.router.poll(PATIENCE_MS) and served.heard() == []
        handshake.check()
    with client(served.endpoint, host) as (_, handshake):
        assert "it is not on the list there" in why_not(handshake)


@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("tcp://127.0.0.1:5550", True),
        ("tcp://127.8.0.1:*", True),
        ("tcp://localhost:5550", True),
        ("tcp://[::1]:5550", True),
        ("ipc:///run/work", True),
        ("inproc://work", True),
        ("tcp://*:5550", False),
        ("tcp://0.0.0.0:5550", False),
        ("tcp://[::]:5550", False),
        ("tcp://192.168.0.4:5550", False),
        ("tcp://eth0:5550", False),
        ("pgm://eth0;239.192.1.1:5555", False),
    ],
)
def test_an_endpoint_is_local_if_no_other_host_can_reach_it(endpoint, local):
    assert is_local(endpoint) is local


def test_beyond_this_host_there_are_keys_or_words_that_say_one_does_without(keys, caplog):
    with zmq.Context() as context, open_socket(context, zmq.ROUTER) as socket:
        with pytest.raises(
            EndpointError, match=r"give --keys FOLDER .* or --insecure: whoever reaches it can"
        ):
            Door(context, "", False).bind(socket, "tcp://0.0.0.0:*", Role.WORKER)
        assert Door(context, "", True).bind(socket, "tcp://0.0.0.0:*", Role.WORKER)
        assert "is open without keys: whoever reaches it can" in caplog.text
    with ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        door = Door(context, str(keys), False, Role.WORKER)
        stack.callback(door.close)
        socket = stack.enter_context(open_socket(context, zmq.ROUTER))
        assert door.bind(socket, "tcp://0.0.0.0:*", Role.WORKER)


def test_a_servers_secret_that_others_can_read_lets_nobody_start(keys):
    (keys / "server.key_secret").chmod(0o644)
    with zmq.Context() as context, pytest.raises(KeysError, match="others can read the secret"):
        Door(context, str(keys), False, Role.WORKER)
