"""Results: what workers send to the collector, and what collector and producer tell each other of it.

Results (worker PUSH -> collector PULL):       (COLLECT header, boxes buffer, frame buffer)*
Link (collector DEALER <-> producer ROUTER):   SYNC, ACK -> SETTINGS, GAP, CONFIRM, STANDBY, END, ERROR
"""

import math
import secrets
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from pipeline.findings import Confidences, Matches
from pipeline.messages.framing import (
    MAX_PARTS,
    Buffer,
    Clock,
    Count,
    Drawing,
    End,
    Error,
    Greeting,
    Label,
    Message,
    Nanoseconds,
    Positive,
    ProtocolError,
    Seconds,
    Shape,
    Stamp,
    StreamIndex,
    check_array,
    decode,
    decode_alone,
)
from pipeline.messages.truth import Tally, Truth

Identity = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]  # random, so that a name or endpoint need not be

Hops = tuple[Nanoseconds, Nanoseconds, Nanoseconds, Nanoseconds, Nanoseconds, Nanoseconds]


def random_identity() -> int:
    """Draw 63 bits that no other process draws, never 0; a signed column holds them."""
    return secrets.randbelow((1 << 63) - 1) + 1


class Outcome(IntEnum):
    """The fate of a frame at the collector; set once."""

    DELIVERED = 0
    LATE = 1  # not there by the collector's gap deadline
    LOST = 2  # given up by the producer after the last retry
    DROPPED = 3  # by the producer's queue policy
    THINNED = 4  # by a lower FPS while it was queued: nobody asks for it any more


class LossReason(StrEnum):
    """The cause for which the producer gave a frame up."""

    PROCESSING_FAILED = "processing_failed"  # the last worker that tried said that it cannot
    NO_ANSWER = "no_answer"  # the last worker that had it fell silent, died or kept it for too long
    COLLECTOR_GONE = "collector_gone"  # its result was at a collector that was replaced
    NOT_DRAINED = "not_drained"  # the episode ended before anybody brought it


class Result(Message, frozen=True, tag="COLLECT", omit_defaults=True):
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
    stream: StreamIndex = 0
    incarnation: Drawing = 0
    episode: Count = 0
    epoch: Count = 0
    grade: Count = 0
    source_index: Count = 0
    size: tuple[Count, Count] = (0, 0)
    captured_ns: Stamp = 0
    stamps_ns: tuple[Stamp, Stamp, Stamp, Stamp] = (0, 0, 0, 0)
    service_ns: Count = 0
    worker: Label = ""


class ResultPart(NamedTuple):
    """A result with its arrays: boxes float32 as `Result.boxes`; frame uint8 (h, w, 3), or None."""

    header: Result
    boxes: NDArray[np.float32]
    frame: NDArray[np.uint8] | None


class Sync(Greeting, frozen=True, tag="SYNC"):
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

    sent_ns: Clock
    collector: Identity
    results: str
    return_frames: bool
    rejected: Count = 0
    duplicates: Count = 0
    refused: Count = 0
    clock_offset_ns: Nanoseconds = 0
    clock_error_ns: Count | None = None


class Received(msgspec.Struct, frozen=True, array_like=True):
    """A result is safe at the collector: its lease ends.

    Attributes:
        done_ns: when the worker was done with it.
        grade: index of the grade that processed it.
        height_px: of the processed frame.
        transfer_ns: from the producer to the worker, as their clocks tell.
        return_ns: from the worker to the collector, likewise.
        sent_ns: when the producer handed it out, by its own clock; None: the worker does not say when its
            tasks were where, and the two times above mean nothing.
        agreed: how far its boxes agree with those of another worker, where somebody asks and both are there.
    """

    stream: Count
    id: Count
    worker: Label
    service_ns: Count
    done_ns: Nanoseconds = 0
    grade: Count = 0
    height_px: Count = 0
    transfer_ns: Nanoseconds = 0
    return_ns: Nanoseconds = 0
    sent_ns: Nanoseconds | None = None
    agreed: Matches | None = None


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """A frame's outcome. For DELIVERED all fields hold, else only the first three.

    Attributes:
        latency_ns: emitted minus captured.
        epoch: of the settings that it was processed under.
        hops_ns: time spent in queue, transfer, buffer, service, return, reorder; sums to latency_ns.
        confidences: of its detections, where they are asked for.
    """

    stream: Count
    id: Count
    outcome: Outcome
    grade: Count = 0
    height_px: Count = 0
    latency_ns: Nanoseconds = 0
    hops_ns: Hops = (0, 0, 0, 0, 0, 0)
    epoch: Count = 0
    confidences: Confidences | None = None


