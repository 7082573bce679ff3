"""What a worker's two processes say to each other over pipes: small msgpack headers, never pixels.

requester -> inference (orders):  Attach, Prepare, Job, Slow, Finish
inference -> requester (reports): Ready, TaskFailed, Failed
inference -> sender (results):    Finished, with the encoded COLLECT header and boxes
"""

import struct
from typing import NamedTuple

import msgspec

from pipeline.messages import Failure, TaskHeader, Weights, WorkType


class _Note(msgspec.Struct, frozen=True, tag=True, array_like=True):
    pass


class Attach(_Note, frozen=True, tag="A"):
    """A slot has new shared memory of this name; the reader unlinks the name as soon as it is attached."""

    slot: int
    name: str


class Plan(msgspec.Struct, frozen=True, array_like=True):
    """What inference must be able to do.

    Attributes:
        grades: the ladder of grade letters; a task's grade is an index into it.
        weights: path per grade letter; absent = Ultralytics' own.
        sizes: (width, height) in px to warm up at.
        load: indices of the grades to load before saying Ready.
        return_frames: whether results carry the frame.
    """

    work_type: WorkType
    grades: tuple[str, ...]
    weights: dict[str, str]
    sizes: tuple[tuple[int, int], ...]
    load: tuple[int, ...]
    return_frames: bool


class Prepare(_Note, frozen=True, tag="P"):
    """Make ready for this plan, then answer Ready with the same number."""

    number: int
    plan: Plan


class Job(_Note, frozen=True, tag="J"):
    """One task, its frame in a slot. Times are the worker's clock; + offset_ns gives the producer's.

    Attributes:
        worker: name of the worker, for the result.
    """

    slot: int
    received_ns: int
    offset_ns: int
    worker: str
    task: TaskHeader


class Slow(_Note, frozen=True, tag="S"):
    """Service times are this many times the device's, >= 1, from the next job on that begins."""

    slowdown: float


class Finish(_Note, frozen=True, tag="F"):
    """Nothing follows: end once everything before this is done."""


class Ready(_Note, frozen=True, tag="R"):
    """Plan `number` is loaded and warm."""

    number: int
    weights: Weights


class TaskFailed(_Note, frozen=True, tag="T"):
    """A job could not be done; the next one is tried."""

    failure: Failure


class Failed(_Note, frozen=True, tag="X"):
    """Inference cannot go on; the process ends. `reason` is for people."""

    reason: str


Order = Attach | Prepare | Job | Slow | Finish
Report = Ready | TaskFailed | Failed

encode_note = msgspec.msgpack.Encoder().encode
decode_order = msgspec.msgpack.Decoder(Order).decode
decode_report = msgspec.msgpack.Decoder(Report).decode

_LENGTHS = struct.Struct("<HHI")


class Finished(NamedTuple):
    """A slot's task is done.

    Attributes:
        header: the encoded COLLECT header; empty if the task could not be done and there is no result.
        boxes: raw float32.
        frame_bytes: how much of the slot goes back with the result.
    """

    slot: int
    header: bytes
    boxes: bytes
    frame_bytes: int


def pack_finished(finished: Finished) -> bytes:
    """One message for the pipe of results."""
    slot, header, boxes, frame_bytes = finished
    return _LENGTHS.pack(slot, len(header), frame_bytes) + header + boxes


def unpack_finished(message: bytes) -> Finished:
    """Return the opposite of `pack_finished`."""
    slot, n_header, frame_bytes = _LENGTHS.unpack_from(message)
    end = _LENGTHS.size + n_header
    return Finished(slot, message[_LENGTHS.size : end], message[end:], frame_bytes)
