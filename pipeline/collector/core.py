"""The collector as a state machine: `handle(event, now_ns)` is its only door. No socket, clock or file.

Results come in any order, twice, or not at all; frames go out in order, once. Every result that is safe
here is acknowledged (which ends its lease), and every frame's outcome is reported; both until the
producer confirms. What belongs to another producer, or to another episode, is not taken.
"""

import logging
from typing import assert_never

from pipeline.clock import ClockOffset
from pipeline.collector import events
from pipeline.collector.agreement import Agreement
from pipeline.collector.events import Command, Event
from pipeline.collector.present import Present
from pipeline.collector.reorder import Arrival, Reorder, Step
from pipeline.findings import Confidences
from pipeline.messages import (
    FIRST_TRIAL,
    Ack,
    Confirm,
    End,
    Error,
    Gap,
    LinkDown,
    Outcome,
    Received,
    ResultPart,
    Settings,
    Standby,
    Sync,
    Tally,
    Verdict,
)
from pipeline.once import Once

logger = logging.getLogger(__name__)

TICK_NS = 25_000_000  # how often the core is told that time has passed
ACK_NS = 50_000_000  # acknowledgements are batched for so long
RESEND_NS = 500_000_000
SYNC_NS = 500_000_000
MAX_PER_ACK = 800  # receipts, and as many verdicts: a header has room for the longest of both
MAX_UNCONFIRMED = 1_000  # reports; beyond, the producer is waited for
MAX_HELD_BYTES = 1 << 30  # of results that wait for earlier ones; beyond, those are waited for no longer
PRODUCERS_OWN = frozenset({Outcome.DROPPED, Outcome.THINNED})  # decisions: it needs no verdict on them
NOTABLE_OFFSET_NS = 100_000_000  # worth a line in the log


