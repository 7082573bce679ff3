"""Control: what whoever steers asks of the producer (any REQ -> producer ROUTER).

STATUS, TELEMETRY, SET, START, STOP -> STATUS_REPLY, TELEMETRY_REPLY, DONE, ERROR
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pipeline.interval import Interval
from pipeline.messages.framing import (
    MAX_STREAMS,
    PROTOCOL_VERSION,
    Buffer,
    Clock,
    Count,
    Drawing,
    Error,
    Greeting,
    Message,
    Positive,
    decode_alone,
)
from pipeline.messages.work import Weights
from pipeline.slos import SloReading

Streams = Annotated[int, Meta(ge=1, le=MAX_STREAMS)]


class State(StrEnum):
    """The producer's state; `pipeline.producer.states` says which follows which."""

    STANDBY = "STANDBY"  # waits for START
    RUNNING = "RUNNING"
    DRAINING = "DRAINING"  # offers nothing more, waits for open leases and verdicts
    ENDED = "ENDED"


class GetStatus(Greeting, frozen=True, tag="STATUS"):
    """Ask who is there, and what the stream is."""

    if_unsaid: ClassVar[int] = PROTOCOL_VERSION


class GetTelemetry(Message, frozen=True, tag="TELEMETRY"):
    """Ask for the figures of the current interval; `close` ends it and begins the next."""

    close: bool = False


class SetKnobs(Message, frozen=True, tag="SET"):
    """Change level indices (fps, size, grade) and/or the number of concurrent streams."""

    levels: tuple[Count, Count, Count] | UnsetType = UNSET
    streams: Streams | UnsetType = UNSET


class Start(Message, frozen=True, tag="START"):
    """Begin a new episode: what runs is stopped and drained, the source restarts."""

    seed: Drawing
    levels: tuple[Count, Count, Count]
    streams: Streams = 1


class Stop(Message, frozen=True, tag="STOP"):
    """Offer nothing more, drain, end."""


class Done(Message, frozen=True, tag="DONE"):
    """The control request was carried out."""

    episode: Count
    epoch: Count


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One live worker as the producer sees it; one that has fallen silent is not listed."""

    name: str
    ready: bool
    weights: Weights
    in_hand: Count


class Status(Greeting, frozen=True, tag="STATUS_REPLY"):
    """Answer to STATUS.

    Attributes:
        draws: whether detections are drawn from the truth in place of what workers find.
    """

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
    draws: bool = False


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Frames of the episode so far; offered = delivered + dropped + thinned + lost + late + in_flight.

    Attributes:
        dropped: by reason.
        lost_by: those lost, by LossReason.
        requeued: how often a worker was to bring a frame and did not.
    """

    offered: Count
    delivered: Count
    dropped: dict[str, int]
    thinned: Count = 0
    lost: Count
    lost_by: dict[str, int]
    late: Count
    in_flight: Count
    requeued: Count


class Incidents(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of what went wrong with workers since the producer started.

    Attributes:
        failed_attempts: tasks that a worker could not process, once for each try.
        expired_leases: tasks that a live worker kept for too long.
        silent_workers: workers that ceased to speak.
        broken_workers: workers that said that they cannot go on.
        renamed_workers: workers that came under a name that another one had.
        refused_doubles: registrations under the identity of another worker, which spoke.
        unheard_clients: clients that connected and were not heard: the second ones of a ZeroMQ routing id.
        refused_clients: clients that did not get through the handshake: no key, one not listed, or nonsense.
    """

    failed_attempts: Count = 0
    expired_leases: Count = 0
    silent_workers: Count = 0
    broken_workers: Count = 0
    renamed_workers: Count = 0
    refused_doubles: Count = 0
    unheard_clients: Count = 0
    refused_clients: Count = 0


class SourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was wrong with a source, since its start; a file that is looped tells of every pass.

    Attributes:
        undecodable: pictures that could not be decoded, or only in part.
        rebased: jumps of time that were taken out.
        truncated: the file ends before it says that it does.
        interruptions: connections to a live source that ended.
        stale: pictures of a live source that were replaced before anybody could take them.
    """

    undecodable: Count = 0
    rebased: Count = 0
    truncated: bool = False
    interruptions: Count = 0
    stale: Count = 0


NOTHING_WRONG = SourceReport()


class Telemetry(Message, frozen=True, tag="TELEMETRY_REPLY"):
    """Answer to TELEMETRY.

    Attributes:
        levels: in force at the interval's end.
        ended_ns: end of the interval (so far).
        metrics: of `pipeline.catalogue.CATALOGUE`; None where unknown.
        slos: readings of the producer's own SLOs.
        report_age_s: age of the collector's last report; large = the figures are stale.
        rejected: malformed messages so far, all sockets of producer and collector.
        duplicates: results that the collector had received before, so far.
        trials: copies of frames handed out to learn how long a worker takes, beside the account, so far.
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
    ended_ns: Clock
    interval: Interval
    metrics: dict[str, float | None]
    slos: dict[str, SloReading]
    totals: Totals
    report_age_s: float
    rejected: Count
    duplicates: Count
    trials: Count = 0
    refused: Count = 0
    clock_offset_ms: float = 0.0
    clock_error_ms: float | None = None
    incidents: Incidents = Incidents()
    error: str = ""
    source: SourceReport = NOTHING_WRONG


ControlRequest = GetStatus | GetTelemetry | SetKnobs | Start | Stop
ControlReply = Status | Telemetry | Done | Error

_request = msgspec.msgpack.Decoder(ControlRequest)
_reply = msgspec.msgpack.Decoder(ControlReply)


def decode_control_request(parts: Sequence[Buffer]) -> ControlRequest:
    """Decode what a controller asks. Raises ProtocolError."""
    return decode_alone(_request, parts, "producer", "controller")


def decode_control_reply(parts: Sequence[Buffer]) -> ControlReply:
    """Decode what the producer answers a controller. Raises ProtocolError."""
    return decode_alone(_reply, parts, "controller", "producer")
