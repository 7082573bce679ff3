"""The socket that asks the producer: one request out, its reply back, over a link that may be emulated."""

import time
from collections import deque

import zmq

from pipeline.doors import Handshake
from pipeline.keys import Credentials
from pipeline.messages import WorkRequest, encode
from pipeline.sockets import NOBLOCK, open_socket, receive
from pipeline.worker.link import Link

GOODBYE_MS = 500  # for the last word, if the producer is there to take it


class Requester:
    """A REQ socket that can be given up for a new one, which no late reply reaches.

    Nor does a late reply reach a request that has taken another's place. On an emulated link a request is
    held back for as long as it would travel, and so is its reply.

    Args:
        producer: endpoint of the Work-API.
        credentials: that are shown there.
        poller: has the socket that is open.
        link: what requests and replies travel over; only frames take more than its delay.
    """

    def __init__(
        self,
        context: zmq.Context,
        producer: str,
        credentials: Credentials | None,
        poller: zmq.Poller,
        link: Link,
    ) -> None:
        self._context = context
        self._producer = producer
        self._credentials = credentials
        self._poller = poller
        self._link = link
        self._going: deque[tuple[int, bytes]] = deque()  # (arrival, request)
        self._coming: tuple[int, list[zmq.Frame]] | None = None  # (arrival, reply)
        self._socket: zmq.Socket | None = None
        self._handshake: Handshake | None = None  # of the socket

    @property
    def socket(self) -> zmq.Socket:
        """Return the one that is open."""
        assert self._socket is not None, "`reopen` comes first"
        return self._socket

    @property
    def arrives_ns(self) -> int | None:
        """Say when the first of what is under way arrives; None if nothing is."""
        if self._going:  # there is no reply to come yet
            return self._going[0][0]
        return None if self._coming is None else self._coming[0]

    def send(self, request: WorkRequest) -> None:
        """Ask; the reply to what was asked before has come, or is of no interest any more."""
        self._coming = None
        if self._link.delay_ns == 0:
            self._put(encode(request))
        else:
            self._going.append((time.monotonic_ns() + self._link.delay_ns, encode(request)))

    def take(self) -> tuple[int, list[zmq.Frame]] | None:
        """Take the reply that came off the socket, and when; None if it is still under way.

        None also if it answered what is not asked any more.
        """
        try:
            frames, now_ns = receive(self.socket), time.monotonic_ns()
        except zmq.Again:
            return None
        if self._going:  # what is asked has not even reached the producer
            return None
        if self._link.is_ideal:
            return now_ns, frames
        n_bytes = sum(map(len, frames)) if len(frames) > 1 else 0  # without frames it counts as empty
        self._coming = self._link.arrival_ns(n_bytes, now_ns), frames
        return None

    def take_arrived(self) -> tuple[int, list[zmq.Frame]] | None:
        """Hand over the requests that have been under way until now; take the reply, and when it arrived."""
        now_ns = time.monotonic_ns()
        while self._going and now_ns >= self._going[0][0]:
            self._put(self._going.popleft()[1])
        if self._coming is None or now_ns < self._coming[0]:
            return None
        arrived, self._coming = self._coming, None
        return arrived

    def reopen(self) -> None:
        """Give the socket, and what is under way through it, up for a new one.

        Raises EndpointError: the producer's endpoint is none.
        """
        self.close()
        self._going.clear()
        self._coming = None
        self._socket = open_socket(self._context, zmq.REQ)
        self._socket.req_relaxed = self._socket.req_correlate = True
        self._handshake = Handshake(self._socket, self._producer, self._credentials, patient=True)
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._handshake.news, zmq.POLLIN)

    def check(self) -> None:
        """Raise KeysError if the producer will not have us."""
        if self._handshake is not None:
            self._handshake.check()

    def say_goodbye(self, message: WorkRequest) -> None:
        """Say the last word, whatever is asked for at present; it may take a moment to leave."""
        self.reopen()
        self.socket.send(encode(message), NOBLOCK)
        self.socket.linger = GOODBYE_MS

    def _put(self, request: bytes) -> None:
        try:
            self.socket.send(request, NOBLOCK)
        except zmq.Again:
            self.check()  # who was refused has no connection any more that could take it
            raise

    def close(self) -> None:
        """Close the socket; idempotent."""
        if self._handshake is not None:
            self._poller.unregister(self._handshake.news)
            self._handshake.close()
            self._handshake = None
        if self._socket is not None:
            if self._socket in self._poller:
                self._poller.unregister(self._socket)
            self._socket.close()
            self._socket = None
