"""Every message that crosses a process boundary: fields, encoding, checks.

A header is one msgpack map, tagged by its field `type`; an array is one raw buffer behind its header.
Nothing is pickled, and nothing is used before it was validated. Times are int ns of the *producer's*
monotonic clock unless a field says otherwise.

Work-API (worker REQ -> producer ROUTER):  REGISTER, GET_WORK, LEAVE
    -> REGISTRATION_CONFIRMATION | INFERENCE + (task header, buffer)* | CHANGE | WAIT | END | ERROR
Results (worker PUSH -> collector PULL):   (COLLECT header, boxes buffer, frame buffer)*
Link (collector DEALER <-> producer ROUTER): SYNC, ACK -> SETTINGS, GAP, CONFIRM, STANDBY, END, ERROR
Control (any REQ -> producer ROUTER):      STATUS, TELEMETRY, SET, START, STOP
    -> STATUS_REPLY, TELEMETRY_REPLY, DONE, ERROR

The first message between any two names the protocol. Only a stranger's REGISTER and STATUS may leave it out;
who speaks another one is refused in a sentence that names both.

A producer's *incarnation* is a random number that it draws when it starts; its episodes count 1, 2, …
Tasks, results and all that producer and collector tell each other name both: what belongs to a producer
that has gone, or to another episode, is refused and counted, never taken for something of this one.
"""

import math
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

from pipeline.metrics import Interval
from pipeline.slos import SloReading
from pipeline.sources.base import NOTHING_WRONG, SourceReport

PROTOCOL_VERSION = 2
MAX_HEADER_BYTES = 1 << 20
MAX_BUFFER_BYTES = 1 << 27  # a frame of 7680x4320x3 fits
MAX_BATCH = 64  # tasks of one reply
MAX_PARTS = 1 + 2 * MAX_BATCH
DTYPES = frozenset({"uint8", "uint16", "int16", "int32", "int64", "float32", "float64"})

ITEM_BYTES = {dtype: np.dtype(dtype).itemsize for dtype in DTYPES}

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Identity = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]  # random
LABEL_CHARACTERS = 200
Label = Annotated[str, Meta(max_length=LABEL_CHARACTERS)]
WorkerIdentity = Annotated[str, Meta(max_length=64)]
Shape = Annotated[tuple[Count, ...], Meta(max_length=4)]


class ProtocolError(Exception):
    """A peer sent something that is not a valid message; the text says what."""


class OtherProtocolError(ProtocolError):
    """A peer is of another release; the text names both protocols."""


class ErrorCode(StrEnum):
    """What a peer can do about an ERROR."""

    NONE = ""
    UNREGISTERED = "UNREGISTERED"  # register first
    OTHER_PROTOCOL = "OTHER_PROTOCOL"  # nothing


class WorkType(StrEnum):
    """What a worker does with a task."""

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
    """When a worker loads models: each when it is first needed, or all at the start."""

    LAZY = 0
    EAGER = 1


class Weights(StrEnum):
    """Where a worker's results come from; recorded wherever results are."""

    TRAINED = "trained"
    UNTRAINED = "untrained"  # same architecture and load, no meaningful boxes
    EMULATED = "emulated"
    NONE = "none"


class Outcome(IntEnum):
    """What finally became of a frame at the collector; set once."""

    DELIVERED = 0
    LATE = 1  # not there by the collector's gap deadline
    LOST = 2  # given up by the producer after the last retry
    DROPPED = 3  # by the producer's queue policy


class LossReason(StrEnum):
    """Why the producer gave a frame up."""

    PROCESSING_FAILED = "processing_failed"  # the last worker that tried said that it cannot
    NO_ANSWER = "no_answer"  # the last worker that had it fell silent, died or kept it for too long
    COLLECTOR_GONE = "collector_gone"  # its result was at a collector that was replaced
    NOT_DRAINED = "not_drained"  # the episode ended before anybody brought it


class State(StrEnum):
    """What the producer is doing."""

    STANDBY = "STANDBY"  # waits for START
    RUNNING = "RUNNING"
    DRAINING = "DRAINING"  # offers nothing more, waits for open leases and verdicts
    ENDED = "ENDED"


