"""The worker as processes and threads: the requesting loop, beside it the sender and inference.

Requesting never waits for the other two: it copies a task's frame into shared memory and asks for the
next one. When to do what is the core's to say.
"""

import dataclasses
import logging
import math
import os
import socket
import sys
import time
from collections.abc import Sequence
from typing import Self, assert_never

import zmq

from pipeline.cli import parse_options
from pipeline.conditions import conditions_of
from pipeline.messages import Buffer, ProtocolError, TaskHeader, decode_work_reply, encode
from pipeline.options import WorkerOptions
from pipeline.sockets import NOBLOCK, EndpointError, connect, open_socket, receive
from pipeline.stopping import StopSwitch
from pipeline.worker.child import InferenceError, InferenceProcess
from pipeline.worker.core import WorkerConfig, WorkerCore
from pipeline.worker.events import (
    Accept,
    Adopt,
    Command,
    Event,
    Fail,
    Load,
    Malformed,
    Prepared,
    Reopen,
    Replied,
    Request,
    Stop,
    StopRequested,
    TasksLeft,
    Tick,
)
from pipeline.worker.jobs import Job, Slow
from pipeline.worker.link import Link
from pipeline.worker.ring import RingError, SlotRing
from pipeline.worker.sender import Sender

logger = logging.getLogger(__name__)

MAX_BATCH = 64  # the Work-API's
HOST_CHARACTERS = 16  # of the default name, which every result carries
SEND_S = 1.0  # for results that no collector takes, once the worker is to stop


class WorkerError(Exception):
    """The worker cannot go on; the text says why."""