class Collector:
    """Reorders, de-duplicates, acknowledges.

    Args:
        results: endpoint at which workers reach it.
        return_frames: whether the sink needs the frames.
        identity: of this process, random and > 0.
    """

    def __init__(self, results: str, return_frames: bool, identity: int) -> None:
        self._results = results
        self._return_frames = return_frames
        self._identity = identity
        self._settings: Settings | None = None
        self._present = Present()
        self._streams: dict[int, Reorder] = {}
        self._is_full = False  # as of the last tick, with results that wait for earlier ones
        self._clock = ClockOffset()
        self._told_of_clocks = False
        self._received: list[Received] = []
        self._verdicts: list[Verdict] = []
        self._tally: Tally | None = None  # news of the present episode
        self._agreement = Agreement()
        self._joined_ns = 0  # when the present episode was first heard of, on the producer's clock
        self._is_scoring = False
        self._unconfirmed: dict[int, tuple[Ack, int]] = {}  # by number: message, when it was sent
        self._seq = 0
        self._next_ack_ns = 0
        self._next_sync_ns = 0
        self._once = Once(logger)
        self._rejected = 0
        self._duplicates = 0

    @property
    def accepts_results(self) -> bool:
        """Tell whether results may come: not while too much is reported that nobody has confirmed."""
        return len(self._unconfirmed) < MAX_UNCONFIRMED

    def handle(self, event: Event, now_ns: int) -> list[Command]:
        """React to one event; the commands are to be carried out in order."""
        match event:
            case events.ResultsCame(parts):
                return self._results_came(parts, now_ns)
            case events.ProducerSpoke(message):
                return self._producer_spoke(message, now_ns)
            case events.Tick():
                return self._ticked(now_ns)
            case events.Scored(tally):
                if tally.episode == self._present.episode and self._is_scoring:
                    self._tally = tally
                return self._acknowledge(now_ns)
            case events.Malformed(reason):
                self._rejected += 1
                self._once.warn(f"refused a message: {reason}")
                return []
        assert_never(event)

    def _results_came(self, parts: list[ResultPart], now_ns: int) -> list[Command]:
        commands: list[Command] = []
        for part in parts:
            arrival = Arrival(part, now_ns)
            if self._present.admit(arrival):
                commands += self._take(arrival, now_ns)
        return commands + self._acknowledge(now_ns)

    def _take(self, arrival: Arrival, now_ns: int) -> list[Command]:
        header = arrival.part.header
        if header.id >= FIRST_TRIAL:
            self._received.append(self._receipt(arrival))
            return []
        stream = self._streams.setdefault(header.stream, Reorder())
        if not stream.is_near(header.id):
            self._present.refuse("results of frames that cannot have been offered yet")
            return []
        if not stream.add(header.id, arrival):
            self._duplicates += 1
            return []
        self._received.append(self._receipt(arrival))
        return self._advance(header.stream, stream, now_ns)

    def _receipt(self, arrival: Arrival) -> Received:
        header = arrival.part.header
        sent, received, _, done = header.stamps_ns
        compares = self._settings is not None and self._settings.compares
        return Received(
            stream=header.stream,
            id=header.id,
            worker=header.worker,
            service_ns=header.service_ns,
            done_ns=header.captured_ns + done,
            grade=header.grade,
            height_px=header.size[1],
            transfer_ns=received - sent,
            return_ns=arrival.received_ns + self._clock.offset_ns - header.captured_ns - done,
            sent_ns=header.captured_ns + sent if any(header.stamps_ns) else None,
            agreed=self._agreement.of(arrival.part) if compares else None,
        )

    def _advance(self, stream: int, reorder: Reorder, now_ns: int) -> list[Command]:
        if self._settings is None:
            return []
        deadline_ns = -1 if self._is_full else int(self._settings.gap_deadline_s * 1e9)
        commands: list[Command] = []
        for step in reorder.advance(now_ns, deadline_ns):
            if step.outcome not in PRODUCERS_OWN:
                self._verdicts.append(self._verdict(stream, step, now_ns))
            if step.arrival is not None:
                arrived_ns = step.arrival.received_ns + self._clock.offset_ns
                commands.append(events.Emit(step.arrival.part, arrived_ns, now_ns + self._clock.offset_ns))
        return commands

    def _verdict(self, stream: int, step: Step, now_ns: int) -> Verdict:
        if step.arrival is None:
            return Verdict(stream, step.id, step.outcome)
        header = step.arrival.part.header
        sent, received, started, done = header.stamps_ns
        arrived = step.arrival.received_ns + self._clock.offset_ns - header.captured_ns
        latency = now_ns + self._clock.offset_ns - header.captured_ns
        hops = (sent, received - sent, started - received, done - started, arrived - done, latency - arrived)
        asks = self._settings is not None and self._settings.confidences
        return Verdict(
            stream=stream,
            id=step.id,
            outcome=step.outcome,
            grade=header.grade,
            height_px=header.size[1],
            latency_ns=latency,
            hops_ns=hops,
            epoch=header.epoch,
            confidences=Confidences.of(step.arrival.part.boxes[:, -2]) if asks else None,
        )

    def _producer_spoke(self, message: LinkDown, now_ns: int) -> list[Command]:
        match message:
            case Settings():
                return self._settings_came(message, now_ns)
            case Gap():
                return self._gaps_came(message, now_ns)
            case Confirm(seq):
                self._unconfirmed.pop(seq, None)
                return []
            case Standby(in_charge):
                self._stand_by(in_charge)
                return []
            case End():
                return [events.Finish()]
            case Error(reason):
                return [events.Fail(reason)]
        assert_never(message)

    def _settings_came(self, message: Settings, now_ns: int) -> list[Command]:
        if self._present.is_over(message):
            return []
        if self._present.waits_for:
            logger.info("%s is silent: this collector is in charge now", self._present.waits_for)
        if message.incarnation != self._present.incarnation:  # another producer, maybe on another host
            self._clock, self._told_of_clocks = ClockOffset(), False
        if message.echo_ns:
            self._compare_clocks(message.echo_ns, message.now_ns, now_ns)
        commands: list[Command] = []
        if self._present.turn_to(message, now_ns):
            commands = self._begin(message, now_ns)
        elif self._settings is None or message.epoch >= self._settings.epoch:
            self._settings = message
        commands += self._begin_scoring(message)
        for stream, floor in message.floor.items():
            reorder = self._streams.setdefault(stream, Reorder())
            reorder.raise_floor(floor)
            commands += self._advance(stream, reorder, now_ns)
        for arrival in self._present.proved(message.echo_ns):
            commands += self._take(arrival, now_ns)
        return commands

    def _compare_clocks(self, sent_ns: int, producer_ns: int, now_ns: int) -> None:
        self._clock.sample(sent_ns, now_ns, producer_ns)
        if abs(self._clock.offset_ns) > NOTABLE_OFFSET_NS and not self._told_of_clocks:
            self._told_of_clocks = True
            logger.info(
                "the producer's clock differs by %.3f s: latencies are corrected, to within %.1f ms",
                self._clock.offset_ns * 1e-9,
                (self._clock.error_ns or 0) * 1e-6,
            )

    def _begin(self, settings: Settings, now_ns: int) -> list[Command]:
        """Turn to a new episode, or to a producer that has not begun one."""
        self._forget()
        self._settings = settings
        self._joined_ns, self._is_scoring = now_ns + self._clock.offset_ns, False
        if not settings.episode:
            return []
        size, fps = settings.source_size, settings.source_fps
        return [events.BeginEpisode(settings.episode, size, fps, settings.grades)]

    def _begin_scoring(self, settings: Settings) -> list[Command]:
        """Score, once it is known of what and since when."""
        if settings.truth is None or not settings.truth.began_ns or self._is_scoring:
            return []
        self._is_scoring = True
        size, fps = settings.source_size, settings.source_fps
        return [events.BeginScoring(settings.episode, settings.truth, size, fps, self._joined_ns)]

    def _forget(self) -> None:
        """Say what is held and not yet reported is of no use to anybody any more."""
        self._tally = None
        self._streams.clear()
        self._agreement = Agreement()
        self._received.clear()
        self._verdicts.clear()
        self._unconfirmed.clear()

    def _stand_by(self, in_charge: str) -> None:
        """Another collector is in charge; the frames that were this one's are its own by now."""
        if in_charge != self._present.waits_for:
            logger.warning(
                "another collector, at %s, is in charge: this one waits, and takes over when that is silent",
                in_charge,
            )
        self._present.waits_for = in_charge
        self._forget()

    def _gaps_came(self, gap: Gap, now_ns: int) -> list[Command]:
        if (gap.incarnation, gap.episode) != (self._present.incarnation, self._present.episode):
            return []
        commands: list[Command] = []
        for stream, frame_id, outcome in gap.frames:
            reorder = self._streams.setdefault(stream, Reorder())
            reorder.add_gap(frame_id, outcome)
            commands += self._advance(stream, reorder, now_ns)
        return commands

    def _ticked(self, now_ns: int) -> list[Command]:
        commands: list[Command] = []
        self._is_full = sum(reorder.held_bytes for reorder in self._streams.values()) > MAX_HELD_BYTES
        for stream, reorder in self._streams.items():
            commands += self._advance(stream, reorder, now_ns)
        if self._is_scoring and self._settings is not None and self._settings.truth is not None:
            commands.append(events.ScoreUntil(now_ns + self._clock.offset_ns, self._settings.streams))
        commands += self._acknowledge(now_ns)
        for seq, (ack, sent_ns) in self._unconfirmed.items():
            if now_ns - sent_ns >= RESEND_NS:
                self._unconfirmed[seq] = (ack, now_ns)
                commands.append(events.Tell(ack))
        if now_ns >= self._next_sync_ns:
            self._next_sync_ns = now_ns + SYNC_NS
            commands.append(events.Tell(self._sync(now_ns)))
        return commands

    def _sync(self, now_ns: int) -> Sync:
        return Sync(
            sent_ns=now_ns,
            collector=self._identity,
            results=self._results,
            return_frames=self._return_frames,
            rejected=self._rejected,
            duplicates=self._duplicates,
            refused=self._present.refused,
            clock_offset_ns=self._clock.offset_ns,
            clock_error_ns=self._clock.error_ns,
        )

    def _acknowledge(self, now_ns: int) -> list[Command]:
        """Report what is new, in as many messages as it takes."""
        if now_ns < self._next_ack_ns:
            return []
        commands: list[Command] = []
        while (self._received or self._verdicts or self._tally) and self.accepts_results:
            self._next_ack_ns = now_ns + ACK_NS
            commands.append(events.Tell(self._report(now_ns)))
        return commands

    def _report(self, now_ns: int) -> Ack:
        self._seq += 1
        ack = Ack(
            seq=self._seq,
            collector=self._identity,
            incarnation=self._present.incarnation,
            episode=self._present.episode,
            received=tuple(self._received[:MAX_PER_ACK]),
            verdicts=tuple(self._verdicts[:MAX_PER_ACK]),
            tally=self._tally,
        )
        self._tally = None
        del self._received[:MAX_PER_ACK], self._verdicts[:MAX_PER_ACK]
        self._unconfirmed[self._seq] = (ack, now_ns)
        return ack