class Ack(Message, frozen=True, tag="ACK"):
    """Collector -> producer, batched; repeated until confirmed. Only this ends a lease."""

    seq: Count
    collector: Identity
    incarnation: Identity
    episode: Count
    received: tuple[Received, ...]
    verdicts: tuple[Verdict, ...]
    tally: Tally | None = None


class Settings(Greeting, frozen=True, tag="SETTINGS"):
    """Producer -> collector: the answer to SYNC, and at once on every change.

    Attributes:
        incarnation: of the producer; a collector that has turned to a new one does not turn back.
        episode: counts every START from 1; 0 before the first.
        floor: per stream the lowest id without an outcome; the collector need not wait for any below.
        gap_deadline_s: how long a frame may be missing while later ones are there.
        echo_ns: SYNC.sent_ns, 0 if this answers none.
        grades: what the index of a grade stands for.
        truth: what results are to be scored by; None if nobody knows it, or nothing is played.
        confidences: whether verdicts are to have those of detections, since an SLO is on them.
        compares: whether results of the same picture are to be held against each other, likewise.
    """

    incarnation: Identity
    episode: Count
    epoch: Count
    fps: float
    size: tuple[Positive, Positive]
    source_size: tuple[Positive, Positive]
    source_fps: float
    streams: Positive
    gap_deadline_s: Seconds
    floor: dict[StreamIndex, Count]
    now_ns: Clock
    echo_ns: Clock = 0
    grades: tuple[Label, ...] = ()
    truth: Truth | None = None
    confidences: bool = False
    compares: bool = False


class Gap(Message, frozen=True, tag="GAP"):
    """Producer -> collector: these will not come; LOST is repeated until the verdict is there."""

    incarnation: Identity
    episode: Count
    frames: tuple[tuple[Count, Count, Outcome], ...]  # (stream, id, LOST or DROPPED)


class Confirm(Message, frozen=True, tag="CONFIRM"):
    """Producer -> collector: ACK number `seq` has arrived."""

    seq: Count


class Standby(Message, frozen=True, tag="STANDBY"):
    """Producer -> collector: another one is in charge; ask on, and take over when it falls silent."""

    in_charge: str  # where that one takes results


LinkUp = Sync | Ack
LinkDown = Settings | Gap | Confirm | Standby | End | Error

_result = msgspec.msgpack.Decoder(Result)
_link_up = msgspec.msgpack.Decoder(LinkUp)
_link_down = msgspec.msgpack.Decoder(LinkDown)


def decode_results(parts: Sequence[Buffer]) -> list[ResultPart]:
    """Decode the results of one message, arrays as read-only views of its parts. Raises ProtocolError."""
    if not parts or len(parts) % 3 or len(parts) > MAX_PARTS:
        raise ProtocolError(f"a result has 3 parts, header, boxes and frame, got {len(parts)} parts")
    results = []
    for i in range(0, len(parts), 3):
        header = decode(_result, parts[i])
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


def decode_link_up(parts: Sequence[Buffer]) -> LinkUp:
    """Decode what a collector tells the producer. Raises ProtocolError."""
    return decode_alone(_link_up, parts, "producer", "collector")


def decode_link_down(parts: Sequence[Buffer]) -> LinkDown:
    """Decode what the producer tells a collector. Raises ProtocolError."""
    return decode_alone(_link_down, parts, "collector", "producer")
