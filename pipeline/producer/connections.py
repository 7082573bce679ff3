"""Clients that are connected and not heard: libzmq passes over the second one that uses a routing id.

A ROUTER tells clients apart by their routing ids. Of two with the same one, the first keeps its connection,
and whatever the second says is read by nobody; so it cannot be answered either, and it is not even heard
once the first has gone. (With ROUTER_HANDOVER the second would take the id, the first come back for it
100 ms later, and so on for ever.) What can be done is to see from here that a connection stays silent, and
to say so, with its address.
"""

import os
import socket
from contextlib import suppress

import zmq
from zmq.utils.monitor import recv_monitor_message

OF_INTEREST = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED


class Connections:
    """Watches who connects to a ROUTER; close it before that.

    Args:
        router: not yet bound.
        patience_ns: how long a client that has something to say may take to say it.

    Attributes:
        news: readable when somebody has come or gone: `note` it before the router's messages are read.
    """

    def __init__(self, router: zmq.Socket, patience_ns: int) -> None:
        self._router = router
        self.news = router.get_monitor_socket(OF_INTEREST)
        self._patience_ns = patience_ns
        self._silent: dict[int, int] = {}  # file descriptor of a connection never heard: since when

    @property
    def is_anyone_silent(self) -> bool:
        """Tell whether it is worth asking whose a message is."""
        return bool(self._silent)

    def note(self, now_ns: int) -> None:
        """Note that somebody has come or gone."""
        while self.news.poll(0):
            event = recv_monitor_message(self.news)
            if event["event"] == zmq.EVENT_ACCEPTED:
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

    def close(self) -> None:
        """Stop watching; call once."""
        self._router.disable_monitor()
        self.news.close(linger=0)


def _address(fd: int) -> str:
    """Of the peer, as far as it has one and has not just gone."""
    with suppress(OSError), socket.socket(fileno=os.dup(fd)) as connection:
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            host, port = connection.getpeername()[:2]
            return f"{host}:{port}"
    return "an address that is not known"
