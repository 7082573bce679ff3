"""Work: what workers and the producer say to each other (Work-API, worker REQ -> producer ROUTER).

REGISTER, GET_WORK, LEAVE -> REGISTRATION_CONFIRMATION | INFERENCE + (task header, buffer)* | CHANGE | WAIT
| END | ERROR
"""

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pipeline.messages.framing import (
    MAX_PARTS,
    PROTOCOL_VERSION,
    Buffer,
    Clock,
    Count,
    Drawing,
    End,
    Error,
    Greeting,
    Label,
    Message,
    Positive,
    ProtocolError,
    Seconds,
    Shape,
    StreamIndex,
    check_array,
    decode,
    decode_alone,
    hear,
)

WorkerIdentity = Annotated[str, Meta(max_length=64)]


class WorkType(StrEnum):
    """The work that a worker does on a task."""

    NONE = "NONE"  # nothing: the frame's way is measured
    YOLO_DETECTION = "YOLO_DETECTION"
    YOLO_OBB = "YOLO_OBB"
    EMULATED = "EMULATED"  # occupies the worker for a configured service time without computing


class WorkLoad(IntEnum):
    """Index into the ladder of grades; YOLO11 has five."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    HIGHER = 3
    HIGHEST = 4


class LoadingMode(IntEnum):
    """The time at which a worker loads models: each when it is first needed, or all at the start."""

    LAZY = 0
    EAGER = 1


class Binding(StrEnum):
    """When a frame takes the settings that it is processed under."""

    CAPTURE = "CAPTURE"  # those in force when it is captured: a full queue keeps the former ones
    HAND_OUT = "HAND_OUT"  # those in force when a worker gets it, and their grade until it begins


class HandOut(StrEnum):
    """Which worker gets which frame."""

    FIRST_ASKS = "FIRST_ASKS"  # whoever has waited longest gets the first of the queue
    EARLIEST_DONE = "EARLIEST_DONE"  # in order, each to whom it will be done by earliest


class Weights(StrEnum):
    """The origin of a worker's results; recorded wherever results are."""

    TRAINED = "trained"
    UNTRAINED = "untrained"  # same architecture and load, no meaningful boxes
    EMULATED = "emulated"
    NONE = "none"


class Register(Greeting, frozen=True, tag="REGISTER"):
    """A worker starts, or has found a producer that does not know it. All fields are optional to a peer.

    Attributes:
        worker: the name that it would like.
        identity: random, of this process alone, whatever its name and sockets; "" = that of its socket.
        medium: what its link shares with those of all workers that name the same, as an access point; "" =
            it is its own.
    """

    worker: Label = ""
    identity: WorkerIdentity = ""
    sent_ns: Clock = 0  # the worker's clock
    medium: Label = ""

    if_unsaid: ClassVar[int] = PROTOCOL_VERSION


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """A worker could not process a task; `reason` is for people."""

    stream: Count
    id: Count
    episode: Count
    reason: Label


class GetWork(Message, frozen=True, tag="GET_WORK"):
    """A worker asks for up to n tasks; n = 0 is a heartbeat, answered at once. A peer may leave all out.

    A worker that wants nothing leaves a *standing* request, n = 0, with a producer that binds settings at
    hand-out: it is held until there is a CHANGE, and void once the worker asks again.

    Attributes:
        epoch: of the settings that it was told last; left out, the producer remembers what it told.
        started_ns: when the task in progress began; 0 = none, or the producer's clock is not known yet.
        running_ns: how long it had run when this was said.
        failed: tasks in hand that it could not process and has given up.
        delay_ns: one way between it and the producer without frames, as far as it knows; 0 = not known.
    """

    n: Annotated[int, Meta(ge=0, le=64)] = 1
    in_hand: Count = 0
    ready: bool = True  # False while models are loaded and warmed
    weights: Weights = Weights.NONE
    sent_ns: Clock = 0  # the worker's clock
    started_ns: Clock = 0
    running_ns: Count = 0
    failed: tuple[Failure, ...] = ()
    epoch: Count | UnsetType = UNSET
    standing: bool = False
    delay_ns: Count = 0


class Leave(Message, frozen=True, tag="LEAVE"):
    """A worker cannot go on: what it has in hand goes back at once; `reason` is for people.

    Attributes:
        identity: as it registered.
        failed: tasks that it broke over.
    """

    identity: WorkerIdentity
    failed: tuple[Failure, ...] = ()
    reason: Label = ""


