"""How a program learns that it must stop: Ctrl-C, SIGTERM, or its supervisor's end."""

import os
import signal
import sys
import threading
from typing import Self


class StopSwitch:
    """A file descriptor that becomes readable once per wish to stop; poll it beside the sockets.

    Made in the main thread.

    Args:
        supervised: whether the end of standard input is such a wish, too.
    """

    def __init__(self, supervised: bool) -> None:
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

    def flip(self) -> None:
        """Wish to stop, from any thread."""
        os.write(self._write, b"\0")

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
        while os.read(sys.stdin.fileno(), 1024):
            pass
        self.flip()


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
