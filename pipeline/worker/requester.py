"""The socket that asks the producer: one request out, its reply back over a link that may be emulated."""

import time

import zmq

from pipeline.messages import WorkRequest, encode
from pipeline.sockets import NOBLOCK, connect, open_socket, receive
from pipeline.worker.link import Link

GOODBYE_MS = 500  # for the last word, if the producer is there to take it


class Requester:
    """A REQ socket that can be given up for a new one, which no late reply reaches.

    Nor does a late reply reach a request that has taken another's place.

    Args:
        producer: endpoint of the Work-API.
        poller: has the socket that is open.
        link: what replies with frames travel over.
    """

    def __init__(self, context: zmq.Context, producer: str, poller: zmq.Poller, link: Link) -> None:
        self._context = context
        self._producer = producer
        self._poller = poller
        self._link = link
        self._under_way: tuple[int, list[zmq.Frame]] | None = None  # (arrival, reply)
        self._socket: zmq.Socket | None = None

    @property
    def socket(self) -> zmq.Socket:
        """Return the one that is open."""
        assert self._socket is not None, "`reopen` comes first"
        return self._socket

    @property
    def arrives_ns(self) -> int | None:
        """Say when the reply that is under way arrives; None if there is none."""
        return None if self._under_way is None else self._under_way[0]

    def send(self, request: WorkRequest) -> None:
        """Ask; the reply to what was asked before has come, or is of no interest any more."""
        self.socket.send(encode(request), NOBLOCK)

    def take(self) -> tuple[int, list[zmq.Frame]] | None:
        """Take the reply that came off the socket, and when; None if its frames are still under way.

        None also if it answered what is not asked any more.
        """
        try:
            frames, now_ns = receive(self.socket), time.monotonic_ns()
        except zmq.Again:
            return None
        if self._link.is_ideal or len(frames) == 1:
            return now_ns, frames
        self._under_way = self._link.arrival_ns(sum(map(len, frames)), now_ns), frames
        return None

    def take_arrived(self) -> tuple[int, list[zmq.Frame]] | None:
        """Take the reply that has been under way until now, and when it arrived."""
        if self._under_way is None or time.monotonic_ns() < self._under_way[0]:
            return None
        arrived, self._under_way = self._under_way, None
        return arrived

    def reopen(self) -> None:
        """Give the socket, and what is under way to it, up for a new one.

        Raises EndpointError: the producer's endpoint is none.
        """
        self.close()
        self._under_way = None
        self._socket = open_socket(self._context, zmq.REQ)
        self._socket.req_relaxed = self._socket.req_correlate = True
        connect(self._socket, self._producer)
        self._poller.register(self._socket, zmq.POLLIN)

    def say_goodbye(self, message: WorkRequest) -> None:
        """Say the last word, whatever is asked for at present; it may take a moment to leave."""
        self.reopen()
        self.send(message)
        self.socket.linger = GOODBYE_MS

    def close(self) -> None:
        """Close the socket; idempotent."""
        if self._socket is not None:
            if self._socket in self._poller:
                self._poller.unregister(self._socket)
            self._socket.close()
            self._socket = None
