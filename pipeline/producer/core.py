"""The producer as a state machine: `handle(event, now_ns)` is its only door. No socket, clock or thread.

What the episode, a worker and a frame can be, and what leads from one state to the next, stands in `states`.
Here is the life of an episode; `workapi` speaks with workers, `link` with the collector, and `ledger` says
which frame a worker gets. Once the producer is stopping, the end of the episode is final: workers and
collector are told END, and the process finishes.
"""

import logging
from collections.abc import Callable, Iterable
from typing import assert_never

from msgspec import UNSET

from pipeline.messages import (
    Ack,
    Binding,
    ControlRequest,
    Done,
    Error,
    GetStatus,
    GetTelemetry,
    Outcome,
    SetKnobs,
    Start,
    Stop,
)
from pipeline.once import Once
from pipeline.producer import events
from pipeline.producer.answers import refusal, status, telemetry
from pipeline.producer.config import ProducerConfig
from pipeline.producer.draining import Drain
from pipeline.producer.events import Command, Envelope, Event
from pipeline.producer.ledger import Key
from pipeline.producer.link import CollectorLink
from pipeline.producer.meter import Meter
from pipeline.producer.states import Cause, EpisodeState, after, is_legal
from pipeline.producer.stream import Stream
from pipeline.producer.workapi import WorkApi

logger = logging.getLogger(__name__)


