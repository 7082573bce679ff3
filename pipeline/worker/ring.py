"""Frames between a worker's two processes: slots of shared memory, one copy, no pickling.

The reader unlinks a slot's name as soon as it has attached it, so that not even kill -9 leaks it; until
then multiprocessing's resource tracker, which both processes share, watches over it.
"""

import contextlib
import shutil
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.messages import Buffer
from pipeline.worker.jobs import Attach

FILE_SYSTEM = Path("/dev/shm")  # of shared memory, on Linux


class RingError(Exception):
    """There is no shared memory left; the text says how much is needed."""


class SlotRing:
    """The requester's side: it fills slots, the sender frees them (from its own thread).

    Args:
        n_slots: tasks that can be in hand at once, >= 1.
    """

    def __init__(self, n_slots: int) -> None:
        self._memory: list[SharedMemory | None] = [None] * n_slots
        self._made: list[SharedMemory] = []  # all, also those that were replaced
        self._free = list(range(n_slots))  # last freed, first used: its memory is still in the cache

    def provide(self, n_bytes: int) -> list[Attach]:
        """Give every free slot room for frames of n_bytes; returns what the reader must be told.

        Raises RingError: no memory.
        """
        return [self._renew(slot, n_bytes) for slot in list(self._free) if self._size(slot) < n_bytes]

    def fill(self, frame: Buffer) -> tuple[int, Attach | None]:
        """Copy a frame into a free slot.

        Returns:
            The slot, and what the reader must be told first if the slot was too small.

        Raises RingError: no memory.
        """
        slot, n_bytes = self._free.pop(), len(frame)
        attach = self._renew(slot, max(1, n_bytes)) if self._size(slot) < max(1, n_bytes) else None
        self.frame(slot, n_bytes)[:] = frame
        return slot, attach

    def frame(self, slot: int, n_bytes: int) -> memoryview:
        """Return the first n_bytes of a filled slot; drop it before the slot is freed."""
        memory = self._memory[slot]
        assert memory is not None, "it was filled"
        return _buffer(memory)[:n_bytes]

    def free(self, slot: int) -> None:
        """Free a slot whose task is done with; callable from another thread."""
        self._free.append(slot)

    def close(self) -> None:
        """Release all memory; idempotent. Call once the reader has ended."""
        for memory in self._made:
            memory.close()
            with contextlib.suppress(FileNotFoundError):  # the reader has unlinked it
                memory.unlink()
        self._made.clear()

    def _size(self, slot: int) -> int:
        memory = self._memory[slot]
        return 0 if memory is None else memory.size

    def _renew(self, slot: int, n_bytes: int) -> Attach:
        old, new = self._memory[slot], _create(n_bytes)
        if old is not None:
            old.close()  # and not unlinked: the reader may yet be about to attach it
        self._memory[slot] = new
        self._made.append(new)
        return Attach(slot, new.name)


class SlotReader:
    """The inference process's side."""

    def __init__(self) -> None:
        self._memory: dict[int, SharedMemory] = {}

    def attach(self, note: Attach) -> None:
        """Use new memory for a slot. No array of the old one may be alive."""
        if note.slot in self._memory:
            self._memory.pop(note.slot).close()
        memory = self._memory[note.slot] = SharedMemory(note.name)
        memory.unlink()

    def array(self, slot: int, dtype: str, shape: tuple[int, ...]) -> NDArray:
        """Return the slot's frame, not copied: valid until the slot is freed."""
        return np.ndarray(shape, dtype, _buffer(self._memory[slot]))

    def close(self) -> None:
        """Release all memory; idempotent."""
        for memory in self._memory.values():
            memory.close()
        self._memory.clear()


def _create(n_bytes: int) -> SharedMemory:
    """New memory whose pages are there: what is only promised kills the process that touches it (SIGBUS)."""
    if FILE_SYSTEM.is_dir():
        left_bytes = shutil.disk_usage(FILE_SYSTEM).free
        if left_bytes < n_bytes:
            raise RingError(
                f"a slot for one frame needs {n_bytes / 1e6:.1f} MB of shared memory, {FILE_SYSTEM} has"
                f" {left_bytes / 1e6:.1f} MB left: enlarge it (docker run --shm-size), or lower --prefetch"
            )
    memory = SharedMemory(create=True, size=n_bytes)
    _buffer(memory)[:] = bytes(memory.size)
    return memory


def _buffer(memory: SharedMemory) -> memoryview:
    assert memory.buf is not None, "only a closed memory has none"
    return memory.buf