class _Message(msgspec.Struct, frozen=True, tag_field="type"):
    pass


class _Greeting(_Message, frozen=True, kw_only=True):
    """The first message between two programs."""

    protocol: int = PROTOCOL_VERSION


# --- Work-API -------------------------------------------------------------------------------------


class Register(_Greeting, frozen=True, tag="REGISTER"):
    """A worker starts, or has found a producer that does not know it. All fields are optional to a peer.

    Attributes:
        worker: the name that it would like.
        identity: random, of this process alone, whatever its name and sockets; "" = that of its socket.
    """

    worker: Label = ""
    identity: WorkerIdentity = ""
    sent_ns: int = 0  # the worker's clock


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """A worker could not process a task; `reason` is for people."""

    stream: Count
    id: Count
    episode: Count
    reason: Label


class GetWork(_Message, frozen=True, tag="GET_WORK"):
    """A worker asks for up to n tasks; n = 0 is a heartbeat, answered at once. A peer may leave all out.

    Attributes:
        started_ns: when the task in progress began; 0 = none, or the producer's clock is not known yet.
        running_ns: how long it had run when this was said.
        failed: tasks in hand that it could not process and has given up.
    """

    n: Annotated[int, Meta(ge=0, le=64)] = 1
    in_hand: Count = 0
    ready: bool = True  # False while models are loaded and warmed
    weights: Weights = Weights.NONE
    sent_ns: int = 0  # the worker's clock
    started_ns: int = 0
    running_ns: Count = 0
    failed: tuple[Failure, ...] = ()


class Leave(_Message, frozen=True, tag="LEAVE"):
    """A worker cannot go on: what it has in hand goes back at once; `reason` is for people.

    Attributes:
        identity: as it registered.
        failed: tasks that it broke over.
    """

    identity: WorkerIdentity
    failed: tuple[Failure, ...] = ()
    reason: Label = ""


class RegistrationConfirmation(_Greeting, frozen=True, tag="REGISTRATION_CONFIRMATION"):
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
    heartbeat_s: float
    now_ns: int
    name: Label = ""


class Work(_Message, frozen=True, tag="INFERENCE"):
    """Announces the tasks in the same multipart message."""

    now_ns: int = 0


class Change(_Message, frozen=True, tag="CHANGE"):
    """Settings changed since this worker last heard; upper-case fields are the seed's list of changes."""

    epoch: Count
    CHANGE_WORK_LOAD: int | UnsetType = UNSET
    CHANGE_FPS: float | UnsetType = UNSET
    CHANGE_SIZE: tuple[Positive, Positive] | UnsetType = UNSET  # (width, height) in px


class Wait(_Message, frozen=True, tag="WAIT"):
    """Nothing to do yet; ask again."""

    now_ns: int = 0


class End(_Message, frozen=True, tag="END"):
    """The transmission is over; shut down."""


class Error(_Message, frozen=True, tag="ERROR"):
    """The request could not be served; the producer goes on."""

    reason: str
    code: str = ErrorCode.NONE  # or another, of a later release