class Producer:
    """Offers frames, hands them out, keeps account, answers for it."""

    def __init__(self, config: ProducerConfig, now_ns: int) -> None:
        self._config = config
        self._stream = Stream(config, config.levels, config.streams)
        self._work = WorkApi(self._stream)
        self._link = CollectorLink(self._stream, self._work, now_ns)
        self._meter = Meter(now_ns)
        self._pending_start: tuple[Envelope, Start] | None = None
        self._stopping = False
        self._drain = Drain(0, 0, now_ns)
        self._linger_until_ns = 0
        self._once = Once(logger)
        self._rejected = 0

    @property
    def accepts_frames(self) -> bool:
        """Tell whether a frame may come: not while the queue is full and its policy has the source wait."""
        ledger = self._stream.ledger
        return ledger.policy != "wait" or not ledger.is_full

    def handle(self, event: Event, now_ns: int) -> list[Command]:
        """React to one event; the commands are to be carried out in order."""
        match event:
            case events.WorkRequested():
                return self._and_losses(self._work.requested, event, now_ns)
            case events.Captured():
                return self._captured(event, now_ns)
            case events.CollectorSpoke(peer, message):
                if isinstance(message, Ack):
                    confirmed = self._link.acknowledged(peer, message, self._meter, now_ns)
                    return confirmed + self._work.replan(now_ns) + self._drained(now_ns)
                return self._link.synced(peer, message, now_ns)
            case events.ControlRequested(envelope, message):
                return self._controlled(envelope, message, now_ns)
            case events.Tick():
                return self._ticked(now_ns)
            case events.SourceEnded():
                return self._source_ended(event, now_ns)
            case events.Unroutable():
                return self._and_losses(self._work.unroutable, event, now_ns)
            case events.Malformed():
                return self._refused(event)
            case events.Unheard(address):
                return self._work.unheard(address)
            case events.Refused(why):
                return self._work.refused(why)
            case events.StopRequested():
                return self._stop(now_ns)
        assert_never(event)

    def _and_losses(self, act: Callable[..., list[Command]], *args: object) -> list[Command]:
        """Do something with workers, and tell the collector of what it has made us give up."""
        n_before = len(self._stream.ledger.given_up)
        commands = act(*args)
        is_news = len(self._stream.ledger.given_up) > n_before
        return commands + (self._link.tell_losses() if is_news else [])

    def _refused(self, event: events.Malformed) -> list[Command]:
        self._rejected += 1
        self._once.warn(f"refused a message: {event.reason}")
        return refusal(event)

    # --- frames ---

    def _captured(self, event: events.Captured, now_ns: int) -> list[Command]:
        if event.episode != self._stream.episode or self._stream.state is not EpisodeState.RUNNING:
            return []
        self._stream.source = event.source
        self._meter.capture_ns += event.busy_ns
        dropped: list[Key] = []
        for header in self._stream.headers(event):
            dropped += self._stream.ledger.offer(header, event.image, event.pts_ns)
            self._meter.offered += 1
        reason = "capture_late" if event.image is None else str(self._config.queue_policy)
        commands = self._drop(dropped, reason) + self._work.serve(now_ns)
        if self._stream.began(event.captured_ns - event.pts_ns):
            commands += self._link.tell(self._stream.announcement(now_ns))
        return commands

    def _drop(self, keys: Iterable[Key], reason: str) -> list[Command]:
        gaps = []
        for key in keys:  # a full queue may name the same victim for the frames of two streams
            if self._stream.ledger.judge(key, Outcome.DROPPED, reason):
                self._meter.drop(key[0], reason)
                gaps.append((*key, Outcome.DROPPED))
        return self._link.tell_gaps(gaps)

    def _thin(self) -> list[Command]:
        """Take out of the queue what the FPS knob, which is lower than it was, no longer asks for."""
        surplus = self._stream.ledger.surplus(self._stream.settings.fps)
        for key in surplus:
            self._stream.ledger.judge(key, Outcome.THINNED)
            self._meter.thinned(*key)
        return self._link.tell_gaps([(*key, Outcome.THINNED) for key in surplus])

    # --- the life of an episode ---

    def _ticked(self, now_ns: int) -> list[Command]:
        if self._stream.state is EpisodeState.STANDBY and self._may_begin:
            return self._begin(self._config.seed, self._config.levels, self._config.streams, now_ns)
        commands = self._and_losses(self._work.tick, now_ns)
        self._link.tick(now_ns)
        return commands + self._drained(now_ns)

    @property
    def _may_begin(self) -> bool:
        """Tell whether it begins by itself now: nobody steers it, and those it waits for are there."""
        if self._config.supervised or self._stopping:
            return False
        n_ready, n_wanted = len(list(self._work.workers.ready)), self._config.wait_workers
        return not n_wanted or (bool(self._link.peer) and n_ready >= n_wanted)

    def _begin(self, seed: int, levels: tuple[int, int, int], streams: int, now_ns: int) -> list[Command]:
        self._stream.begin(levels, streams, seed)
        self._begin_interval(Meter(now_ns))
        logger.info("episode %d begins, seed %d", self._stream.episode, seed)
        return [
            events.BeginCapture(self._stream.episode, seed, self._stream.epoch, self._stream.settings),
            *self._announce(now_ns),
        ]

    def _announce(self, now_ns: int) -> list[Command]:
        return self._work.announce_change(now_ns) + self._link.tell(self._stream.announcement(now_ns))

    def _source_ended(self, event: events.SourceEnded, now_ns: int) -> list[Command]:
        if event.episode != self._stream.episode or not is_legal(self._stream.state, Cause.SOURCE_ENDED):
            return []
        self._stream.error, self._stream.source = event.error, event.source
        if event.error:
            logger.error("the source failed: %s", event.error)
        self._stopping = self._stopping or not self._config.supervised
        return self._begin_drain(Cause.SOURCE_ENDED, self._config.drain_ns, now_ns)

    def _stop(self, now_ns: int) -> list[Command]:
        if self._stopping:  # asked twice: at once
            return [events.Finish()]
        self._stopping = True
        return self._cut_short("stopped", self._config.silent_ns, now_ns)

    def _cut_short(self, reason: str, drain_ns: int, now_ns: int) -> list[Command]:
        """Offer nothing more, drop what waits, wait only for what the workers have."""
        dropped = self._drop(self._stream.ledger.queued_keys(), reason)
        return [events.EndCapture(), *dropped, *self._begin_drain(Cause.CUT_SHORT, drain_ns, now_ns)]

    def _begin_drain(self, cause: Cause, drain_ns: int, now_ns: int) -> list[Command]:
        self._stream.state = after(self._stream.state, cause)
        self._drain = Drain(drain_ns, self._config.silent_ns, now_ns)
        return self._drained(now_ns)

    def _drained(self, now_ns: int) -> list[Command]:
        """Do what follows once nothing is in flight any more, or has been for too long."""
        commands: list[Command] = []
        if self._stream.state is EpisodeState.DRAINING:
            workers, collector = bool(self._work.workers), bool(self._link.peer)
            if self._stream.ledger.frames and self._drain.must_wait(workers, collector, now_ns):
                return []
            if self._stream.ledger.frames and collector and not self._drain.gave_up:
                return self._give_up(now_ns)
            self._close_account(now_ns)
        if self._stream.state is EpisodeState.ENDED and self._pending_start is not None:
            commands = self._start_pending(now_ns)
        elif self._stream.state is EpisodeState.ENDED and self._stopping:
            commands = self._finish(now_ns)
        return commands

    def _give_up(self, now_ns: int) -> list[Command]:
        """Expect the rest from no worker any more; the collector, which may have it, has the last word."""
        self._drain.give_up(now_ns + self._config.drain_ns)
        self._stream.ledger.give_up_all()
        return self._link.tell_losses()

    def _close_account(self, now_ns: int) -> None:
        frames = list(self._stream.ledger.frames)
        if frames:
            logger.warning("%d frames in flight at the end are counted lost", len(frames))
        for key in frames:
            self._stream.ledger.judge(key, Outcome.LOST)
            self._meter.counts[Outcome.LOST] += 1
        self._stream.state = after(self._stream.state, Cause.DRAINED)
        self._linger_until_ns = now_ns + self._config.silent_ns
        logger.info("episode %d ended: %s", self._stream.episode, self._stream.ledger.totals())

    def _start_pending(self, now_ns: int) -> list[Command]:
        assert self._pending_start is not None
        envelope, start = self._pending_start
        self._pending_start = None
        commands = self._begin(start.seed, start.levels, start.streams, now_ns)
        return [*commands, events.Answer(envelope, Done(self._stream.episode, self._stream.epoch))]

    def _finish(self, now_ns: int) -> list[Command]:
        """Tell everybody END; finish when all have heard it, or after a bounded time."""
        commands: list[Command] = []
        if not self._work.ended:
            commands = self._work.end() + self._link.tell_end()
        all_told = all(worker.told_end for worker in self._work.workers.values())
        if all_told or now_ns >= self._linger_until_ns:
            commands.append(events.Finish())
        return commands

    # --- control ---

    def _controlled(self, envelope: Envelope, message: ControlRequest, now_ns: int) -> list[Command]:
        match message:
            case GetStatus():
                return [events.Answer(envelope, status(self._stream, self._work, self._link))]
            case GetTelemetry():
                read = telemetry(self._stream, self._work, self._link, self._meter, self._rejected, now_ns)
                if message.close:
                    self._begin_interval(self._meter.next(now_ns, self._stream.next_ids))
                return [events.Answer(envelope, read)]
            case SetKnobs():
                return self._set_knobs(envelope, message, now_ns)
            case Start():
                return self._start(envelope, message, now_ns)
            case Stop():
                done = events.Answer(envelope, Done(self._stream.episode, self._stream.epoch))
                return [done, *([] if self._stopping else self._stop(now_ns))]
        assert_never(message)

    def _set_knobs(self, envelope: Envelope, message: SetKnobs, now_ns: int) -> list[Command]:
        commands: list[Command] = []
        if message.levels is not UNSET and message.levels != self._stream.levels:
            former = self._stream.settings
            try:
                settings = self._stream.set_levels(message.levels, now_ns)
            except ValueError as error:
                return [events.Answer(envelope, Error(str(error)))]
            commands = [events.ChangeCapture(self._stream.epoch, settings)]
            is_lower = settings.fps < min(former.fps, self._config.source_fps)
            if is_lower and self._config.binding is Binding.HAND_OUT:
                commands += self._thin()
            commands += self._announce(now_ns)
        if message.streams is not UNSET and message.streams != self._stream.n_streams:
            self._stream.set_streams(message.streams)
            commands += self._link.tell(self._stream.announcement(now_ns))
        return [*commands, events.Answer(envelope, Done(self._stream.episode, self._stream.epoch))]

    def _start(self, envelope: Envelope, message: Start, now_ns: int) -> list[Command]:
        try:
            self._config.ladders.settings(message.levels)
        except ValueError as error:
            return [events.Answer(envelope, Error(str(error)))]
        if self._stopping:
            return [events.Answer(envelope, Error("the producer is stopping"))]
        self._pending_start = (envelope, message)
        if self._stream.state is EpisodeState.STANDBY:
            return self._start_pending(now_ns)
        if self._stream.state is EpisodeState.RUNNING:
            return self._cut_short("restarted", self._config.drain_ns, now_ns)
        return self._drained(now_ns)

    def _begin_interval(self, meter: Meter) -> None:
        for worker in self._work.workers.values():
            worker.begin_interval(meter.began_ns)
        meter.failures_before = self._work.n_failures
        self._meter = meter
