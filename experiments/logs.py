"""Where log lines go while something runs."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

LOG_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"


@contextlib.contextmanager
def logging_to(path: Path, console: Console) -> Iterator[None]:
    """Meanwhile, everything from INFO goes to a file, what deserves attention to the console too."""
    file = logging.FileHandler(path)
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
