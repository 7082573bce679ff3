"""The worker as processes and threads: the requesting loop, beside it the sender and inference.

Requesting never waits for the other two: it copies a task's frame into shared memory and asks for the
next one. When to do what is the core's to say.
"""

import dataclasses
import logging
import os
import secrets
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import assert_never

import zmq

from pipeline.cli import parse_options
from pipeline.conditions import conditions_of
from pipeline.keys import Role, credentials
from pipeline.messages import (
    LABEL_CHARACTERS,
    Buffer,
    OtherProtocolError,
    ProtocolError,
    TaskHeader,
    decode_work_reply,
)
from pipeline.options import WorkerOptions
from pipeline.sockets import EndpointError, poller
from pipeline.stopping import StopSwitch
from pipeline.worker import events
from pipeline.worker.child import InferenceError, InferenceProcess
from pipeline.worker.core import WorkerCore
from pipeline.worker.events import WorkerConfig
from pipeline.worker.jobs import Job, Ready, Slow
from pipeline.worker.link import both_ways
from pipeline.worker.requester import Requester
from pipeline.worker.ring import RingError, SlotRing
from pipeline.worker.sender import Sender

logger = logging.getLogger(__name__)

MARK_CHARACTERS = 6  # of a worker's identity, in its default name
POLL_NS = 1_000_000  # polls wait for whole ms
SEND_S = 1.0  # for results that no collector takes, once the worker is to stop


class WorkerError(Exception):
    """The worker cannot go on; the text says why."""


