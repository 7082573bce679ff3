"""The sending thread: results from the inference process to the collector, however slow that is.

It alone makes, uses and closes the PUSH socket. Where results go is left in its letter-box, a plain
attribute that it reads before each result; how many tasks have left is a counter that it alone writes. Over
an emulated link, results are held back for as long as they would travel.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import NamedTuple

import zmq

from pipeline.doors import Handshake
from pipeline.keys import Credentials, KeysError
from pipeline.sockets import SNDMORE, EndpointError, open_socket
from pipeline.worker.jobs import Finished, unpack_finished
from pipeline.worker.link import Link
from pipeline.worker.ring import SlotRing

logger = logging.getLogger(__name__)

HIGH_WATER_MARK = 4  # results waiting in the socket, some with a frame; the rest waits in the slots
TRY_MS = 50  # a result that cannot leave is tried again, unless things have changed
LINGER_MS = 500  # for what is in the socket when the worker ends


class _Parcel(NamedTuple):
    """A result on an emulated link; `frame` is a copy."""

    arrives_ns: int
    header: bytes
    boxes: bytes
    frame: bytes


class Sender:
    """Sends results and frees their slots until the inference process closes its pipe.

    Args:
        credentials: shown to the collector.
        results: pipe from the inference process.
        ring: slots that are freed once their result was handed to the socket.
        wake: called from the thread when `wants_wake` is set and a task has left, and when it has failed.
        link: what results travel over.
    """

    def __init__(
        self,
        context: zmq.Context,
        credentials: Credentials | None,
        results: Connection,
        ring: SlotRing,
        wake: Callable[[], None],
        link: Link,
    ) -> None:
        self.endpoint = ""  # letter-box: the collector's, as of the last confirmation
        self.wants_wake = False  # letter-box: the requester sleeps until a task leaves
        self.n_left = 0  # tasks that have left so far
        self.failure = ""  # why it can send nothing, ever
        self._context = context
        self._credentials = credentials
        self._results = results
        self._ring = ring
        self._wake = wake
        self._link = link
        self._under_way: deque[_Parcel] = deque()  # as many at most as a socket's buffer takes
        self._give_up_s = math.inf
        self._push: zmq.Socket | None = None
        self._handshake: Handshake | None = None  # of the socket
        self._connected = ""
        self._thread = threading.Thread(target=self._run, name="sender")
        self._thread.start()

    def finish(self, wait_s: float) -> None:
        """Say what has not been sent in wait_s from now is thrown away."""
        self._give_up_s = time.monotonic() + wait_s

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the pipe to end and all to be sent; False if that takes longer than timeout_s."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (finished := self._next()) is not None:
                self._pass_on(finished)
            while self._under_way:
                self._deliver()
        except KeysError as error:
            self.failure = f"the collector: {error}"
            self._wake()
        except EndpointError as error:
            self.failure = f"the producer names a collector that cannot be: {error}"
            self._wake()
        except Exception as error:  # ends the worker, not just this thread
            self.failure = f"the sender has failed: {error!r}"
            self._wake()
            raise
        finally:
            self._hang_up(LINGER_MS)

    def _next(self) -> Finished | None:
        """The next finished task; None once the inference process is gone. Parcels arrive meanwhile."""
        try:
            while self._under_way and (
                len(self._under_way) == HIGH_WATER_MARK or not self._results.poll(self._left_s())
            ):
                self._deliver()
            return unpack_finished(self._results.recv_bytes())
        except (EOFError, OSError):  # OSError: it was cut off within a message
            return None

    def _pass_on(self, finished: Finished) -> None:
        slot, header, boxes, n_bytes = finished
        if header:
            frame = self._ring.frame(slot, n_bytes) if n_bytes else b""
            if self._link.is_ideal and not self._under_way:
                self._send(header, boxes, frame)  # which copies: the slot is free at once
            else:
                size = len(header) + len(boxes) + n_bytes
                arrives_ns = self._link.arrival_ns(size, time.monotonic_ns())
                self._under_way.append(_Parcel(arrives_ns, header, boxes, bytes(frame)))
            del frame  # before the slot is freed
        self._ring.free(slot)
        self.n_left += 1
        if self.wants_wake:
            self.wants_wake = False
            self._wake()

    def _left_s(self) -> float:
        """Until the first parcel arrives; none travels once the worker has given up."""
        arrives_s = min(self._under_way[0].arrives_ns * 1e-9, self._give_up_s)
        return max(0.0, arrives_s - time.monotonic())

    def _deliver(self) -> None:
        """Wait for the first parcel to arrive, and send it."""
        while (left_s := self._left_s()) > 0:
            time.sleep(min(left_s, TRY_MS * 1e-3))  # the worker may give up meanwhile
        _, header, boxes, frame = self._under_way.popleft()
        self._send(header, boxes, frame)

    def _send(self, header: bytes, boxes: bytes, frame: bytes | memoryview) -> None:
        while True:
            try:
                push = self._socket()
                push.send(header, SNDMORE)
                push.send(boxes, SNDMORE)
                push.send(frame)
                return
            except zmq.Again:
                assert self._handshake is not None, "it came with the socket"
                self._handshake.check()
                if time.monotonic() >= self._give_up_s:
                    self._socket().sndtimeo = 0  # nor will it wait for those that follow
                    logger.warning("no collector takes results: one is thrown away")
                    return

    def _socket(self) -> zmq.Socket:
        if self._push is None or self._connected != self.endpoint:
            self._hang_up(0)  # a collector that was replaced takes nothing any more
            self._connected = self.endpoint
            self._push = open_socket(self._context, zmq.PUSH, high_water_mark=HIGH_WATER_MARK)
            self._push.sndtimeo = TRY_MS
            self._handshake = Handshake(self._push, self._connected, self._credentials, patient=True)
        return self._push

    def _hang_up(self, linger_ms: int) -> None:
        if self._handshake is not None:
            self._handshake.close()
            self._handshake = None
        if self._push is not None:
            self._push.close(linger=linger_ms)
            self._push = None
