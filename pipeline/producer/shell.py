"""The producer as a process: sockets, clock and capturing thread around the core."""

import json
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import cv2
import msgspec
import zmq

from pipeline.cli import parse_options
from pipeline.connections import Connections
from pipeline.doors import Door
from pipeline.keys import Role
from pipeline.messages import (
    ErrorCode,
    OtherProtocolError,
    ProtocolError,
    Sync,
    decode_control_request,
    decode_link_up,
    decode_work_request,
    encode,
)
from pipeline.options import ProducerOptions
from pipeline.producer import events
from pipeline.producer.capture import Capture
from pipeline.producer.config import TICK_NS, config_from
from pipeline.producer.core import Producer
from pipeline.producer.events import Envelope
from pipeline.scoring.truth import truth_of
from pipeline.sockets import (
    MAX_REQUEST_BYTES,
    NOBLOCK,
    SNDMORE,
    EndpointError,
    open_socket,
    pending,
    poller,
    reached_at,
)
from pipeline.sources.base import Source, SourceError
from pipeline.sources.opening import open_source
from pipeline.stopping import StopSwitch

logger = logging.getLogger(__name__)

WAITING = 16  # requests of one client, and replies to it; a REQ has one under way


class ProducerShell:
    """Does what the core says, on real sockets; close it once, whatever comes."""

    def __init__(self, options: ProducerOptions, source: Source, stop: StopSwitch) -> None:
        config = config_from(options, source, truth_of(options))
        self._context = zmq.Context()
        self._stop = stop
        self._finished = False
        self._door = Door(self._context, options.keys, options.insecure, *Role)
        self._work, self._link, self._control = (
            open_socket(self._context, zmq.ROUTER, max_bytes=MAX_REQUEST_BYTES) for _ in range(3)
        )
        self._work.router_mandatory = True  # or replies to the dead would vanish, and their tasks with them
        for socket in (self._work, self._control):
            socket.set_hwm(WAITING)
        self._workers, *_ = self._connections = [
            Connections(socket) for socket in (self._work, self._link, self._control)
        ]
        captured = open_socket(self._context, zmq.PULL, high_water_mark=0)
        notify = open_socket(self._context, zmq.PUSH, high_water_mark=0)
        captured.bind("inproc://captured")
        notify.connect("inproc://captured")
        self._captured = captured
        self._sockets = (self._work, self._link, self._control, captured, notify)
        try:
            self.endpoints = {
                "work": self._door.bind(self._work, options.work, Role.WORKER),
                "link": self._door.bind(self._link, options.link, Role.COLLECTOR),
                "control": self._door.bind(self._control, options.control, Role.CONTROL),
            }
        except EndpointError:
            self._door.close()
            self._context.destroy(linger=0)
            raise
        self._notify = notify
        self._capture = Capture(source, options.pacing, self._frame_waits)
        self._core = Producer(config, time.monotonic_ns())
        always = (self._work, self._workers.news, self._link, self._control, stop.fileno())
        self._pollers = {False: poller(*always), True: poller(*always, captured)}  # whether it accepts frames

    def run(self) -> None:
        """Serve until the core says that everything is done."""
        next_tick_ns = 0
        while not self._finished:
            now_ns = time.monotonic_ns()
            if now_ns >= next_tick_ns:
                next_tick_ns = now_ns + TICK_NS
                self._do(events.Tick())
                self._look_at_clients(now_ns)
            wait_ms = max(0, next_tick_ns - time.monotonic_ns()) // 1_000_000 + 1
            ready = dict(self._pollers[self._core.accepts_frames].poll(wait_ms))
            if self._captured in ready:
                self._captured.recv(NOBLOCK)
            if self._workers.news in ready:
                self._workers.note(time.monotonic_ns())
            if self._work in ready:
                self._take_work()
            self._take_captured()
            if self._link in ready:
                self._take_link()
            if self._control in ready:
                self._take_control()
            if self._stop.fileno() in ready:
                self._stop.clear()
                self._do(events.StopRequested())

    def close(self) -> None:
        """Stop capturing and close every socket; what was just sent still gets half a second to leave."""
        self._capture.close()
        self._door.close()
        for connections in self._connections:
            connections.close()
        for socket in self._sockets:
            socket.close(linger=500)
        self._context.term()

    def _do(self, event: events.Event) -> None:
        for command in self._core.handle(event, time.monotonic_ns()):
            self._perform(command)

    def _perform(self, command: events.Command) -> None:
        match command:
            case events.Reply():
                self._reply(command)
            case events.Tell(peer, message):
                self._link.send_multipart((peer, encode(message)), zmq.NOBLOCK)
            case events.Answer(envelope, message):
                self._control.send_multipart((*envelope, b"", encode(message)), zmq.NOBLOCK)
            case events.BeginCapture():
                self._capture.begin(command)
            case events.ChangeCapture():
                self._capture.change(command)
            case events.EndCapture():
                self._capture.end()
            case events.Finish():
                self._finished = True

    def _reply(self, reply: events.Reply) -> None:
        parts: list[Any] = [*reply.envelope, b"", encode(reply.message)]
        for header, image in reply.tasks:
            parts += (encode(header), image)
        last = len(parts) - 1
        try:
            for i, part in enumerate(parts):
                flags = NOBLOCK | SNDMORE if i < last else NOBLOCK
                # pictures are not copied: nobody writes to them, and libzmq holds on to them
                self._work.send(part, flags, copy=isinstance(part, bytes))
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            self._do(events.Unroutable(reply.envelope[0], tuple(header for header, _ in reply.tasks)))

    def _frame_waits(self) -> None:
        """In the capturing thread: wake the loop, unless it has not yet seen the end of what waits."""
        if self._capture.n_waiting <= 1:
            self._notify.send(b"")

    def _look_at_clients(self, now_ns: int) -> None:
        """Note who was turned away, who stays silent, and who may come in from now on."""
        self._door.read(now_ns)
        for connections in self._connections:
            connections.note(now_ns)
            for why in connections.take_refused():
                self._do(events.Refused(why))
        for address in self._workers.overdue(now_ns):
            self._do(events.Unheard(address))

    def _take_captured(self) -> None:
        while self._core.accepts_frames and (event := self._capture.take()) is not None:
            self._do(event)

    def _take_work(self) -> None:
        for frames in pending(self._work, copy=False, revoked=self._door.revoked(Role.WORKER)):
            if self._workers.is_anyone_silent:
                self._workers.heard(frames[-1])
            envelope, body = _split([frame.bytes for frame in frames])
            if envelope is None:
                self._do(events.Malformed("no empty delimiter in a work request"))
                continue
            try:
                event: events.Event = events.WorkRequested(envelope, decode_work_request(body))
            except ProtocolError as error:
                event = _malformed("work request", error, work=envelope)
            self._do(event)

    def _take_link(self) -> None:
        for frames in pending(self._link, copy=False, revoked=self._door.revoked(Role.COLLECTOR)):
            try:
                message = decode_link_up([frame.buffer for frame in frames[1:]])
                if isinstance(message, Sync):
                    message = msgspec.structs.replace(
                        message, results=reached_at(message.results, frames[-1])
                    )
                event: events.Event = events.CollectorSpoke(frames[0].bytes, message)
            except ProtocolError as error:
                event = _malformed("collector link", error, link=frames[0].bytes)
            self._do(event)

    def _take_control(self) -> None:
        for parts in pending(self._control, revoked=self._door.revoked(Role.CONTROL)):
            envelope, body = _split(parts)
            if envelope is None:
                self._do(events.Malformed("no empty delimiter in a control request"))
                continue
            try:
                event: events.Event = events.ControlRequested(envelope, decode_control_request(body))
            except ProtocolError as error:
                event = _malformed("control request", error, control=envelope)
            self._do(event)


