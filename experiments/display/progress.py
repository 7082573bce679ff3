"""What many runs show while they go on: a progress bar in a terminal, a line now and then elsewhere."""

import logging
import time
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

logger = logging.getLogger(__name__)

LINE_EVERY_S = 30.0


class ProgressView:
    """A context manager around some of them.

    Args:
        console: where to.
        live: whether to draw a bar; None = where the console is a terminal.
        title: what is played.
        n: in all.
        noun: what they are, in the plural.
    """

    def __init__(self, console: Console, live: bool | None, title: str, n: int, noun: str) -> None:
        self._console, self._title, self._n, self._noun = console, title, n, noun
        self._is_live = console.is_terminal if live is None else live
        self._bar = Progress(
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(noun),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[last]}"),
            console=console,
        )
        self._task = self._bar.add_task(noun, total=n, last="")
        self._n_done, self._said_s = 0, time.monotonic()
        self._said, self._shown = "", set[str]()  # what is being done; errors

    def __enter__(self) -> Self:
        if self._is_live:
            self._bar.start()
        else:
            self._line(f"{self._title}: {self._n} {self._noun}")
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Show what is being done."""
        logger.info("%s", text)
        self._said = text
        self._bar.update(self._task, last=text)

    def done(self, title: str = "", error: str = "") -> None:
        """One has ended, by default what was said; `error` is "" or what ended it, which is shown once."""
        title = title or self._said
        self._n_done += 1
        self._bar.update(self._task, completed=self._n_done, last=title)
        if error and error not in self._shown:
            self._shown.add(error)
            self._line(f"failed: {title}: {error}")
        elif not self._is_live and time.monotonic() - self._said_s >= LINE_EVERY_S:
            self._said_s = time.monotonic()
            self._line(f"{self._n_done:>6} of {self._n} {self._noun}, the last {title}")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