class WorkerShell:
    """Does what the core says, on real sockets, with a real process; close it once, whatever comes.

    Args:
        identity: random, of this process alone.

    Raises:
        EndpointError: the producer's endpoint is none, or the keys are not there.
    """

    def __init__(self, options: WorkerOptions, identity: str, stop: StopSwitch) -> None:
        shown = credentials(options.keys, Role.WORKER)
        n_slots = options.prefetch + 1
        self._core = WorkerCore(
            WorkerConfig(
                options.name,
                identity,
                n_slots,
                options.batch,
                dict(options.weights),
                Path(options.link_medium).name,
            )
        )
        self._stop = stop
        self._ring = SlotRing(n_slots)
        self._child = InferenceProcess(options)
        self._mbit_s = options.link_mbit_s
        link = options.link_delay_ms, options.link_mbit_s, options.link_medium
        self._down, self._up = both_ways(*link)
        self._context = zmq.Context()
        self._bell, self._rope = os.pipe()  # pulled by the sender, it wakes the loop
        self._sender = Sender(
            self._context, shown, self._child.results, self._ring, self._ring_bell, self._up
        )
        self._poller = poller(self._child.reports.fileno(), stop.fileno(), self._bell)
        self._n_left = 0  # tasks whose leaving the core was told of
        self._tasks: Sequence[tuple[TaskHeader, Buffer]] = ()  # of the reply that is being handled
        self._received_ns = 0
        self._wait_s: float | None = None  # once it is to stop: for what is in hand
        self._requester = Requester(self._context, options.producer, shown, self._poller, self._down)

    def run(self) -> None:
        """Work until END, or until it must stop; then finish what is in hand.

        Raises:
            EndpointError: the producer's endpoint is none, or it refuses us.
            InferenceError, RingError, WorkerError: it cannot go on.
        """
        self._requester.reopen()
        try:
            self._serve()
        except InferenceError as error:
            self._take_leave(str(error))
            raise

    def _serve(self) -> None:
        self._do(events.Tick())
        while self._wait_s is None:
            ready = self._poll()
            n_left = self._sender.n_left
            if n_left != self._n_left:
                n, self._n_left = n_left - self._n_left, n_left
                self._do(events.TasksLeft(n))
            if self._requester.socket in ready:
                if (reply := self._requester.take()) is not None:
                    self._arrived(*reply)
            elif (reply := self._requester.take_arrived()) is not None:
                self._arrived(*reply)
            elif ready:
                self._take_word(ready)
            else:
                self._do(events.Tick())
        self._finish(self._wait_s)

    def close(self) -> None:
        """End the process and the thread, whatever they do, and close every socket."""
        self._sender.finish(0.0)
        self._child.end()
        self._sender.join()
        self._child.close()
        self._ring.close()
        self._requester.close()
        self._context.term()
        os.close(self._bell)
        os.close(self._rope)

    # --- what happens ---------------------------------------------------------------------------------

    def _poll(self) -> dict:
        """Say what is readable, once something is, or something arrives, or the core's deadline comes."""
        if self._core.is_full:
            self._sender.wants_wake = True  # first, or a task could leave unnoticed between
            if self._sender.n_left != self._n_left:
                return dict(self._poller.poll(0))
        deadlines_ns = [ns for ns in (self._requester.arrives_ns, self._core.deadline_ns) if ns is not None]
        if not deadlines_ns:
            return dict(self._poller.poll())
        left_ns = min(deadlines_ns) - time.monotonic_ns()
        if 0 < left_ns < POLL_NS:
            time.sleep(left_ns * 1e-9)
        return dict(self._poller.poll(max(0, left_ns // POLL_NS)))

    def _arrived(self, received_ns: int, frames: list[zmq.Frame]) -> None:
        self._received_ns = received_ns
        try:
            reply, self._tasks = decode_work_reply([frame.buffer for frame in frames])
        except OtherProtocolError as error:
            raise WorkerError(str(error)) from None
        except ProtocolError as error:
            self._do(events.Malformed(f"the producer's answer is malformed: {error}"))
        else:
            self._do(events.Replied(reply, [header for header, _ in self._tasks]))
        self._tasks = ()

    def _take_word(self, ready: dict) -> None:
        """Of those who would stop us, of the producer's door, of inference, or of the sender."""
        self._requester.check()
        if self._stop.fileno() in ready:
            line = self._stop.take()
            if line is None:
                self._do(events.StopRequested())
            else:
                self._adjust(line)
        if self._child.reports.fileno() in ready:
            report = self._child.report()
            if isinstance(report, Ready):
                logger.info("models are ready: %s", report.weights)
                self._do(events.Prepared(report.number, report.weights))
            else:
                self._do(events.TaskFailed(report.failure))
        if self._bell in ready:
            os.read(self._bell, 1)
            if self._sender.failure:
                raise WorkerError(self._sender.failure)

    def _adjust(self, line: bytes) -> None:
        """Take device and link to be from now on as the supervisor says."""
        try:
            conditions = conditions_of(line)
        except ValueError as error:
            logger.warning("standard input: %s", error)
            return
        logger.info("from now on %s", conditions)
        self._child.tell(Slow(conditions.slowdown))
        self._down.mbit_s = self._up.mbit_s = conditions.mbit_s or self._mbit_s

    def _ring_bell(self) -> None:
        os.write(self._rope, b"\0")

    # --- what is to be done -----------------------------------------------------------------------------

    def _do(self, event: events.Event) -> None:
        now_ns = time.monotonic_ns()
        for command in self._core.handle(event, now_ns, self._child.activity(now_ns)):
            self._perform(command)

    def _perform(self, command: events.Command) -> None:
        match command:
            case events.Request(message):
                self._requester.send(message)
            case events.Accept():
                self._accept()
            case events.Load(prepare):
                self._child.tell(prepare)
            case events.Bind(epoch, grade):
                self._child.bind(epoch, grade)
            case events.Adopt(results, frame_bytes):
                self._sender.endpoint = results
                for attach in self._ring.provide(frame_bytes):
                    self._child.tell(attach)
            case events.Reopen():
                self._requester.reopen()
            case events.Stop(wait_s):
                self._wait_s = wait_s
            case events.GiveUp(reason):
                raise InferenceError(reason)
            case events.Fail(reason):
                raise WorkerError(reason)
            case _:
                assert_never(command)

    def _accept(self) -> None:
        for header, buffer in self._tasks:
            slot, attach = self._ring.fill(buffer)
            if attach is not None:
                self._child.tell(attach)
            self._child.tell(Job(slot, self._received_ns, self._core.offset_ns, self._core.name, header))

    def _take_leave(self, reason: str) -> None:
        """Inference is of no use any more: what it has done still leaves, the rest goes back at once."""
        activity = self._child.activity(time.monotonic_ns())
        self._child.kill()
        self._sender.finish(SEND_S)
        self._sender.join(SEND_S)
        message = self._core.leave(reason, self._sender.n_left - self._n_left, activity)
        if message is not None:
            self._requester.say_goodbye(message)

    def _finish(self, wait_s: float) -> None:
        self._child.finish()
        self._sender.finish(SEND_S)
        if not self._sender.join(wait_s):
            logger.warning("what is in hand takes more than %g s and is given up", wait_s)


def default_name(host: str, identity: str) -> str:
    """Return the host's, with something that tells its workers apart, also in containers of one name."""
    mark = f"-{identity[:MARK_CHARACTERS]}"
    return host[: LABEL_CHARACTERS - len(mark)] + mark


def main(argv: Sequence[str]) -> int:
    """Run the worker; returns the exit code."""
    options = parse_options(WorkerOptions, "python -m pipeline worker", argv)
    identity = secrets.token_hex(8)
    name = options.name or default_name(socket.gethostname(), identity)
    options = dataclasses.replace(options, name=name)
    try:
        with (
            StopSwitch(options.supervised, hears_lines=True) as stop,
            closing(WorkerShell(options, identity, stop)) as shell,
        ):
            shell.run()
    except (EndpointError, InferenceError, RingError, WorkerError) as error:
        print(f"worker {name}: {error}", file=sys.stderr)
        return 1
    return 0
