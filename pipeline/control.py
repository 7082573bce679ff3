"""Client of the producer's control socket: who is there, telemetry, knobs, start and stop."""

import logging
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Self, TypeVar

import zmq

from pipeline.doors import Handshake
from pipeline.keys import Role, credentials
from pipeline.messages import (
    ControlReply,
    ControlRequest,
    Done,
    Error,
    GetStatus,
    GetTelemetry,
    OtherProtocolError,
    ProtocolError,
    SetKnobs,
    Start,
    Status,
    Stop,
    Telemetry,
    decode_control_reply,
    encode,
)
from pipeline.sockets import EndpointError, open_socket

logger = logging.getLogger(__name__)

Reply = TypeVar("Reply", Status, Telemetry, Done)

TIMEOUT_S = 5.0  # an idle producer answers within milliseconds, a busy one within its loop's turn
START_TIMEOUT_S = 60.0  # START first drains what runs, up to the producer's own deadline
CHECK_EVERY_S = 0.2  # while waiting for a reply: is the producer still there?
STATUS_EVERY_S = 0.2  # while waiting for workers to load their models


class ControlError(Exception):
    """A control request failed; the text says at which endpoint and how."""


class UnansweredError(ControlError):
    """No reply in time: the producer is gone, stopped or unreachable."""


class RefusedError(ControlError):
    """The producer answered ERROR, or something that is no answer to the request, or lets us not in."""


class ControlClient:
    """A REQ socket on which every wait has a deadline; use it from one thread.

    Args:
        endpoint: the producer's control endpoint.
        timeout_s: longest wait for a reply, unless a request says otherwise.
        check: called now and then while a reply is awaited; what it raises ends the wait.
        keys: folder with the key that is shown there; "" = none.
    """

    def __init__(
        self,
        endpoint: str,
        timeout_s: float = TIMEOUT_S,
        check: Callable[[], object] = lambda: None,
        keys: str = "",
    ) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self._check = check
        self._keys = keys
        self._context = zmq.Context()
        self._sockets: list[tuple[zmq.Socket, Handshake]] = []  # at most one
        # a context that is collected before its socket would wait for it for ever
        self._release = weakref.finalize(self, _release, self._context, self._sockets)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def status(self) -> Status:
        """Say who is there, and what the stream is."""
        return self._expect(Status, GetStatus())

    def telemetry(self, close: bool) -> Telemetry:
        """Return the figures of the current interval; `close` ends it and begins the next."""
        return self._expect(Telemetry, GetTelemetry(close=close))

    def set_levels(self, levels: Sequence[int]) -> Done:
        """Set the knobs: level indices (fps, size, grade)."""
        return self._expect(Done, SetKnobs(levels=_three(levels)))

    def set_streams(self, streams: int) -> Done:
        """Set the number of concurrent streams."""
        return self._expect(Done, SetKnobs(streams=streams))

    def start(self, seed: int, levels: Sequence[int], streams: int = 1) -> Done:
        """Begin a new episode; returns once it has begun."""
        request = Start(seed=seed, levels=_three(levels), streams=streams)
        return self._expect(Done, request, START_TIMEOUT_S)

    def stop(self) -> Done:
        """Have the producer offer nothing more, drain and end; returns at once."""
        return self._expect(Done, Stop())

    def wait_until(
        self,
        missing: Callable[[Status], str],
        timeout_s: float,
        on_progress: Callable[[str], None] = logger.info,
    ) -> Status:
        """Poll the status until nothing is missing.

        Args:
            missing: what is still awaited, in words; "" ends the wait.
            on_progress: told whenever those words change.

        Raises:
            UnansweredError: something is still missing after timeout_s, or the producer is silent.
        """
        began_s, words = time.monotonic(), ""
        while True:
            status = self.status()
            awaited = missing(status)
            waited_s = time.monotonic() - began_s
            if awaited != words:
                on_progress(f"after {waited_s:.1f} s: " + (f"waiting for {awaited}" if awaited else "ready"))
                words = awaited
            if not awaited:
                return status
            if waited_s > timeout_s:
                raise UnansweredError(f"waited {timeout_s:g} s for {awaited} ({self.endpoint})")
            time.sleep(STATUS_EVERY_S)

    def close(self) -> None:
        """Close the socket; harmless when closed already."""
        self._release()

    def _expect(self, kind: type[Reply], request: ControlRequest, timeout_s: float | None = None) -> Reply:
        what = type(request).__name__
        reply = self._exchange(request, self.timeout_s if timeout_s is None else timeout_s)
        if isinstance(reply, Error):
            raise RefusedError(f"the producer at {self.endpoint} refused {what}: {reply.reason}")
        if not isinstance(reply, kind):
            got = type(reply).__name__
            raise RefusedError(f"{what} is answered with {kind.__name__}, got {got} from {self.endpoint}")
        return reply

    def _exchange(self, request: ControlRequest, timeout_s: float) -> ControlReply:
        try:
            if not self._sockets:
                self._sockets.append(self._connect())
            ((socket, handshake),) = self._sockets
            socket.send(encode(request))
            return decode_control_reply(self._receive(socket, handshake, request, timeout_s))
        except EndpointError as error:
            _close(self._sockets)
            raise RefusedError(str(error)) from None
        except OtherProtocolError as error:
            raise RefusedError(f"{self.endpoint}: {error}") from error
        except ProtocolError as error:
            raise RefusedError(f"{self.endpoint} does not speak the control protocol: {error}") from error
        except BaseException:
            _close(self._sockets)  # a REQ that was sent and not answered can never send again
            raise

    def _connect(self) -> tuple[zmq.Socket, Handshake]:
        shown = credentials(self._keys, Role.CONTROL)
        socket = open_socket(self._context, zmq.REQ)
        try:
            return socket, Handshake(socket, self.endpoint, shown)
        except EndpointError:
            socket.close()
            raise

    def _receive(
        self, socket: zmq.Socket, handshake: Handshake, request: ControlRequest, timeout_s: float
    ) -> list[bytes]:
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            if socket.poll(max(1, int(1e3 * min(left_s, CHECK_EVERY_S)))):
                return socket.recv_multipart()
            handshake.check()
            self._check()
        what = type(request).__name__
        raise UnansweredError(f"no answer to {what} from {self.endpoint} within {timeout_s:g} s")


def _close(sockets: list[tuple[zmq.Socket, Handshake]]) -> None:
    while sockets:
        socket, handshake = sockets.pop()
        handshake.close()
        socket.close(linger=0)


def _release(context: zmq.Context, sockets: list[tuple[zmq.Socket, Handshake]]) -> None:
    _close(sockets)
    context.term()


def _three(levels: Sequence[int]) -> tuple[int, int, int]:
    fps, size, grade = (int(level) for level in levels)
    return fps, size, grade