class TaskHeader(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task; its buffer follows as the next part.

    Attributes:
        id: position among the frames offered in this stream and episode, from 0.
        dtype, shape: of the buffer, C order.
        incarnation: of the producer.
        epoch: of the settings it was made under.
        grade: index of the grade to run, its epoch's.
        source_index: the source's own frame index.
        captured_ns: scheduled capture time.
        sent_ns: when it was handed to this worker.
    """

    id: Count
    dtype: str
    shape: Shape
    stream: Count = 0
    incarnation: Count = 0  # an Identity
    episode: Count = 0
    epoch: Count = 0
    grade: Count = 0
    source_index: Count = 0
    captured_ns: int = 0
    sent_ns: int = 0


# --- results ----------------------------------------------------------------------------------------


class Result(_Message, frozen=True, tag="COLLECT", omit_defaults=True):
    """A finished task. Two buffers follow: boxes and frame (either may be empty).

    Attributes:
        dtype, shape: of the frame buffer; shape (0,) if the frame does not come back.
        boxes: shape of the float32 boxes buffer: (n, 6) x1, y1, x2, y2, confidence, class; with YOLO_OBB
            (n, 7) cx, cy, width, height, rotation (rad), confidence, class; pixels of the processed frame.
        size: (width, height) of the processed frame in px.
        stamps_ns: (sent, received, started, done) on the producer's clock, each minus captured_ns.
        service_ns: time the worker was occupied with it, >= 0.
        incarnation: the task's; left out, it is taken for the present producer's, which is wrong only for
            results that outlive their producer.
        the others as in TaskHeader; without `episode`, which counts from 1, a result is refused.
    """

    id: Count
    dtype: str
    shape: Shape
    boxes: Shape = (0, 6)
    stream: Count = 0
    incarnation: Count = 0  # an Identity
    episode: Count = 0
    epoch: Count = 0
    grade: Count = 0
    source_index: Count = 0
    size: tuple[Count, Count] = (0, 0)
    captured_ns: int = 0
    stamps_ns: tuple[int, int, int, int] = (0, 0, 0, 0)
    service_ns: Count = 0
    worker: Label = ""


class ResultPart(NamedTuple):
    """A result with its arrays: boxes float32 as `Result.boxes`; frame uint8 (h, w, 3), or None."""

    header: Result
    boxes: NDArray[np.float32]
    frame: NDArray[np.uint8] | None


# --- link between collector and producer ------------------------------------------------------------


class Sync(_Greeting, frozen=True, tag="SYNC"):
    """Collector -> producer, every half second: I am here, and this is my clock.

    Attributes:
        sent_ns: the collector's clock.
        collector: drawn by its process when it starts, so that one which replaces another is noticed.
        results: endpoint of its PULL socket.
        return_frames: whether results must carry the frame back.
        rejected: malformed messages so far.
        duplicates: results that had been received before, so far.
        refused: results of another producer or episode, so far.
        clock_offset_ns: the producer's clock minus the collector's, as estimated; it is corrected. 0 on one
            host; between two, whose clocks count from when they were started, most often huge.
        clock_error_ns: by how much the estimate may be wrong; None while there is none.
    """

    sent_ns: int
    collector: Identity
    results: str
    return_frames: bool
    rejected: Count = 0
    duplicates: Count = 0
    refused: Count = 0
    clock_offset_ns: int = 0
    clock_error_ns: Count | None = None


class Received(msgspec.Struct, frozen=True, array_like=True):
    """A result is safe at the collector: its lease ends."""

    stream: Count
    id: Count
    worker: Label
    service_ns: Count
    done_ns: int = 0  # when the worker was done with it


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """A frame's outcome. For DELIVERED all fields hold, else only the first three.

    Attributes:
        latency_ns: emitted minus captured.
        hops_ns: time spent in queue, transfer, buffer, service, return, reorder; sums to latency_ns.
    """

    stream: Count
    id: Count
    outcome: Outcome
    grade: Count = 0
    height_px: Count = 0
    latency_ns: int = 0
    hops_ns: tuple[int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0)


class Ack(_Message, frozen=True, tag="ACK"):
    """Collector -> producer, batched; repeated until confirmed. Only this ends a lease."""

    seq: Count
    collector: Identity
    incarnation: Identity
    episode: Count
    received: tuple[Received, ...]
    verdicts: tuple[Verdict, ...]


class Settings(_Greeting, frozen=True, tag="SETTINGS"):
    """Producer -> collector: the answer to SYNC, and at once on every change.

    Attributes:
        incarnation: of the producer; a collector that has turned to a new one does not turn back.
        episode: counts every START from 1; 0 before the first.
        floor: per stream the lowest id without an outcome; the collector need not wait for any below.
        gap_deadline_s: how long a frame may be missing while later ones are there.
        echo_ns: SYNC.sent_ns, 0 if this answers none.
    """

    incarnation: Identity
    episode: Count
    epoch: Count
    fps: float
    size: tuple[Positive, Positive]
    source_size: tuple[Positive, Positive]
    source_fps: float
    streams: Positive
    gap_deadline_s: float
    floor: dict[int, int]
    now_ns: int
    echo_ns: int = 0


class Gap(_Message, frozen=True, tag="GAP"):
    """Producer -> collector: these will not come; LOST is repeated until the verdict is there."""

    incarnation: Identity
    episode: Count
    frames: tuple[tuple[Count, Count, Outcome], ...]  # (stream, id, LOST or DROPPED)


class Confirm(_Message, frozen=True, tag="CONFIRM"):
    """Producer -> collector: ACK number `seq` has arrived."""

    seq: Count


class Standby(_Message, frozen=True, tag="STANDBY"):
    """Producer -> collector: another one is in charge; ask on, and take over when it falls silent."""

    in_charge: str  # where that one takes results


# --- control ------------------------------------------------------------------------------------------


class GetStatus(_Greeting, frozen=True, tag="STATUS"):
    """Who is there, and what the stream is."""


class GetTelemetry(_Message, frozen=True, tag="TELEMETRY"):
    """The figures of the current interval; `close` ends it and begins the next."""

    close: bool = False


class SetKnobs(_Message, frozen=True, tag="SET"):
    """Change level indices (fps, size, grade) and/or the number of concurrent streams."""

    levels: tuple[Count, Count, Count] | UnsetType = UNSET
    streams: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET


class Start(_Message, frozen=True, tag="START"):
    """Begin a new episode: what runs is stopped and drained, the source restarts."""

    seed: Count
    levels: tuple[Count, Count, Count]
    streams: Annotated[int, Meta(ge=1, le=1000)] = 1


class Stop(_Message, frozen=True, tag="STOP"):
    """Offer nothing more, drain, end."""


class Done(_Message, frozen=True, tag="DONE"):
    """The control request was carried out."""

    episode: Count
    epoch: Count


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One live worker as the producer sees it; one that has fallen silent is not listed."""

    name: str
    ready: bool
    weights: Weights
    in_hand: Count


class Status(_Greeting, frozen=True, tag="STATUS_REPLY"):
    """Answer to STATUS."""

    state: State
    episode: Count
    epoch: Count
    levels: tuple[Count, Count, Count]
    streams: Positive
    source_size: tuple[Positive, Positive]
    source_fps: float
    is_live: bool
    fps_levels: tuple[float, ...]
    sizes: tuple[tuple[Positive, Positive], ...]
    grades: tuple[str, ...]
    workers: tuple[WorkerStatus, ...]
    collector: bool


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Frames of the episode so far: offered = delivered + dropped + lost + late + in_flight, always.

    Attributes:
        dropped: by reason.
        lost_by: those lost, by LossReason.
        requeued: how often a worker was to bring a frame and did not.
    """

    offered: Count
    delivered: Count
    dropped: dict[str, int]
    lost: Count
    lost_by: dict[str, int]
    late: Count
    in_flight: Count
    requeued: Count


class Incidents(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong with workers since the producer started.

    Attributes:
        failed_attempts: tasks that a worker could not process, once for each try.
        expired_leases: tasks that a live worker kept for too long.
        silent_workers: workers that ceased to speak.
        broken_workers: workers that said that they cannot go on.
        renamed_workers: workers that came under a name that another one had.
        unheard_clients: clients that connected and were not heard: the second ones of a ZeroMQ routing id.
    """

    failed_attempts: Count = 0
    expired_leases: Count = 0
    silent_workers: Count = 0
    broken_workers: Count = 0
    renamed_workers: Count = 0
    unheard_clients: Count = 0


class Telemetry(_Message, frozen=True, tag="TELEMETRY_REPLY"):
    """Answer to TELEMETRY.

    Attributes:
        levels: in force at the interval's end.
        ended_ns: end of the interval (so far).
        metrics: of `pipeline.metrics.CATALOGUE`; None where unknown.
        slos: readings of the producer's own SLOs.
        report_age_s: age of the collector's last report; large = the figures are stale.
        rejected: malformed messages so far, all sockets of producer and collector.
        duplicates: results that the collector had received before, so far.
        refused: results that the collector, and acknowledgements that the producer did not take, so far:
            of another producer, of another episode, of a collector that is not in charge.
        clock_offset_ms: the producer's clock minus the collector's, for which latencies are corrected.
        clock_error_ms: by how much it, and so every latency, may be wrong; None while it is not known.
        incidents: with workers, so far.
        error: why the source failed, "" if it has not.
        source: what was wrong with it all the same in this episode.
    """

    state: State
    episode: Count
    epoch: Count
    levels: tuple[Count, Count, Count]
    ended_ns: int
    interval: Interval
    metrics: dict[str, float | None]
    slos: dict[str, SloReading]
    totals: Totals
    report_age_s: float
    rejected: Count
    duplicates: Count
    refused: Count = 0
    clock_offset_ms: float = 0.0
    clock_error_ms: float | None = None
    incidents: Incidents = Incidents()
    error: str = ""
    source: SourceReport = NOTHING_WRONG


WorkRequest = Register | GetWork | Leave
WorkReply = RegistrationConfirmation | Work | Change | Wait | End | Error
LinkUp = Sync | Ack
LinkDown = Settings | Gap | Confirm | Standby | End | Error
ControlRequest = GetStatus | GetTelemetry | SetKnobs | Start | Stop
ControlReply = Status | Telemetry | Done | Error

_encoder = msgspec.msgpack.Encoder()
encode = _encoder.encode

_work_request = msgspec.msgpack.Decoder(WorkRequest)
_work_reply = msgspec.msgpack.Decoder(WorkReply)
_link_up = msgspec.msgpack.Decoder(LinkUp)
_link_down = msgspec.msgpack.Decoder(LinkDown)
_control_request = msgspec.msgpack.Decoder(ControlRequest)
_control_reply = msgspec.msgpack.Decoder(ControlReply)
_task_header = msgspec.msgpack.Decoder(TaskHeader)
_result = msgspec.msgpack.Decoder(Result)


class _Spoken(msgspec.Struct):
    """What can be read of a greeting of any release."""

    type: str
    protocol: int = 0


_spoken = msgspec.msgpack.Decoder(_Spoken)
_PLAIN = {Register, GetStatus}  # greetings that may leave the protocol out
_SPOKEN_BY_DEFAULT = {  # by a greeting that leaves it out: the first protocol did
    str(kind.__struct_config__.tag): PROTOCOL_VERSION if kind in _PLAIN else 1
    for kind in _Greeting.__subclasses__()
}

Buffer = bytes | memoryview


def _decode(decoder: msgspec.msgpack.Decoder, part: Buffer):
    if len(part) > MAX_HEADER_BYTES:
        raise ProtocolError(f"a header may have {MAX_HEADER_BYTES} bytes, got {len(part)}")
    try:
        return decoder.decode(part)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"not a valid header: {error}") from None


