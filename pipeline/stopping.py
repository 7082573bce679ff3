"""How a program learns that it must stop: Ctrl-C, SIGTERM, or its supervisor's end; and what that says."""

import os
import signal
import sys
import threading
from collections import deque
from typing import Self

LONGEST_LINE = 4096  # bytes; what has no end by then is no line


class StopSwitch:
    """A file descriptor that becomes readable once per wish to stop; poll it beside the sockets.

    Made in the main thread.

    Args:
        supervised: whether the end of standard input is such a wish, too.
        hears_lines: whether it becomes readable for each line of standard input, too: then use `take`.
    """

    def __init__(self, supervised: bool, hears_lines: bool = False) -> None:
        self._hears_lines = hears_lines
        self._lines: deque[bytes] = deque()
        self._read, self._write = os.pipe()
        self._handlers = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        if supervised:
            threading.Thread(target=self._watch_input, name="supervision", daemon=True).start()

    def fileno(self) -> int:
        """For a poller."""
        return self._read

    def clear(self) -> None:
        """Take one wish; call only when it is readable."""
        os.read(self._read, 1)

    def take(self) -> bytes | None:
        """Take a line of standard input, or one wish to stop: None; call only when it is readable."""
        return self._lines.popleft() if os.read(self._read, 1) == _LINE else None

    def flip(self) -> None:
        """Wish to stop, from any thread."""
        os.write(self._write, _STOP)

    def close(self) -> None:
        """Give the signals back. The pipe stays: the watching thread may still write to it."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _on_signal(self, number: int, frame: object) -> None:
        self.flip()

    def _watch_input(self) -> None:
        rest = b""
        while heard := os.read(sys.stdin.fileno(), 1024):
            *lines, rest = (rest + heard).split(b"\n")
            rest = rest[-LONGEST_LINE:]
            for line in lines if self._hears_lines else ():
                self._lines.append(line)
                os.write(self._write, _LINE)
        self.flip()


_STOP, _LINE = b"\0", b"\n"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