class RegistrationConfirmation(Greeting, frozen=True, tag="REGISTRATION_CONFIRMATION"):
    """All that a worker needs to know; it is configured nowhere else.

    Attributes:
        work_load: name of a WorkLoad, the current grade.
        grades: the ladder of grades, ascending; a task's `grade` is an index into it.
        weights: path per grade letter; an absent letter means Ultralytics' own weights.
        sizes: every (width, height) in use, to warm up at.
        results: the collector's PULL endpoint; "" while no collector is there (register again later).
        return_frames: whether results must carry the frame back.
        heartbeat_s: the longest silence the producer tolerates is a few of these.
        now_ns: the producer's clock, for the worker's offset estimate.
        name: what this worker is called from now on: another one may have had the name that it wished.
        binding: HAND_OUT: leave a standing request, and let tasks that have not begun take a CHANGE's grade.
    """

    work_type: WorkType
    work_load: str
    loading_mode: LoadingMode
    epoch: Count
    grades: tuple[str, ...]
    weights: dict[str, str]
    sizes: tuple[tuple[Positive, Positive], ...]
    results: str
    return_frames: bool
    heartbeat_s: Seconds
    now_ns: Clock
    name: Label = ""
    binding: Binding = Binding.CAPTURE


class Work(Message, frozen=True, tag="INFERENCE"):
    """Announces the tasks in the same multipart message."""

    now_ns: Clock = 0


class Change(Message, frozen=True, tag="CHANGE"):
    """Settings changed since this worker last heard; upper-case fields are the seed's list of changes."""

    epoch: Count
    CHANGE_WORK_LOAD: int | UnsetType = UNSET
    CHANGE_FPS: float | UnsetType = UNSET
    CHANGE_SIZE: tuple[Positive, Positive] | UnsetType = UNSET  # (width, height) in px


class Wait(Message, frozen=True, tag="WAIT"):
    """Nothing to do yet; ask again."""

    now_ns: Clock = 0


FIRST_TRIAL = 1 << 50  # from here on, ids are of no frame: copies, which tell how long a worker takes


class TaskHeader(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task; its buffer follows as the next part.

    Attributes:
        id: position among the frames offered in this stream and episode, from 0; from FIRST_TRIAL on that of
            a trial: nobody waits for its result, which is emitted nowhere.
        dtype, shape: of the buffer, C order.
        incarnation: of the producer.
        epoch: of the settings that it is bound to.
        grade: index of the grade to run, its epoch's.
        source_index: the source's own frame index.
        captured_ns: scheduled capture time.
        sent_ns: when it was handed to this worker.
    """

    id: Count
    dtype: str
    shape: Shape
    stream: StreamIndex = 0
    incarnation: Drawing = 0
    episode: Count = 0
    epoch: Count = 0
    grade: Count = 0
    source_index: Count = 0
    captured_ns: Clock = 0
    sent_ns: Clock = 0


WorkRequest = Register | GetWork | Leave
WorkReply = RegistrationConfirmation | Work | Change | Wait | End | Error

_request = msgspec.msgpack.Decoder(WorkRequest)
_reply = msgspec.msgpack.Decoder(WorkReply)
_task_header = msgspec.msgpack.Decoder(TaskHeader)


def decode_work_request(parts: Sequence[Buffer]) -> WorkRequest:
    """Decode what a worker asks. Raises ProtocolError."""
    return decode_alone(_request, parts, "producer", "worker")


def decode_work_reply(parts: Sequence[Buffer]) -> tuple[WorkReply, list[tuple[TaskHeader, Buffer]]]:
    """Decode what the producer answers a worker: the reply and its tasks (empty unless it is Work).

    Each task's buffer has been checked against its dtype and shape. Raises ProtocolError.
    """
    if not parts or len(parts) > MAX_PARTS:
        raise ProtocolError(f"expected 1 to {MAX_PARTS} parts, got {len(parts)}")
    reply = hear(_reply, parts[0], "worker", "producer")
    if not isinstance(reply, Work):
        if len(parts) != 1:
            raise ProtocolError(f"{type(reply).__name__} carries no tasks, got {len(parts)} parts")
        return reply, []
    if len(parts) % 2 != 1:
        raise ProtocolError(f"a task has two parts, header and buffer, got {len(parts) - 1} parts")
    tasks = []
    for i in range(1, len(parts), 2):
        header = decode(_task_header, parts[i])
        check_array(header.dtype, header.shape, len(parts[i + 1]))
        tasks.append((header, parts[i + 1]))
    return reply, tasks
