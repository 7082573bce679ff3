"""The producer as a state machine: `handle(event, now_ns)` is its only door. No socket, clock or thread.

STANDBY -> RUNNING -> DRAINING -> ENDED, and from each but STANDBY back to RUNNING with the next START.
Once it is stopping, ENDED is final: workers and collector are told END, and the process finishes.
"""

import logging
from collections.abc import Iterable
from typing import assert_never

from msgspec import UNSET

from pipeline.messages import (
    Ack,
    Confirm,
    ControlRequest,
    Done,
    End,
    Error,
    Gap,
    GetStatus,
    GetTelemetry,
    LinkDown,
    Outcome,
    SetKnobs,
    Standby,
    Start,
    State,
    Stop,
    Sync,
    TaskHeader,
    Telemetry,
)
from pipeline.metrics import measure
from pipeline.once import Once
from pipeline.producer.events import (
    Answer,
    BeginCapture,
    Captured,
    ChangeCapture,
    CollectorSpoke,
    Command,
    ControlRequested,
    EndCapture,
    Envelope,
    Event,
    Finish,
    Malformed,
    Reply,
    SourceEnded,
    StopRequested,
    Tell,
    Tick,
    Unheard,
    Unroutable,
    WorkRequested,
)
from pipeline.producer.ledger import Key
from pipeline.producer.link import CollectorLink, Standing
from pipeline.producer.meter import Meter
from pipeline.producer.status import status
from pipeline.producer.stream import ProducerConfig, Stream
from pipeline.producer.workapi import WorkApi
from pipeline.slos import read_slos
from pipeline.sources.base import NOTHING_WRONG

logger = logging.getLogger(__name__)