def _hear(decoder: msgspec.msgpack.Decoder, part: Buffer, us: str, peer: str) -> Any:
    """Decode a message of a peer whose release may be another; one of those need not even be decodable."""
    try:
        message = _decode(decoder, part)
    except ProtocolError:
        _check_protocol(part, us, peer)
        raise
    if isinstance(message, _Greeting):
        _check_protocol(part, us, peer)
    return message


def _check_protocol(part: Buffer, us: str, peer: str) -> None:
    try:
        spoken = _decode(_spoken, part)
    except ProtocolError:
        return
    protocol = spoken.protocol or _SPOKEN_BY_DEFAULT.get(spoken.type, PROTOCOL_VERSION)
    if protocol != PROTOCOL_VERSION:
        ours = f"this {us} speaks protocol {PROTOCOL_VERSION} ({_release()})"
        raise OtherProtocolError(f"{ours}, the {peer} {protocol}: use one release")


def _release() -> str:
    from importlib.metadata import PackageNotFoundError, version  # a tenth of a second, for this error alone

    try:
        return f"elasticbench {version('elasticbench')}"
    except PackageNotFoundError:
        return "elasticbench, not installed"


def _single(decoder: msgspec.msgpack.Decoder, parts: Sequence[Buffer], us: str, peer: str) -> Any:
    if len(parts) != 1:
        raise ProtocolError(f"expected a message of 1 part, got {len(parts)}")
    return _hear(decoder, parts[0], us, peer)


