"""Everything that a worker's core is told, and all that it has its shell do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from pipeline.messages import Failure, GetWork, Register, TaskHeader, Weights, WorkReply
from pipeline.worker.jobs import Prepare


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """The worker's configuration, as it was told when it was started.

    Attributes:
        name: wished for in telemetry and results.
        identity: random, of this process alone.
        n_slots: tasks that can be in hand at once, >= 1.
        batch: most tasks asked for in one request, 1..64.
        weights: path per grade letter, stronger than the producer's.
        medium: what its link shares with others that name the same; "" = it is its own.
    """

    name: str
    identity: str
    n_slots: int
    batch: int = 1
    weights: dict[str, str] = field(default_factory=dict)
    medium: str = ""


class Tick(msgspec.Struct, frozen=True):
    """Time has passed, nothing else happened."""


class Replied(msgspec.Struct, frozen=True):
    """The producer answered; `tasks` is empty unless the reply is Work."""

    reply: WorkReply
    tasks: Sequence[TaskHeader] = ()


class Malformed(msgspec.Struct, frozen=True):
    """The producer's answer was not a valid message."""

    reason: str


class Prepared(msgspec.Struct, frozen=True):
    """Inference has loaded and warmed what Prepare `number` asked for."""

    number: int
    weights: Weights


class TasksLeft(msgspec.Struct, frozen=True):
    """n tasks are done and their results handed to the transport."""

    n: int


class TaskFailed(msgspec.Struct, frozen=True):
    """Inference could not process a task; that leaves like every other, but without a result."""

    failure: Failure


class StopRequested(msgspec.Struct, frozen=True):
    """Somebody wishes the worker to end."""


class Request(msgspec.Struct, frozen=True):
    """Send this to the producer."""

    message: Register | GetWork


class Reopen(msgspec.Struct, frozen=True):
    """Give the requesting socket up for a new one: no late reply can reach it."""


class Adopt(msgspec.Struct, frozen=True):
    """Send results to this endpoint; most frames will have at most frame_bytes."""

    results: str
    frame_bytes: int


class Load(msgspec.Struct, frozen=True):
    """Have inference make ready."""

    prepare: Prepare


class Bind(msgspec.Struct, frozen=True):
    """Have inference do tasks of an earlier epoch that it has not begun at this grade, if that is loaded."""

    epoch: int
    grade: int


class Accept(msgspec.Struct, frozen=True):
    """Hand the tasks that just came to inference."""


class Stop(msgspec.Struct, frozen=True):
    """Finish what is in hand, for at most wait_s, then end."""

    wait_s: float


class GiveUp(msgspec.Struct, frozen=True):
    """Inference will not go on: kill it, and take leave of the producer; `reason` is for people."""

    reason: str


class Fail(msgspec.Struct, frozen=True):
    """End with an error; `reason` is for people."""

    reason: str


Event = Tick | Replied | Malformed | Prepared | TasksLeft | TaskFailed | StopRequested
Command = Request | Reopen | Adopt | Load | Bind | Accept | Stop | GiveUp | Fail