class Producer:
    """Offers frames, hands them out, keeps account, answers for it."""

    def __init__(self, config: ProducerConfig, now_ns: int) -> None:
        self._config = config
        self._stream = Stream(config, config.levels, config.streams)
        self._work = WorkApi(self._stream)
        self._meter = Meter(now_ns)
        self._state = State.STANDBY
        self._link = CollectorLink(now_ns)
        self._pending_start: tuple[Envelope, Start] | None = None
        self._stopping = False
        self._drain_until_ns = 0
        self._drain_began_ns = 0
        self._gave_up = False  # what still was in flight while draining
        self._linger_until_ns = 0
        self._once = Once(logger)
        self._rejected = 0
        self._error = ""
        self._source = NOTHING_WRONG  # as far as the source knows

    @property
    def accepts_frames(self) -> bool:
        """False while the queue is full and its policy is to let the source wait."""
        ledger = self._stream.ledger
        return ledger.policy != "wait" or not ledger.is_full

    def handle(self, event: Event, now_ns: int) -> list[Command]:
        """React to one event; the commands are to be carried out in order."""
        match event:
            case WorkRequested():
                n_given_up = len(self._stream.ledger.given_up)
                return self._work.requested(event, now_ns) + self._news_of_losses(n_given_up)
            case Captured():
                return self._captured(event, now_ns)
            case CollectorSpoke(peer, message):
                if isinstance(message, Ack):
                    return self._acknowledged(peer, message, now_ns)
                return self._synced(peer, message, now_ns)
            case ControlRequested(envelope, message):
                return self._controlled(envelope, message, now_ns)
            case Tick():
                return self._ticked(now_ns)
            case SourceEnded():
                return self._source_ended(event, now_ns)
            case Unroutable():
                return self._work.unroutable(event, now_ns)
            case Malformed():
                return self._refused(event)
            case Unheard(address):
                self._work.unheard(address)
                return []
            case StopRequested():
                return self._stop(now_ns)
        assert_never(event)

    # --- frames ---

    def _captured(self, event: Captured, now_ns: int) -> list[Command]:
        if event.episode != self._stream.episode or self._state is not State.RUNNING:
            return []
        self._source = event.source
        dropped: list[Key] = []
        for stream in range(self._stream.n_streams):
            header = TaskHeader(
                id=self._stream.next_id(stream),
                dtype="uint8",
                shape=() if event.image is None else event.image.shape,
                stream=stream,
                incarnation=self._config.incarnation,
                episode=event.episode,
                epoch=event.epoch,
                grade=event.grade,
                source_index=event.source_index,
                captured_ns=event.captured_ns,
            )
            dropped += self._stream.ledger.offer(header, event.image)
            self._meter.offered += 1
        reason = "capture_late" if event.image is None else str(self._config.queue_policy)
        return self._drop(dropped, reason) + self._work.serve(now_ns)

    def _drop(self, keys: Iterable[Key], reason: str) -> list[Command]:
        gaps = []
        for key in keys:  # a full queue may name the same victim for the frames of two streams
            if self._stream.ledger.judge(key, Outcome.DROPPED, reason):
                self._meter.dropped[reason] += 1
                gaps.append((*key, Outcome.DROPPED))
        return self._tell_gaps(gaps)

    def _tell_gaps(self, gaps: list[tuple[int, int, Outcome]]) -> list[Command]:
        return self._tell(Gap(self._config.incarnation, self._stream.episode, tuple(gaps))) if gaps else []

    def _lost_gaps(self) -> list[Command]:
        return self._tell_gaps([(*key, Outcome.LOST) for key in self._stream.ledger.given_up])

    def _news_of_losses(self, n_before: int) -> list[Command]:
        return self._lost_gaps() if len(self._stream.ledger.given_up) > n_before else []

    # --- collector ---

    def _tell(self, message: LinkDown) -> list[Command]:
        """Tell the collector in charge, if there is one."""
        return [Tell(self._link.peer, message)] if self._link.peer else []

    def _acknowledged(self, peer: bytes, ack: Ack, now_ns: int) -> list[Command]:
        if self._link.accepts(ack, self._stream, now_ns):
            for item in ack.received:
                if self._stream.ledger.receive((item.stream, item.id)):
                    self._meter.received(item, self._work.workers.named(item.worker))
            for verdict in ack.verdicts:
                if self._stream.ledger.judge((verdict.stream, verdict.id), verdict.outcome):
                    self._meter.judged(verdict)
        commands: list[Command] = [Tell(peer, Confirm(ack.seq))]
        return commands + self._drained(now_ns)

    def _synced(self, peer: bytes, sync: Sync, now_ns: int) -> list[Command]:
        standing = self._link.synced(peer, sync, now_ns)
        if self._work.ended:
            return [Tell(peer, End())]
        if standing is Standing.WAITS:
            return [Tell(peer, Standby(self._link.said.results))]
        if standing is Standing.TOOK_OVER:  # what the old one had not emitted went with it
            self._stream.ledger.forget_received()
        commands: list[Command] = []
        told, wanted = (self._work.results, self._work.return_frames), (sync.results, sync.return_frames)
        if standing is Standing.TOOK_OVER or told != wanted:
            logger.info("collector takes results at %s", sync.results)
            if self._work.results:
                commands = self._work.remove_all("must hear of another collector")
        self._work.results, self._work.return_frames = wanted
        commands.append(Tell(peer, self._stream.announcement(now_ns, sync.sent_ns)))
        return commands + self._lost_gaps()

    # --- time ---

    def _ticked(self, now_ns: int) -> list[Command]:
        if self._may_begin:
            return self._begin(self._config.seed, self._config.levels, self._config.streams, now_ns)
        n_given_up = len(self._stream.ledger.given_up)
        commands = self._work.tick(now_ns) + self._news_of_losses(n_given_up)
        self._link.tick(now_ns)
        return commands + self._drained(now_ns)

    # --- the life of an episode ---

    @property
    def _may_begin(self) -> bool:
        """Whether it begins by itself now: nobody steers it, and those it waits for are there."""
        wait_workers = self._config.wait_workers
        complete = bool(self._link.peer) and len(list(self._work.ready_workers)) >= wait_workers
        alone = not (self._config.supervised or self._stopping)
        return alone and self._state is State.STANDBY and (complete or not wait_workers)

    def _begin(self, seed: int, levels: tuple[int, int, int], streams: int, now_ns: int) -> list[Command]:
        self._stream.begin(levels, streams)
        self._begin_interval(Meter(now_ns))
        self._state, self._error, self._source = State.RUNNING, "", NOTHING_WRONG
        logger.info("episode %d begins, seed %d", self._stream.episode, seed)
        return [
            BeginCapture(self._stream.episode, seed, self._stream.epoch, self._stream.settings),
            *self._announce(now_ns),
        ]

    def _announce(self, now_ns: int) -> list[Command]:
        return self._work.announce_change() + self._tell(self._stream.announcement(now_ns))

    def _source_ended(self, event: SourceEnded, now_ns: int) -> list[Command]:
        if event.episode != self._stream.episode or self._state is not State.RUNNING:
            return []
        self._error, self._source = event.error, event.source
        if event.error:
            logger.error("the source failed: %s", event.error)
        self._stopping = self._stopping or not self._config.supervised
        return self._drain(self._config.drain_ns, now_ns)

    def _stop(self, now_ns: int) -> list[Command]:
        if self._stopping:  # asked twice: at once
            return [Finish()]
        self._stopping = True
        return self._cut_short("stopped", self._config.silent_ns, now_ns)

    def _cut_short(self, reason: str, drain_ns: int, now_ns: int) -> list[Command]:
        """Offer nothing more, drop what waits, wait only for what the workers have."""
        dropped = self._drop(self._stream.ledger.queued_keys(), reason)
        return [EndCapture(), *dropped, *self._drain(drain_ns, now_ns)]

    def _drain(self, drain_ns: int, now_ns: int) -> list[Command]:
        self._state = State.DRAINING
        self._gave_up = False
        self._drain_began_ns, self._drain_until_ns = now_ns, now_ns + drain_ns
        return self._drained(now_ns)

    def _drained(self, now_ns: int) -> list[Command]:
        """What follows once nothing is in flight any more, or has been for too long."""
        commands: list[Command] = []
        if self._state is State.DRAINING:
            if self._stream.ledger.frames and self._must_wait(now_ns):
                return []
            if self._stream.ledger.frames and self._link.peer and not self._gave_up:
                return self._give_up(now_ns)
            self._close_account(now_ns)
        if self._state is State.ENDED and self._pending_start is not None:
            commands = self._start_pending(now_ns)
        elif self._state is State.ENDED and self._stopping:
            commands = self._finish(now_ns)
        return commands

    def _must_wait(self, now_ns: int) -> bool:
        if self._gave_up:
            return bool(self._link.peer) and now_ns < self._drain_until_ns
        deserted = not self._work.workers and now_ns - self._drain_began_ns > self._config.silent_ns
        return not deserted and now_ns < self._drain_until_ns

    def _give_up(self, now_ns: int) -> list[Command]:
        """No worker will bring the rest; the collector, which may have some of it, has the last word."""
        self._gave_up = True
        self._drain_until_ns = now_ns + self._config.drain_ns
        self._stream.ledger.give_up_all()
        return self._lost_gaps()

    def _close_account(self, now_ns: int) -> None:
        frames = list(self._stream.ledger.frames)
        if frames:
            logger.warning("%d frames in flight at the end are counted lost", len(frames))
        for key in frames:
            self._stream.ledger.judge(key, Outcome.LOST)
            self._meter.counts[Outcome.LOST] += 1
        self._state = State.ENDED
        self._linger_until_ns = now_ns + self._config.silent_ns
        logger.info("episode %d ended: %s", self._stream.episode, self._stream.ledger.totals())

    def _start_pending(self, now_ns: int) -> list[Command]:
        assert self._pending_start is not None
        envelope, start = self._pending_start
        self._pending_start = None
        commands = self._begin(start.seed, start.levels, start.streams, now_ns)
        return [*commands, Answer(envelope, Done(self._stream.episode, self._stream.epoch))]

    def _finish(self, now_ns: int) -> list[Command]:
        """Tell everybody END; finish when all have heard it, or after a bounded time."""
        commands: list[Command] = []
        if not self._work.ended:
            commands = self._work.end() + self._tell(End())
            commands += [Tell(peer, End()) for peer in self._link.waiting.values()]
        all_told = all(worker.told_end for worker in self._work.workers.values())
        if all_told or now_ns >= self._linger_until_ns:
            commands.append(Finish())
        return commands

    # --- control ---

    def _controlled(self, envelope: Envelope, message: ControlRequest, now_ns: int) -> list[Command]:
        match message:
            case GetStatus():
                return [
                    Answer(envelope, status(self._stream, self._work, self._state, bool(self._link.peer)))
                ]
            case GetTelemetry():
                return [Answer(envelope, self._telemetry(message.close, now_ns))]
            case SetKnobs():
                return self._set_knobs(envelope, message, now_ns)
            case Start():
                return self._start(envelope, message, now_ns)
            case Stop():
                done = Answer(envelope, Done(self._stream.episode, self._stream.epoch))
                return [done, *([] if self._stopping else self._stop(now_ns))]
        assert_never(message)

    def _set_knobs(self, envelope: Envelope, message: SetKnobs, now_ns: int) -> list[Command]:
        commands: list[Command] = []
        if message.levels is not UNSET and message.levels != self._stream.levels:
            try:
                settings = self._config.ladders.settings(message.levels)
            except ValueError as error:
                return [Answer(envelope, Error(str(error)))]
            self._stream.levels = message.levels
            self._stream.epoch += 1
            commands = [ChangeCapture(self._stream.epoch, settings), *self._announce(now_ns)]
        if message.streams is not UNSET and message.streams != self._stream.n_streams:
            self._stream.set_streams(message.streams)
            commands += self._tell(self._stream.announcement(now_ns))
        return [*commands, Answer(envelope, Done(self._stream.episode, self._stream.epoch))]

    def _start(self, envelope: Envelope, message: Start, now_ns: int) -> list[Command]:
        try:
            self._config.ladders.settings(message.levels)
        except ValueError as error:
            return [Answer(envelope, Error(str(error)))]
        if self._stopping:
            return [Answer(envelope, Error("the producer is stopping"))]
        self._pending_start = (envelope, message)
        if self._state is State.STANDBY:
            return self._start_pending(now_ns)
        if self._state is State.RUNNING:
            return self._cut_short("restarted", self._config.drain_ns, now_ns)
        return self._drained(now_ns)

    def _telemetry(self, close: bool, now_ns: int) -> Telemetry:
        said = self._link.said
        interval = self._meter.read(now_ns, self._stream, self._work.ready_workers)
        if close:
            self._begin_interval(Meter(now_ns, self._meter.recent))
        return Telemetry(
            state=self._state,
            episode=self._stream.episode,
            epoch=self._stream.epoch,
            levels=self._stream.levels,
            ended_ns=now_ns,
            interval=interval,
            metrics=measure(interval),
            slos=read_slos(self._config.slos, interval),
            totals=self._stream.ledger.totals(),
            report_age_s=(now_ns - self._link.heard_ns) * 1e-9,
            rejected=self._rejected + self._link.rejected,
            duplicates=self._link.duplicates,
            refused=self._link.refused,
            clock_offset_ms=said.clock_offset_ns * 1e-6,
            clock_error_ms=None if said.clock_error_ns is None else said.clock_error_ns * 1e-6,
            incidents=self._work.incidents,
            error=self._error,
            source=self._source,
        )

    def _begin_interval(self, meter: Meter) -> None:
        """What the workers have been busy so far belongs to the interval before."""
        for worker in self._work.workers.values():
            worker.occupancy.book(meter.began_ns)
        self._meter = meter

    def _refused(self, event: Malformed) -> list[Command]:
        self._rejected += 1
        self._once.warn(f"refused a message: {event.reason}")
        error = Error(event.reason, event.code)
        if event.work is not None:
            return [Reply(event.work, error)]
        if event.link is not None:
            return [Tell(event.link, error)]
        return [Answer(event.control, error)] if event.control is not None else []
