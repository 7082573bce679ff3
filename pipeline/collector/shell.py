"""The collector as a process: sockets, clock and sink around the core."""

import json
import logging
import math
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import cv2
import zmq

from pipeline.cli import parse_options
from pipeline.collector import events
from pipeline.collector.core import TICK_NS, Collector
from pipeline.collector.output import Known, Sink, SinkError
from pipeline.collector.sinks import open_record, open_sink
from pipeline.connections import Connections
from pipeline.doors import Door, Handshake
from pipeline.keys import Role, credentials
from pipeline.messages import (
    DetectionKind,
    OtherProtocolError,
    ProtocolError,
    ResultPart,
    Tally,
    decode_link_down,
    decode_results,
    encode,
    random_identity,
)
from pipeline.options import CollectorOptions
from pipeline.scoring.emulated import NOTHING, Emulated, remembering
from pipeline.scoring.scoring import Scoring
from pipeline.scoring.truth import Look, open_truth
from pipeline.sockets import NOBLOCK, EndpointError, open_socket, pending, poller
from pipeline.stopping import StopSwitch

if TYPE_CHECKING:  # which needs Arrow
    from pipeline.collector.frames import FrameTable

logger = logging.getLogger(__name__)

RESULTS_HIGH_WATER = 64  # results waiting here; beyond, workers wait, and the producer's queue shows it


class CollectorError(Exception):
    """The collector cannot go on; the text says why."""


