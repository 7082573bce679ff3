"""Where log lines go while something runs."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

LOG_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"


class LogFile(logging.FileHandler):
    """A file that may lack lines: a full disk ends nothing, and buries nothing in tracebacks."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)
        with contextlib.suppress(OSError):
            self.stream = self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, if that is possible."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say nothing of a line that could not be written."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        """Give up what is still unwritten."""
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def logging_to(path: Path, console: Console) -> Iterator[None]:
    """Meanwhile, everything from INFO goes to a file, what deserves attention to the console too."""
    file = LogFile(path)
    file.setFormatter(logging.Formatter(LOG_FORMAT))
    shown = RichHandler(console=console, level=logging.WARNING, show_path=False, show_time=False)
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.INFO)
    for handler in (file, shown):
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(before)
        for handler in (file, shown):
            root.removeHandler(handler)
            handler.close()
