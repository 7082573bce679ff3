"""Clients that are connected and not heard, or turned away: what a server can see of them.

A ROUTER tells clients apart by their routing ids. Of two with the same one, the first keeps its connection,
and whatever the second says is read by nobody; so it cannot be answered either, and it is not even heard
once the first has gone. (With ROUTER_HANDOVER the second would take the id, the first come back for it
100 ms later, and so on for ever.) What can be done is to see from here that a connection stays silent, and
to say so, with its address. Who does not get through the handshake is counted, by what it lacks.
"""

import os
import socket
from contextlib import suppress

import zmq
from zmq.utils.monitor import recv_monitor_message

WHY = {  # a client was turned away
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "its key is not on the list",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "it has no key, or another server's, or does not speak ZeroMQ",
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "it has no key, or broke off its handshake for another reason",
}
PATIENCE_NS = 2_000_000_000  # who connects has something to say
OF_INTEREST = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | sum(WHY)


class Connections:
    """Watches who connects to a socket; close it before that.

    Args:
        server: not yet bound.
        patience_ns: how long a client that has something to say may take to say it.

    Attributes:
        news: readable when somebody has come or gone: `note` it before the socket's messages are read.
    """

    def __init__(self, server: zmq.Socket, patience_ns: int = PATIENCE_NS) -> None:
        self._server = server
        self.news = server.get_monitor_socket(OF_INTEREST)
        self._patience_ns = patience_ns
        self._silent: dict[int, int] = {}  # file descriptor of a connection never heard: since when
        self._refused: list[str] = []  # why, of each since they were last asked for

    @property
    def is_anyone_silent(self) -> bool:
        """Tell whether it is worth asking whose a message is."""
        return bool(self._silent)

    def note(self, now_ns: int) -> None:
        """Note that somebody has come or gone."""
        while self.news.poll(0):
            event = recv_monitor_message(self.news)
            if why := WHY.get(zmq.Event(event["event"])):
                self._refused.append(why)
            elif event["event"] == zmq.EVENT_ACCEPTED:
                self._silent[event["value"]] = now_ns
            else:
                self._silent.pop(event["value"], None)

    def heard(self, frame: zmq.Frame) -> None:
        """Note that a message has come; this is its last frame."""
        self._silent.pop(int(frame.get(zmq.SRCFD)), None)

    def overdue(self, now_ns: int) -> list[str]:
        """Addresses of those that have been connected for too long without a word; each is named once."""
        found = [fd for fd, since_ns in self._silent.items() if now_ns - since_ns > self._patience_ns]
        for fd in found:
            del self._silent[fd]
        return [_address(fd) for fd in found]

    def take_refused(self) -> list[str]:
        """Say of each client that was turned away since this was last asked why it was."""
        refused, self._refused = self._refused, []
        return refused

    def close(self) -> None:
        """Stop watching; call once."""
        self._server.disable_monitor()
        self.news.close(linger=0)


def _address(fd: int) -> str:
    """Of the peer, as far as it has one and has not just gone."""
    with suppress(OSError), socket.socket(fileno=os.dup(fd)) as connection:
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            host, port = connection.getpeername()[:2]
            return f"{host}:{port}"
    return "an address that is not known"