def decode_work_request(parts: Sequence[Buffer]) -> WorkRequest:
    """What a worker asks. Raises ProtocolError."""
    return _single(_work_request, parts, "producer", "worker")


def decode_link_up(parts: Sequence[Buffer]) -> LinkUp:
    """What a collector tells the producer. Raises ProtocolError."""
    return _single(_link_up, parts, "producer", "collector")


def decode_link_down(parts: Sequence[Buffer]) -> LinkDown:
    """What the producer tells a collector. Raises ProtocolError."""
    return _single(_link_down, parts, "collector", "producer")


def decode_control_request(parts: Sequence[Buffer]) -> ControlRequest:
    """What a controller asks. Raises ProtocolError."""
    return _single(_control_request, parts, "producer", "controller")


def decode_control_reply(parts: Sequence[Buffer]) -> ControlReply:
    """What the producer answers a controller. Raises ProtocolError."""
    return _single(_control_reply, parts, "controller", "producer")


def decode_work_reply(parts: Sequence[Buffer]) -> tuple[WorkReply, list[tuple[TaskHeader, Buffer]]]:
    """What the producer answers a worker: the reply and its tasks (empty unless it is Work).

    Each task's buffer has been checked against its dtype and shape. Raises ProtocolError.
    """
    if not parts or len(parts) > MAX_PARTS:
        raise ProtocolError(f"expected 1 to {MAX_PARTS} parts, got {len(parts)}")
    reply = _hear(_work_reply, parts[0], "worker", "producer")
    if not isinstance(reply, Work):
        if len(parts) != 1:
            raise ProtocolError(f"{type(reply).__name__} carries no tasks, got {len(parts)} parts")
        return reply, []
    if len(parts) % 2 != 1:
        raise ProtocolError(f"a task has two parts, header and buffer, got {len(parts) - 1} parts")
    tasks = []
    for i in range(1, len(parts), 2):
        header = _decode(_task_header, parts[i])
        check_array(header.dtype, header.shape, len(parts[i + 1]))
        tasks.append((header, parts[i + 1]))
    return reply, tasks


