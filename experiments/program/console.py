"""What programs print: lines as they are, tables without lines, a bar or a line for what goes on for long."""

import copy
import logging
import time
from collections.abc import Iterable, Sequence
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

logger = logging.getLogger(__name__)

LINE_EVERY_S = 30.0
ROOMY = 10_000  # characters, for whatever a table has


def say(console: Console, text: object, style: str | None = None) -> None:
    """Print a line as it is: paths are not wrapped, brackets mean nothing, numbers have no colour."""
    console.print(str(text), style=style, markup=False, highlight=False, soft_wrap=True)


class Fitting(Table):
    """A table that leaves out its last columns where not all have room: a figure cut short is another one."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Called by Rich."""
        shown = copy.copy(self)
        shown.columns = [*self.columns]
        while len(shown.columns) > 1 and shown.full_width(console, options) > options.max_width:
            shown.columns.pop()
        return Table.__rich_console__(shown, console, options)

    def full_width(self, console: Console, options: ConsoleOptions) -> int:
        """Return how many characters it takes if nothing is cut."""
        return self.__rich_measure__(console, options.update(max_width=ROOMY)).maximum


def plain_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]] = (),
    title: str = "",
    n_left: int = 1,
    gap: int = 2,
) -> Table:
    """Make a table whose first columns are to the left, figures to the right, `gap` spaces between them.

    Headings that are all "" are not shown.
    """
    table = Fitting(title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.show_header = any(headings)
    table.padding = (0, gap, 0, 0)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < n_left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


class ProgressView:
    """Shows how far some work is: a bar in a terminal, a line now and then elsewhere; a context manager.

    Args:
        console: where to.
        live: whether to draw a bar; None = where the console is a terminal.
        title: what is done.
        n: parts of it in all; None = not known yet.
        noun: what they are, in the plural.
    """

    def __init__(self, console: Console, live: bool | None, title: str, n: int | None, noun: str) -> None:
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
            say(self._console, self._title if self._n is None else f"{self._title}: {self._n} {self._noun}")
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Show what is being done."""
        logger.info("%s", text)
        self._said = text
        self._bar.update(self._task, last=text)

    def done(self, title: str = "", error: str = "") -> None:
        """Count one that has ended, by default what was said; `error` "" or what ended it is shown once."""
        title = title or self._said
        self._n_done += 1
        self._bar.update(self._task, completed=self._n_done, last=title)
        if error and error not in self._shown:
            self._shown.add(error)
            say(self._console, f"failed: {title}: {error}")
        elif not self._is_live and time.monotonic() - self._said_s >= LINE_EVERY_S:
            self._said_s = time.monotonic()
            say(self._console, f"{self._n_done:>6} of {self._n} {self._noun}, the last {title}")

    def show(self, n_done: int, n: int, text: str, is_said: bool) -> None:
        """Show how far it is by now, and a word on it; where there is no bar, only if `is_said`."""
        self._bar.update(self._task, completed=n_done, total=n, last=text)
        if is_said and not self._is_live:
            say(self._console, f"{n_done:>6} of {n} {self._noun}, {text}")
