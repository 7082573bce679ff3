"""What a worker's core is told, and what it has its shell do."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.messages import GetWork, Register, TaskHeader, Weights, WorkReply
from pipeline.worker.jobs import Prepare


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed, nothing else happened."""


@dataclass(frozen=True, slots=True)
class Replied:
    """The producer answered; `tasks` is empty unless the reply is Work."""

    reply: WorkReply
    tasks: Sequence[TaskHeader] = ()


@dataclass(frozen=True, slots=True)
class Malformed:
    """The producer's answer was not a valid message."""

    reason: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """Inference has loaded and warmed what Prepare `number` asked for."""

    number: int
    weights: Weights


@dataclass(frozen=True, slots=True)
class TasksLeft:
    """n tasks are done and their results handed to the transport."""

    n: int


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Somebody wishes the worker to end."""


@dataclass(frozen=True, slots=True)
class Request:
    """Send this to the producer."""

    message: Register | GetWork


@dataclass(frozen=True, slots=True)
class Reopen:
    """Give the requesting socket up for a new one: no late reply can reach it."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """Send results to this endpoint; most frames will have at most frame_bytes."""

    results: str
    frame_bytes: int


@dataclass(frozen=True, slots=True)
class Load:
    """Have inference make ready."""

    prepare: Prepare


@dataclass(frozen=True, slots=True)
class Accept:
    """Hand the tasks that just came to inference."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish what is in hand, for at most wait_s, then end."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class Fail:
    """End with an error; `reason` is for people."""

    reason: str


Event = Tick | Replied | Malformed | Prepared | TasksLeft | StopRequested
Command = Request | Reopen | Adopt | Load | Accept | Stop | Fail