class CollectorShell:
    """Does what the core says, on real sockets; `close` leaves sink and record closed.

    Args:
        frames: notes every frame that is emitted.
    """

    def __init__(
        self, options: CollectorOptions, sink: Sink, stop: StopSwitch, frames: "FrameTable | None" = None
    ) -> None:
        shown = credentials(options.keys, Role.COLLECTOR)
        self._context = zmq.Context()
        self._door = Door(self._context, options.keys, options.insecure, Role.WORKER)
        self._sink = sink
        self._frames = frames
        self._stop = stop
        self._finished = False
        self._results = open_socket(self._context, zmq.PULL, high_water_mark=RESULTS_HIGH_WATER)
        self._workers = Connections(self._results)
        self._link = open_socket(self._context, zmq.DEALER)
        try:
            results = self._door.bind(self._results, options.results, Role.WORKER)
            self._handshake = Handshake(self._link, options.producer, shown, patient=True)
        except EndpointError:
            self._door.close()
            self._context.destroy(linger=0)
            raise
        self.endpoints = {"results": results}
        self._tally: Tally | None = None  # the last that the core was told
        self._scoring: Scoring | None = None  # once there is something to score
        self._writes = bool(options.video or options.detections)
        self._kind = options.kind
        self._grades: tuple[str, ...] = ()  # of the episode
        self._outlines = options.outlines
        self._emulated: Emulated | None = None  # for the sink; scoring has one of its own
        self._look: Look | None = None  # where outlines are asked for
        self._core = Collector(results, sink.needs_frames, random_identity())
        always = (self._link, stop.fileno())
        self._pollers = {
            False: poller(*always),
            True: poller(*always, self._results),
        }  # whether it accepts any
        logger.info("collector takes results at %s", results)

    def run(self) -> None:
        """Collect until the producer says END, or until it must stop.

        Raises:
            CollectorError: the producer is of another release.
            KeysError: it refuses us.
        """
        next_tick_ns = 0
        while not self._finished:
            now_ns = time.monotonic_ns()
            if now_ns >= next_tick_ns:
                next_tick_ns = now_ns + TICK_NS
                self._handshake.check()
                self._look_at_clients(now_ns)
                self._take_tally()
                self._do(events.Tick())
            wait_ms = max(0, next_tick_ns - time.monotonic_ns()) // 1_000_000 + 1
            ready = dict(self._pollers[self._core.accepts_results].poll(wait_ms))
            if self._results in ready:
                self._take_results()
            if self._link in ready:
                self._take_link()
            if self._stop.fileno() in ready:
                self._stop.clear()
                self._finished = True

    def close(self) -> None:
        """Close sink, record and sockets, and score nothing more."""
        if self._scoring is not None:
            self._scoring.close()
        self._door.close()
        self._workers.close()
        self._handshake.close()
        for socket in (self._results, self._link):
            socket.close(linger=0)
        self._context.term()
        try:
            self._sink.close()
        finally:
            if self._frames is not None:
                self._frames.close()

    def _do(self, event: events.Event) -> None:
        for command in self._core.handle(event, time.monotonic_ns()):
            self._perform(command)

    def _perform(self, command: events.Command) -> None:
        match command:
            case events.Emit(part, _, emitted_ns):
                if self._writes:
                    self._write(part, emitted_ns)
                if self._scoring is not None:
                    self._scoring.emitted(part.header, part.boxes, emitted_ns)
                if self._frames is not None:
                    self._frames.write(command)
            case events.Tell(message):
                try:
                    self._link.send(encode(message), NOBLOCK)
                except zmq.Again:
                    logger.debug("the producer takes no more messages; what matters is sent again")
            case events.BeginEpisode(episode, source_size, source_fps, grades):
                self._emulated = self._look = None
                self._grades = grades
                self._sink.open_episode(episode, source_size, source_fps)
            case events.BeginScoring(episode, truth, source_size, source_fps, from_ns):
                self._scoring = self._scoring or Scoring()
                self._scoring.begin(episode, truth, source_size, source_fps, from_ns)
                self._look_at(command)
            case events.ScoreUntil(now_ns, n_streams):
                assert self._scoring is not None, "it has begun"
                self._scoring.until(now_ns, n_streams)
            case events.Finish():
                self._finished = True
            case events.Fail(reason):
                raise CollectorError(reason)

    def _look_at(self, begin: events.BeginScoring) -> None:
        """Open the truth for what is written, if that shows it or has detections drawn from it."""
        truth, size, fps = begin.truth, begin.source_size, begin.source_fps
        if truth.drawn is not None:
            self._kind = DetectionKind.EMULATED
        if not self._writes or (truth.drawn is None and not self._outlines):
            return
        try:
            look = remembering(truth, open_truth(truth, size, fps), fps, begin.from_ns)
        except (OSError, ValueError):
            return  # scoring tells of it
        if truth.drawn is not None:
            self._emulated = Emulated(truth, look, size, fps)
        if self._outlines:
            self._look = look

    def _write(self, part: ResultPart, emitted_ns: int) -> None:
        """Hand a result to the sink, with detections that mean something, and what else is known of it."""
        header, present = part.header, None
        if self._kind is not DetectionKind.REAL:
            boxes = NOTHING if self._emulated is None else self._emulated.boxes(header, emitted_ns)
            part = part._replace(boxes=boxes)
        grade = self._grades[header.grade] if header.grade < len(self._grades) else ""
        f1 = math.nan if self._scoring is None else self._scoring.f1
        if self._look is not None and (objects := self._look(header.source_index)) is not None:
            present = objects.boxes[~objects.ignored]
        self._sink.write(part, Known(emitted_ns, self._kind, grade, f1, present))

    def _take_tally(self) -> None:
        tally = None if self._scoring is None else self._scoring.tally
        if tally is not None and tally is not self._tally:
            self._tally = tally
            self._do(events.Scored(tally))

    def _look_at_clients(self, now_ns: int) -> None:
        """Count who was turned away, with what else was rejected; note who may come in from now on."""
        self._door.read(now_ns)
        self._workers.note(now_ns)
        for why in self._workers.take_refused():
            self._do(events.Malformed(f"a client that was turned away: {why}"))

    def _take_results(self) -> None:
        for frames in pending(self._results, copy=False, revoked=self._door.revoked(Role.WORKER)):
            try:
                event: events.Event = events.ResultsCame(decode_results([frame.buffer for frame in frames]))
            except ProtocolError as error:
                event = events.Malformed(f"result: {error}")
            self._do(event)

    def _take_link(self) -> None:
        for parts in pending(self._link):
            try:
                event: events.Event = events.ProducerSpoke(decode_link_down(parts))
            except OtherProtocolError as error:
                raise CollectorError(str(error)) from None
            except ProtocolError as error:
                event = events.Malformed(f"producer link: {error}")
            self._do(event)


def main(argv: Sequence[str]) -> int:
    """Run the collector; returns the exit code."""
    options = parse_options(CollectorOptions, "python -m pipeline collector", argv)
    cv2.setNumThreads(1)  # workers need the other cores
    try:
        sink = open_sink(options.video, options.detections)
        frames = open_record(options.frames)
        with (
            StopSwitch(options.supervised) as stop,
            closing(CollectorShell(options, sink, stop, frames)) as shell,
        ):
            if options.supervised:
                print(json.dumps(shell.endpoints), flush=True)
            shell.run()
    except (SinkError, EndpointError, CollectorError, ValueError) as error:
        print(f"collector: {error}", file=sys.stderr)
        return 1
    return 0
