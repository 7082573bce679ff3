"""An emulated link: when what goes over it arrives."""

import fcntl
import math
from pathlib import Path
from typing import BinaryIO, Protocol

NS_PER_MS = 1e6
BIT_NS_PER_BYTE = 8e3  # ns for a byte at 1 Mbit/s
N_BYTES = 8  # of a time in a file


class Queue(Protocol):
    """What messages leave through, one after the other."""

    def left_ns(self, now_ns: int, takes_ns: int) -> int:
        """Say when one has left that is put there now and takes so long."""
        ...


class OwnQueue:
    """One that nobody else uses."""

    def __init__(self) -> None:
        self._free_ns = 0  # when everything so far has left

    def left_ns(self, now_ns: int, takes_ns: int) -> int:
        """Say when a message has left that is put there now and takes so long."""
        self._free_ns = max(now_ns, self._free_ns) + takes_ns
        return self._free_ns


class SharedQueue:
    """One that links of several processes on this host share; when it is free stands in a file.

    Args:
        path: of the file, in a directory that is there; it is made, and belongs to whoever named it.
        place: which of the file's queues, >= 0.
    """

    def __init__(self, path: Path, place: int) -> None:
        self._path = path
        self._start = place * N_BYTES
        self._file: BinaryIO | None = None  # once it is needed

    def left_ns(self, now_ns: int, takes_ns: int) -> int:
        """Say when a message has left that is put there now and takes so long."""
        if self._file is None:
            self._path.touch()
            self._file = self._path.open("r+b", buffering=0)
        fcntl.lockf(self._file, fcntl.LOCK_EX, N_BYTES, self._start)
        self._file.seek(self._start)
        free_ns = max(now_ns, int.from_bytes(self._file.read(N_BYTES), "little")) + takes_ns
        self._file.seek(self._start)
        self._file.write(free_ns.to_bytes(N_BYTES, "little"))
        fcntl.lockf(self._file, fcntl.LOCK_UN, N_BYTES, self._start)
        return free_ns


class Link:
    """One direction of a link: messages leave one after the other, and travel side by side.

    Args:
        delay_ms: one way, >= 0.
        mbit_s: > 0; infinite = a message takes no time beyond the delay.
        queue: what its messages leave through.

    Attributes:
        delay_ns: one way, for an empty message.
        mbit_s: at present; may be set from another thread, and holds for the messages that follow.
    """

    def __init__(self, delay_ms: float = 0.0, mbit_s: float = math.inf, queue: Queue | None = None) -> None:
        self.mbit_s = mbit_s
        self.delay_ns = round(delay_ms * NS_PER_MS)
        self._queue = queue or OwnQueue()

    @property
    def is_ideal(self) -> bool:
        """Tell whether everything arrives at once."""
        return self.delay_ns == 0 and math.isinf(self.mbit_s)

    def arrival_ns(self, n_bytes: int, now_ns: int) -> int:
        """Say when a message of n_bytes that is put on the link now is there; an empty one waits for none."""
        takes_ns = int(n_bytes * BIT_NS_PER_BYTE / self.mbit_s + 0.5)
        return (self._queue.left_ns(now_ns, takes_ns) if takes_ns else now_ns) + self.delay_ns


def both_ways(delay_ms: float, mbit_s: float, medium: str) -> tuple[Link, Link]:
    """A link's two directions, there and back; they share with all of this medium (a file), "" = nothing."""
    if not medium:
        return Link(delay_ms, mbit_s), Link(delay_ms, mbit_s)
    down, up = (Link(delay_ms, mbit_s, SharedQueue(Path(medium), place)) for place in (0, 1))
    return down, up