def decode_results(parts: Sequence[Buffer]) -> list[ResultPart]:
    """Results of one message, arrays as read-only views of its parts. Raises ProtocolError."""
    if not parts or len(parts) % 3 or len(parts) > MAX_PARTS:
        raise ProtocolError(f"a result has 3 parts, header, boxes and frame, got {len(parts)} parts")
    results = []
    for i in range(0, len(parts), 3):
        header = _decode(_result, parts[i])
        if len(header.boxes) != 2 or header.boxes[1] not in (6, 7):
            raise ProtocolError(f"boxes have shape (n, 6) or (n, 7), got {header.boxes}")
        check_array("float32", header.boxes, len(parts[i + 1]))
        check_array(header.dtype, header.shape, len(parts[i + 2]))
        boxes = np.frombuffer(parts[i + 1], np.float32).reshape(header.boxes)
        frame = None
        if math.prod(header.shape):
            if header.dtype != "uint8" or len(header.shape) != 3 or header.shape[2] != 3:
                raise ProtocolError(f"a frame is uint8 (height, width, 3), got {header.dtype} {header.shape}")
            frame = np.frombuffer(parts[i + 2], np.uint8).reshape(header.shape)
        results.append(ResultPart(header, boxes, frame))
    return results


def check_array(dtype: str, shape: Sequence[int], n_bytes: int) -> None:
    """Raise ProtocolError unless a buffer of n_bytes can be an array of this dtype and shape."""
    itemsize = ITEM_BYTES.get(dtype)
    if itemsize is None:
        raise ProtocolError(f"dtype must be one of {', '.join(sorted(DTYPES))}, got {dtype!r}")
    expected = math.prod(shape) * itemsize
    if expected > MAX_BUFFER_BYTES:
        raise ProtocolError(f"an array may have {MAX_BUFFER_BYTES} bytes, {shape} of {dtype} has {expected}")
    if n_bytes != expected:
        raise ProtocolError(f"shape {tuple(shape)} of {dtype} takes {expected} bytes, got {n_bytes}")
