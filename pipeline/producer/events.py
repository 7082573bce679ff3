"""What can happen to the producer's core, and what it can order its shell to do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.messages import (
    ControlReply,
    ControlRequest,
    LinkDown,
    LinkUp,
    TaskHeader,
    WorkReply,
    WorkRequest,
)
from pipeline.settings import StreamSettings

Envelope = tuple[bytes, ...]  # routing frames of a request, echoed in its reply; the first is the peer


@dataclass(frozen=True, slots=True)
class Captured:
    """The source gave a picture that the FPS knob lets through; `image` None: capture was too late for it."""

    episode: int
    epoch: int
    grade: int
    source_index: int
    captured_ns: int  # scheduled
    image: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """No more pictures in this episode; `error` says why if the source failed."""

    episode: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class WorkRequested:
    """A worker spoke."""

    envelope: Envelope
    message: WorkRequest


@dataclass(frozen=True, slots=True)
class Unroutable:
    """A reply could not be sent: the worker is gone; these tasks came back."""

    peer: bytes
    tasks: tuple[TaskHeader, ...]


@dataclass(frozen=True, slots=True)
class CollectorSpoke:
    """The collector spoke; `peer` is its routing id."""

    peer: bytes
    message: LinkUp


@dataclass(frozen=True, slots=True)
class ControlRequested:
    """A controller asked something."""

    envelope: Envelope
    message: ControlRequest


@dataclass(frozen=True, slots=True)
class Malformed:
    """A peer sent something invalid on a socket that expects answers, or elsewhere (envelope None)."""

    reason: str
    work: Envelope | None = None
    control: Envelope | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Ctrl-C, a signal, or the supervisor has gone."""


Event = (
    Captured
    | SourceEnded
    | WorkRequested
    | Unroutable
    | CollectorSpoke
    | ControlRequested
    | Malformed
    | Tick
    | StopRequested
)


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a worker; each task is a header and its picture."""

    envelope: Envelope
    message: WorkReply
    tasks: tuple[tuple[TaskHeader, NDArray[np.uint8]], ...] = ()


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the collector."""

    peer: bytes
    message: LinkDown


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer a controller."""

    envelope: Envelope
    message: ControlReply


@dataclass(frozen=True, slots=True)
class BeginCapture:
    """Restart the source and capture under these settings."""

    episode: int
    seed: int
    epoch: int
    settings: StreamSettings


@dataclass(frozen=True, slots=True)
class ChangeCapture:
    """Capture under these settings from now on."""

    epoch: int
    settings: StreamSettings


@dataclass(frozen=True, slots=True)
class EndCapture:
    """Capture nothing more until the next BeginCapture."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Everything is done: end the process."""


Command = Reply | Tell | Answer | BeginCapture | ChangeCapture | EndCapture | Finish
