"""The collector as a state machine: `handle(event, now_ns)` is its only door. No socket, clock or file.

Results come in any order, twice, or not at all; frames go out in order, once. Every result that is safe
here is acknowledged (which ends its lease), and every frame's outcome is reported; both until the
producer confirms.
"""

import logging
from typing import assert_never

import msgspec

from pipeline.collector.reorder import Arrival, Reorder, Step
from pipeline.messages import (
    Ack,
    Confirm,
    End,
    Gap,
    LinkDown,
    LinkUp,
    Outcome,
    Received,
    ResultPart,
    Settings,
    Sync,
    Verdict,
)

logger = logging.getLogger(__name__)

TICK_NS = 25_000_000  # how often the core is told that time has passed
ACK_NS = 50_000_000  # acknowledgements are batched for so long
RESEND_NS = 500_000_000
SYNC_NS = 500_000_000
MAX_PER_ACK = 5_000


class ResultsCame(msgspec.Struct, frozen=True):
    """A worker sent results."""

    parts: list[ResultPart]


class ProducerSpoke(msgspec.Struct, frozen=True):
    """The producer said something."""

    message: LinkDown


class Malformed(msgspec.Struct, frozen=True):
    """A peer sent something invalid."""

    reason: str


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


Event = ResultsCame | ProducerSpoke | Malformed | Tick


class Emit(msgspec.Struct, frozen=True):
    """The next frame of its stream, for the sink; when it arrived and is emitted, on the producer's clock."""

    part: ResultPart
    arrived_ns: int
    emitted_ns: int


class BeginEpisode(msgspec.Struct, frozen=True):
    """Whatever is emitted from now on belongs to this episode."""

    episode: int
    source_size: tuple[int, int]
    source_fps: float


class Tell(msgspec.Struct, frozen=True):
    """Tell the producer."""

    message: LinkUp


class Finish(msgspec.Struct, frozen=True):
    """Everything is done: close the sink and end the process."""


Command = Emit | BeginEpisode | Tell | Finish


