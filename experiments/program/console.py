"""What programs print: figures and lists in words, lines, tables, a bar for what goes on for long."""

import copy
import logging
import math
import time
from collections.abc import Iterable, Sequence
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from envs.spec import ElasticitySpec, Knob

logger = logging.getLogger(__name__)

LINE_EVERY_S = 30.0
ROOMY = 10_000  # characters, for whatever a table has
BLOCKS = "▁▂▃▄▅▆▇█"
NAMED = 5  # of what is listed; more are counted


# --- words ---


def figure(value: float | None, digits: int = 3) -> str:
    """A number with about `digits` significant digits; an en dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    if 0 < abs(value) < 0.1:
        return f"{value:.{digits - 1}g}"
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(0, digits - whole)}f}"


def counted(n: int, what: str) -> str:
    """ "1 worker", "2 workers"."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def listed(names: Sequence[str]) -> str:
    """Return "a, b and 3 others"."""
    if len(names) <= NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {counted(len(names) - NAMED, 'other')}"


def level_text(knob: Knob, level: int) -> str:
    """What a level stands for, with its unit: "20 /s", "360 px", "n"."""
    value = knob.levels[level]
    shown = value if isinstance(value, str) else f"{value:g}"
    return f"{shown} {knob.unit.removeprefix('1')}".strip()


def setting_text(spec: ElasticitySpec, levels: Sequence[int]) -> str:
    """Every knob's level: "20 /s · 360 px · n"."""
    return " · ".join(level_text(knob, level) for knob, level in zip(spec.knobs, levels, strict=True))


def block(value: float, top: float) -> str:
    """Return a block that is full at `top` and above; a space where there is no value."""
    if math.isnan(value):
        return " "
    share = min(max(value / top, 0.0), 1.0)
    return BLOCKS[min(int(share * len(BLOCKS)), len(BLOCKS) - 1)]


# --- lines and tables ---


def say(console: Console, text: object, style: str | None = None) -> None:
    """Print a line as it is: paths are not wrapped, brackets mean nothing, numbers have no colour."""
    console.print(str(text), style=style, markup=False, highlight=False, soft_wrap=True)


class Fitting(Table):
    """A table that leaves out its last columns where not all have room: a figure cut short is another one."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Called by Rich."""
        shown = copy.copy(self)
        shown.columns = [*self.columns]
        room = options.update(max_width=ROOMY)
        while len(shown.columns) > 1 and shown.__rich_measure__(console, room).maximum > options.max_width:
            shown.columns.pop()
        return Table.__rich_console__(shown, console, options)


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


# --- what goes on for long ---


class ProgressView:
    """Shows how far some work is: a bar in a terminal, a line now and then elsewhere; a context manager.

    `live` says whether to draw a bar, None = where the console is a terminal; `title`, what is done; `n` of
    `noun`, in the plural, are its parts in all, None = not known yet.
    """

    def __init__(self, console: Console, live: bool | None, title: str, n: int | None, noun: str) -> None:
        self._console, self._title, self._n, self._noun = console, title, n, noun
        self._is_live = console.is_terminal if live is None else live
        columns = (title, BarColumn(), MofNCompleteColumn(), noun, TimeElapsedColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, "{task.fields[last]}", console=console)
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
