"""Spawned processes of a contender: started, watched, and gone afterwards whatever happens."""

import contextlib
import multiprocessing
import multiprocessing.connection
import multiprocessing.process
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing import resource_tracker
from typing import Any, Self

import psutil

from benchmarks.turns import BenchmarkError

GATE_POLL_S = 0.01
CALL_S = 60.0
CLOSE_S = 3.0

spawning = multiprocessing.get_context("spawn")  # fork after a ZeroMQ context or torch deadlocks


class Gate:
    """Shared by a contender's processes: whether frames may flow, and how many were delivered.

    Only one process may count. Neither field has a lock: one process writes each, and both fit a word.
    """

    def __init__(self) -> None:
        self._is_open = spawning.RawValue("b", 0)
        self._delivered = spawning.RawValue("Q", 0)

    def open(self) -> None:
        """Let frames flow."""
        self._is_open.value = 1

    def shut(self) -> None:
        """Hold frames back."""
        self._is_open.value = 0

    def wait(self) -> None:
        """Return once the gate is open."""
        while not self._is_open.value:
            time.sleep(GATE_POLL_S)

    def count(self) -> None:
        """One more frame was delivered."""
        self._delivered.value += 1

    @property
    def delivered(self) -> int:
        """Frames delivered so far."""
        return self._delivered.value


class Processes:
    """Child processes that end with this object, and with the process that owns it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._children: list[multiprocessing.process.BaseProcess] = []
        self._shared: list[Any] = []  # a queue that we forget is gone before a child has found it

    def start(self, target: Callable[..., None], *args: Any) -> None:
        """Run target(*args) in a process of its own; both must be importable or picklable."""
        child = spawning.Process(target=_run, args=(target, args), name=f"{self._name}.{target.__name__}")
        self._children.append(child)
        self._shared.append(args)
        resource_tracker.ensure_running()  # starting it would unblock the signal again
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the child inherits that:
        try:  # Ctrl-C reaches the whole terminal, but only we may act on it
            child.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def call(self, target: Callable[..., Any], *args: Any, within_s: float = CALL_S) -> Any:
        """Return what target(*args) returns in a process of its own.

        Raises:
            BenchmarkError: it fails, which it has said on standard error, or takes too long.
        """
        ours, theirs = spawning.Pipe(duplex=False)
        with ours, theirs:
            self.start(_answer, theirs, target, *args)
            child = self._children[-1]
            if not multiprocessing.connection.wait([ours, child.sentinel], within_s):
                raise BenchmarkError(f"{self._name}.{target.__name__} took longer than {within_s:g} s")
            if not ours.poll():
                child.join(CLOSE_S)
                raise BenchmarkError(f"{self._name}.{target.__name__} ended with exit code {child.exitcode}")
            answer = ours.recv()
        child.join(CLOSE_S)
        self._children.remove(child)
        return answer

    def pids(self) -> list[int]:
        """Process ids of the children."""
        return [child.pid for child in self._children if child.pid is not None]

    def check(self) -> None:
        """Raise BenchmarkError if a child has ended; it has said why on standard error."""
        for child in self._children:
            if child.exitcode is not None:
                raise BenchmarkError(f"process {child.name} ended early, with exit code {child.exitcode}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the children and all their descendants; twice is harmless."""
        family = [process for pid in self.pids() for process in _family(pid)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()  # they hold nothing that would have to be put away first
        for child in self._children:
            if child.pid is not None:
                child.join(CLOSE_S)
        psutil.wait_procs(family, CLOSE_S)
        self._children.clear()
        self._shared.clear()


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _run(target: Callable[..., None], args: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_owner, daemon=True).start()
    target(*args)


def _answer(reply: multiprocessing.connection.Connection, target: Callable[..., Any], *args: Any) -> None:
    reply.send(target(*args))


def _end_with_owner() -> None:
    owner = multiprocessing.parent_process()
    assert owner is not None
    multiprocessing.connection.wait([owner.sentinel])
    os._exit(1)
