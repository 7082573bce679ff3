"""What can happen to the producer's core, and what it can order its shell to do.

Structs, not frozen dataclasses: those take a microsecond per field to make, and here a frame makes several.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.messages import (
    NOTHING_WRONG,
    ControlReply,
    ControlRequest,
    ErrorCode,
    LinkDown,
    LinkUp,
    SourceReport,
    TaskHeader,
    WorkReply,
    WorkRequest,
)
from pipeline.settings import StreamSettings

Envelope = tuple[bytes, ...]  # routing frames of a request, echoed in its reply; the first is the peer


class Captured(msgspec.Struct, frozen=True):
    """The source gave a picture that the FPS knob lets through.

    Attributes:
        captured_ns: when it was due.
        pts_ns: of the source, from its start.
        image: None: capture was too late for it.
        busy_ns: how long the capturing thread has worked since the picture before, on those skipped as well.
    """

    episode: int
    epoch: int
    grade: int
    source_index: int
    captured_ns: int
    pts_ns: int
    image: NDArray[np.uint8] | None
    source: SourceReport = NOTHING_WRONG
    busy_ns: int = 0


class SourceEnded(msgspec.Struct, frozen=True):
    """No more pictures in this episode; `error` says why if the source failed."""

    episode: int
    error: str = ""
    source: SourceReport = NOTHING_WRONG


class WorkRequested(msgspec.Struct, frozen=True):
    """A worker spoke."""

    envelope: Envelope
    message: WorkRequest


class Unroutable(msgspec.Struct, frozen=True):
    """A reply could not be sent: the worker is gone; these tasks came back."""

    peer: bytes
    tasks: tuple[TaskHeader, ...]


class CollectorSpoke(msgspec.Struct, frozen=True):
    """The collector spoke; `peer` is its routing id."""

    peer: bytes
    message: LinkUp


class ControlRequested(msgspec.Struct, frozen=True):
    """A controller asked something."""

    envelope: Envelope
    message: ControlRequest


class Malformed(msgspec.Struct, frozen=True):
    """A peer sent something invalid; who expects an answer is named by its envelope or routing id."""

    reason: str
    code: ErrorCode = ErrorCode.NONE
    work: Envelope | None = None
    control: Envelope | None = None
    link: bytes | None = None


class Unheard(msgspec.Struct, frozen=True):
    """A client of the Work-API, at this address, has been connected for long and not been heard."""

    address: str


class Refused(msgspec.Struct, frozen=True):
    """A client of any socket did not get through the handshake, and why."""

    why: str


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


class StopRequested(msgspec.Struct, frozen=True):
    """Ctrl-C, a signal, or the supervisor has gone."""


Event = (
    Captured
    | SourceEnded
    | WorkRequested
    | Unroutable
    | CollectorSpoke
    | ControlRequested
    | Malformed
    | Unheard
    | Refused
    | Tick
    | StopRequested
)


class Reply(msgspec.Struct, frozen=True):
    """Answer a worker; each task is a header and its picture."""

    envelope: Envelope
    message: WorkReply
    tasks: tuple[tuple[TaskHeader, NDArray[np.uint8]], ...] = ()


class Tell(msgspec.Struct, frozen=True):
    """Tell the collector."""

    peer: bytes
    message: LinkDown


class Answer(msgspec.Struct, frozen=True):
    """Answer a controller."""

    envelope: Envelope
    message: ControlReply


class BeginCapture(msgspec.Struct, frozen=True):
    """Restart the source and capture under these settings."""

    episode: int
    seed: int
    epoch: int
    settings: StreamSettings


class ChangeCapture(msgspec.Struct, frozen=True):
    """Capture under these settings from now on."""

    epoch: int
    settings: StreamSettings


class EndCapture(msgspec.Struct, frozen=True):
    """Capture nothing more until the next BeginCapture."""


class Finish(msgspec.Struct, frozen=True):
    """Everything is done: end the process."""


Command = Reply | Tell | Answer | BeginCapture | ChangeCapture | EndCapture | Finish
