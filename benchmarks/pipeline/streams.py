"""A turn of something that moves frames: what it delivers, and the processor time of all its processes."""

import time
from collections.abc import Collection
from typing import Protocol

import psutil

from benchmarks.turns import BenchmarkError, Turn

FIRST_FRAME_S = 60.0  # models are loaded and actors started within it, on a busy machine too
POLL_S = 0.05


class Stream(Protocol):
    """Something that moves frames, paused until its turn comes."""

    name: str

    def resume(self) -> None:
        """Let frames flow."""
        ...

    def pause(self) -> None:
        """Stop the flow; hardly any processor time is used until `resume`."""
        ...

    def progress(self) -> tuple[int, int]:
        """(frames delivered so far, monotonic time in ns at which that was so).

        Raises:
            BenchmarkError: it has failed.
        """
        ...

    def pids(self) -> Collection[int]:
        """Processes whose time, and whose descendants' time, counts as this contender's."""
        ...


def take_turn(stream: Stream, warm_up_s: float, seconds: float) -> Turn:
    """Let a stream run, and count what it delivers in `seconds` after `warm_up_s` of flow.

    A turn in which nothing was delivered goes on until something is: one frame held up holds up those behind.

    Raises:
        BenchmarkError: it fails, or delivers nothing for long.
    """
    try:
        stream.resume()
        _await_frame_beyond(stream.progress()[0], stream)
        time.sleep(warm_up_s)
        cpu_before_s = cpu_times_s(stream.pids())
        frames_before, began_ns = stream.progress()
        time.sleep(seconds)
        frames_after, ended_ns = _await_frame_beyond(frames_before, stream)
        cpu_after_s = cpu_times_s(stream.pids())
    finally:
        stream.pause()
    cpu_s = sum(spent - cpu_before_s.get(pid, 0.0) for pid, spent in cpu_after_s.items())
    return Turn(frames_after - frames_before, (ended_ns - began_ns) / 1e9, cpu_s)


def _await_frame_beyond(frames_before: int, stream: Stream) -> tuple[int, int]:
    """The stream's progress as soon as it has delivered more than `frames_before`."""
    give_up_s = time.monotonic() + FIRST_FRAME_S
    while (progress := stream.progress())[0] <= frames_before:
        if time.monotonic() > give_up_s:
            raise BenchmarkError(f"{stream.name} delivered no frame within {FIRST_FRAME_S:g} s")
        time.sleep(POLL_S)
    return progress


def cpu_times_s(roots: Collection[int]) -> dict[int, float]:
    """User plus system time by process id, of the given processes and all their descendants."""
    times = {}
    for root in roots:
        try:
            tree = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        for process in tree:
            try:
                spent = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            times[process.pid] = spent.user + spent.system
    return times