def _split(parts: list[bytes]) -> tuple[Envelope | None, list[bytes]]:
    """Return the routing frames up to the empty delimiter, and what follows it."""
    try:
        delimiter = parts.index(b"")
    except ValueError:
        return None, parts
    return tuple(parts[:delimiter]), parts[delimiter + 1 :]


def _malformed(what: str, error: ProtocolError, **peer: Any) -> events.Malformed:
    if isinstance(error, OtherProtocolError):
        return events.Malformed(str(error), ErrorCode.OTHER_PROTOCOL, **peer)
    return events.Malformed(f"{what}: {error}", **peer)


def main(argv: Sequence[str]) -> int:
    """Run the producer; returns the exit code."""
    options = parse_options(ProducerOptions, "python -m pipeline producer", argv)
    cv2.setNumThreads(1)  # workers need the other cores
    try:
        with (
            StopSwitch(options.supervised) as stop,
            closing(ProducerShell(options, open_source(options), stop)) as shell,
        ):
            if options.supervised:
                print(json.dumps(shell.endpoints), flush=True)
            logger.info("producer serves %s", shell.endpoints)
            if options.wait_workers and not options.supervised:
                logger.info("it begins with %d workers and a collector", options.wait_workers)
            shell.run()
    except (SourceError, EndpointError, ValueError) as error:
        print(f"producer: {error}", file=sys.stderr)
        return 1
    return 0