class Collector:
    """Reorders, de-duplicates, acknowledges.

    Args:
        results: endpoint at which workers reach it.
        return_frames: whether the sink needs the frames.
    """

    def __init__(self, results: str, return_frames: bool) -> None:
        self._results = results
        self._return_frames = return_frames
        self._settings: Settings | None = None
        self._episode = 0
        self._streams: dict[int, Reorder] = {}
        self._clock_offset_ns = 0  # producer's clock minus ours
        self._best_round_trip_ns: int | None = None
        self._received: list[Received] = []
        self._verdicts: list[Verdict] = []
        self._unconfirmed: dict[int, tuple[Ack, int]] = {}  # by number: message, when it was sent
        self._seq = 0
        self._next_ack_ns = 0
        self._next_sync_ns = 0
        self._rejected = 0
        self._duplicates = 0

    def handle(self, event: Event, now_ns: int) -> list[Command]:
        """React to one event; the commands are to be carried out in order."""
        match event:
            case ResultsCame(parts):
                return self._results_came(parts, now_ns)
            case ProducerSpoke(message):
                return self._producer_spoke(message, now_ns)
            case Tick():
                return self._ticked(now_ns)
            case Malformed(reason):
                self._rejected += 1
                logger.warning("refused a message: %s", reason)
                return []
        assert_never(event)

    def _results_came(self, parts: list[ResultPart], now_ns: int) -> list[Command]:
        commands: list[Command] = []
        for part in parts:
            header = part.header
            if self._settings is None or header.episode < self._episode:
                continue  # of an episode that is over, or of another producer's
            if header.episode > self._episode:
                commands += self._begin(header.episode)
            stream = self._streams.get(header.stream)
            if stream is None:
                stream = self._streams[header.stream] = Reorder()
            if not stream.add(header.id, Arrival(part, now_ns)):
                self._duplicates += 1
                continue
            done_ns = header.captured_ns + header.stamps_ns[-1]
            self._received.append(
                Received(header.stream, header.id, header.worker, header.service_ns, done_ns)
            )
            commands += self._advance(header.stream, stream, now_ns)
        return commands + self._acknowledge(now_ns)

    def _advance(self, stream: int, reorder: Reorder, now_ns: int) -> list[Command]:
        if self._settings is None:
            return []
        deadline_ns = int(self._settings.gap_deadline_s * 1e9)
        commands: list[Command] = []
        for step in reorder.advance(now_ns, deadline_ns):
            if step.outcome is not Outcome.DROPPED:  # a drop was the producer's own and final decision
                self._verdicts.append(self._verdict(stream, step, now_ns))
            if step.arrival is not None:
                arrived_ns = step.arrival.received_ns + self._clock_offset_ns
                commands.append(Emit(step.arrival.part, arrived_ns, now_ns + self._clock_offset_ns))
        return commands

    def _verdict(self, stream: int, step: Step, now_ns: int) -> Verdict:
        if step.arrival is None:
            return Verdict(stream, step.id, step.outcome)
        header = step.arrival.part.header
        sent, received, started, done = header.stamps_ns
        arrived = step.arrival.received_ns + self._clock_offset_ns - header.captured_ns
        latency = now_ns + self._clock_offset_ns - header.captured_ns
        hops = (sent, received - sent, started - received, done - started, arrived - done, latency - arrived)
        return Verdict(
            stream=stream,
            id=step.id,
            outcome=step.outcome,
            grade=header.grade,
            height_px=header.size[1],
            latency_ns=latency,
            hops_ns=hops,
        )

    def _producer_spoke(self, message: LinkDown, now_ns: int) -> list[Command]:
        match message:
            case Settings():
                return self._settings_came(message, now_ns)
            case Gap(episode, frames):
                return self._gaps_came(episode, frames, now_ns)
            case Confirm(seq):
                self._unconfirmed.pop(seq, None)
                return []
            case End():
                return [Finish()]
        assert_never(message)

    def _settings_came(self, message: Settings, now_ns: int) -> list[Command]:
        if message.echo_ns:
            self._estimate_clock(message, now_ns)
        if message.episode < self._episode:
            return []
        if self._settings is None or (message.episode, message.epoch) >= (
            self._settings.episode,
            self._settings.epoch,
        ):
            self._settings = message
        commands: list[Command] = []
        if message.episode > self._episode:
            commands = self._begin(message.episode)
        for stream, floor in message.floor.items():
            reorder = self._streams.setdefault(stream, Reorder())
            reorder.raise_floor(floor)
            commands += self._advance(stream, reorder, now_ns)
        return commands

    def _estimate_clock(self, message: Settings, now_ns: int) -> None:
        """The answer with the shortest round trip tells the producer's clock best (as NTP does it)."""
        round_trip_ns = now_ns - message.echo_ns
        if self._best_round_trip_ns is None or round_trip_ns <= self._best_round_trip_ns:
            self._best_round_trip_ns = round_trip_ns
            self._clock_offset_ns = message.now_ns - (message.echo_ns + now_ns) // 2

    def _gaps_came(
        self, episode: int, frames: tuple[tuple[int, int, Outcome], ...], now_ns: int
    ) -> list[Command]:
        if episode != self._episode:
            return []
        commands: list[Command] = []
        for stream, frame_id, outcome in frames:
            reorder = self._streams.setdefault(stream, Reorder())
            reorder.add_gap(frame_id, outcome)
            commands += self._advance(stream, reorder, now_ns)
        return commands

    def _begin(self, episode: int) -> list[Command]:
        """Turn to a new episode; what the old one still held is of no use to anybody."""
        assert self._settings is not None
        self._episode = episode
        self._streams.clear()
        self._received.clear()
        self._verdicts.clear()
        self._unconfirmed.clear()
        return [BeginEpisode(episode, self._settings.source_size, self._settings.source_fps)]

    def _ticked(self, now_ns: int) -> list[Command]:
        commands: list[Command] = []
        for stream, reorder in self._streams.items():
            commands += self._advance(stream, reorder, now_ns)
        commands += self._acknowledge(now_ns)
        for seq, (ack, sent_ns) in self._unconfirmed.items():
            if now_ns - sent_ns >= RESEND_NS:
                self._unconfirmed[seq] = (ack, now_ns)
                commands.append(Tell(ack))
        if now_ns >= self._next_sync_ns:
            self._next_sync_ns = now_ns + SYNC_NS
            commands.append(Tell(self._sync(now_ns)))
        return commands

    def _sync(self, now_ns: int) -> Sync:
        return Sync(
            sent_ns=now_ns,
            results=self._results,
            return_frames=self._return_frames,
            rejected=self._rejected,
            duplicates=self._duplicates,
        )

    def _acknowledge(self, now_ns: int) -> list[Command]:
        if not (self._received or self._verdicts) or now_ns < self._next_ack_ns:
            return []
        self._next_ack_ns = now_ns + ACK_NS
        self._seq += 1
        ack = Ack(
            seq=self._seq,
            episode=self._episode,
            received=tuple(self._received[:MAX_PER_ACK]),
            verdicts=tuple(self._verdicts[:MAX_PER_ACK]),
        )
        del self._received[:MAX_PER_ACK], self._verdicts[:MAX_PER_ACK]
        self._unconfirmed[self._seq] = (ack, now_ns)
        return [Tell(ack)]