class WorkerShell:
    """Does what the core says, on real sockets, with a real process; a context manager.

    Raises:
        EndpointError: the producer's endpoint is none.
    """

    def __init__(self, options: WorkerOptions, stop: StopSwitch) -> None:
        n_slots = options.prefetch + 1
        self._core = WorkerCore(WorkerConfig(options.name, n_slots, options.batch, dict(options.weights)))
        self._producer = options.producer
        self._stop = stop
        self._ring = SlotRing(n_slots)
        self._child = InferenceProcess(options)
        self._mbit_s = options.link_mbit_s
        self._down = Link(options.link_delay_ms, options.link_mbit_s)
        self._up = Link(options.link_delay_ms, options.link_mbit_s)
        self._context = zmq.Context()
        self._bell, self._rope = os.pipe()  # pulled by the sender, it wakes the loop
        self._sender = Sender(self._context, self._child.results, self._ring, self._ring_bell, self._up)
        self._request: zmq.Socket | None = None
        self._poller = zmq.Poller()
        for file in (self._child.reports.fileno(), stop.fileno(), self._bell):
            self._poller.register(file, zmq.POLLIN)
        self._n_left = 0  # tasks whose leaving the core was told of
        self._tasks: Sequence[tuple[TaskHeader, Buffer]] = ()  # of the reply that is being handled
        self._received_ns = 0
        self._on_link: tuple[int, list[zmq.Frame]] | None = None  # (arrival, reply) on an emulated link
        self._wait_s: float | None = None  # once it is to stop: for what is in hand

    def run(self) -> None:
        """Work until END, or until it must stop; then finish what is in hand.

        Raises:
            EndpointError: the producer's endpoint is none.
            InferenceError, RingError, WorkerError: it cannot go on.
        """
        self._reopen()
        self._do(Tick())
        while self._wait_s is None:
            ready = self._poll()
            n_left = self._sender.n_left
            if n_left != self._n_left:
                n, self._n_left = n_left - self._n_left, n_left
                self._do(TasksLeft(n))
            if self._request in ready:
                self._take_reply()
            elif self._on_link is not None and time.monotonic_ns() >= self._on_link[0]:
                self._arrived(*self._on_link)
            elif ready:
                self._take_word(ready)
            else:
                self._do(Tick())
        self._finish(self._wait_s)

    def close(self) -> None:
        """End the process and the thread, whatever they do, and close every socket."""
        self._sender.finish(0.0)
        self._child.end()
        self._sender.join()
        self._child.close()
        self._ring.close()
        if self._request is not None:
            self._request.close(linger=0)
        self._context.term()
        os.close(self._bell)
        os.close(self._rope)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what happens ---------------------------------------------------------------------------------

    def _poll(self) -> dict:
        """What is readable, once something is, or the core's deadline has come."""
        deadlines_ns = [self._on_link[0]] if self._on_link is not None else []
        if self._core.deadline_ns is not None:
            deadlines_ns.append(self._core.deadline_ns)
        wait_ms = None
        if deadlines_ns:
            wait_ms = max(0, -((time.monotonic_ns() - min(deadlines_ns)) // 1_000_000))
        if self._core.is_full:
            self._sender.wants_wake = True  # first, or a task could leave unnoticed between
            if self._sender.n_left != self._n_left:
                wait_ms = 0
        return dict(self._poller.poll(wait_ms))

    def _take_reply(self) -> None:
        """What came off the socket; frames take their time on an emulated link."""
        assert self._request is not None, "it was polled"
        frames, now_ns = receive(self._request), time.monotonic_ns()
        if self._down.is_ideal or len(frames) == 1:
            self._arrived(now_ns, frames)
        else:
            self._on_link = self._down.arrival_ns(sum(map(len, frames)), now_ns), frames

    def _arrived(self, received_ns: int, frames: list[zmq.Frame]) -> None:
        self._on_link, self._received_ns = None, received_ns
        try:
            reply, self._tasks = decode_work_reply([frame.buffer for frame in frames])
        except ProtocolError as error:
            self._do(Malformed(f"the producer's answer is malformed: {error}"))
        else:
            self._do(Replied(reply, [header for header, _ in self._tasks]))
        self._tasks = ()

    def _take_word(self, ready: dict) -> None:
        """Of those who would stop us, of inference, or of the sender."""
        if self._stop.fileno() in ready:
            line = self._stop.take()
            if line is None:
                self._do(StopRequested())
            else:
                self._adjust(line)
        if self._child.reports.fileno() in ready:
            report = self._child.report()
            logger.info("models are ready: %s", report.weights)
            self._do(Prepared(report.number, report.weights))
        if self._bell in ready:
            os.read(self._bell, 1)
            if self._sender.failure:
                raise WorkerError(self._sender.failure)

    def _adjust(self, line: bytes) -> None:
        """The supervisor says how device and link are from now on."""
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

    def _do(self, event: Event) -> None:
        now_ns = time.monotonic_ns()
        for command in self._core.handle(event, now_ns, self._child.activity(now_ns)):
            self._perform(command)

    def _perform(self, command: Command) -> None:
        match command:
            case Request(message):
                assert self._request is not None, "opened before the first event"
                self._request.send(encode(message), NOBLOCK)
            case Accept():
                self._accept()
            case Load(prepare):
                self._child.tell(prepare)
            case Adopt(results, frame_bytes):
                self._sender.endpoint = results
                for attach in self._ring.provide(frame_bytes):
                    self._child.tell(attach)
            case Reopen():
                self._reopen()
            case Stop(wait_s):
                self._wait_s = wait_s
            case Fail(reason):
                raise WorkerError(reason)
            case _:
                assert_never(command)

    def _accept(self) -> None:
        for header, buffer in self._tasks:
            slot, attach = self._ring.fill(buffer)
            if attach is not None:
                self._child.tell(attach)
            self._child.tell(Job(slot, self._received_ns, self._core.offset_ns, header))

    def _reopen(self) -> None:
        self._on_link = None
        if self._request is not None:
            self._poller.unregister(self._request)
            self._request.close(linger=0)
        self._request = open_socket(self._context, zmq.REQ)
        connect(self._request, self._producer)
        self._poller.register(self._request, zmq.POLLIN)

    def _finish(self, wait_s: float) -> None:
        self._child.finish()
        self._sender.finish(SEND_S)
        if not self._sender.join(wait_s):
            logger.warning("what is in hand takes more than %g s and is given up", wait_s)


def problem_with(options: WorkerOptions) -> str:
    """What is wrong with them; "" if nothing."""
    if not 0 < options.capacity <= 1:
        return f"--capacity must be in (0, 1], got {options.capacity}"
    if options.prefetch < 1:
        return f"--prefetch must be >= 1, got {options.prefetch}"
    if not 1 <= options.batch <= MAX_BATCH:
        return f"--batch must be in 1..{MAX_BATCH}, got {options.batch}"
    if options.threads < 1:
        return f"--threads must be >= 1, got {options.threads}"
    for name in ("handling_ms", "load_ms", "new_shape_ms", "link_delay_ms"):
        if not 0 <= getattr(options, name) < math.inf:
            flag = "--" + name.replace("_", "-")
            return f"{flag} must be a finite number >= 0, got {getattr(options, name)}"
    if not options.link_mbit_s > 0:
        return f"--link-mbit-s must be > 0, got {options.link_mbit_s}"
    return ""


def main(argv: Sequence[str]) -> int:
    """Run the worker; returns the exit code."""
    options = parse_options(WorkerOptions, "python -m pipeline worker", argv)
    name = options.name or f"{socket.gethostname()[:HOST_CHARACTERS]}-{os.getpid()}"
    options = dataclasses.replace(options, name=name)
    problem = problem_with(options)
    if problem:
        print(f"worker: {problem}", file=sys.stderr)
        return 2
    try:
        with StopSwitch(options.supervised, hears_lines=True) as stop, WorkerShell(options, stop) as shell:
            shell.run()
    except (EndpointError, InferenceError, RingError, WorkerError) as error:
        print(f"worker {name}: {error}", file=sys.stderr)
        return 1
    return 0
