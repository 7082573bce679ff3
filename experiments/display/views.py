"""A run in a terminal: a line per step, or a picture drawn over itself; and all of it when it is over."""

import math
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Self

import pandas as pd
from rich.console import Console, RenderableType
from rich.console import Group as Stacked
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from envs.spec import ElasticitySpec
from envs.video import GRADE
from experiments.display.lines import Group, Line, TimedEvent, lines_of
from experiments.program.console import counted, figure, plain_table, say, setting_text
from experiments.runs.episode import Observer, Step
from experiments.runs.summary import Values, stream_time_s
from experiments.runs.trace import trace_of
from pipeline.slos import SloState

HISTORY = 60  # steps in the live picture
LEAST = 8  # cells of a line over time, however narrow the terminal is
GAP = 2  # between columns
FRAME = (4, 9)  # cells of a line, and lines, that the live picture takes for all but its lines
MOST_EVENTS = 8  # that are listed; a pattern has one per interval
REFRESH_PER_S = 4
BROKEN = "red"
COLOURS = {  # of blocks, by what a line is of
    Group.KNOB: "cyan",
    Group.SLO: "green",
    Group.WORTH: "blue",
    Group.LOAD: "bright_black",
    Group.AGENT: "bright_black",
}


class View(Observer):
    """Shows a run, as a context manager around all of it; this one shows nothing."""

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the terminal as it was found."""

    def say(self, text: str) -> None:
        """Tell what is going on before the first step: programs start, models load."""


class PlainView(View):
    """Prints one line per event, for logs and pipes."""

    def __init__(self, console: Console, title: str, spec: ElasticitySpec, n_steps: int) -> None:
        self._console, self._title, self._spec, self._n_steps = console, title, spec, n_steps

    def __enter__(self) -> Self:
        self.say(self._title)
        return self

    def say(self, text: str) -> None:
        """Print a line."""
        say(self._console, text)

    def step(self, step: Step) -> None:
        """Print a line per step."""
        self.say(f"step {step.index + 1:>3}/{self._n_steps}  {step_line(step, self._spec)}")


def step_line(step: Step, spec: ElasticitySpec) -> str:
    """A step in one line: setting, QoE, the figures that explain it, which SLOs are broken."""
    info, metrics = step.info, step.info["metrics"]
    broken = [name for name, state in info["slos"].items() if state == SloState.CRITICAL]
    unknown = [name for name, is_known in info["known"].items() if not is_known]
    verdict = f"not measured: {', '.join(unknown)}" if unknown else "all SLOs hold"
    delivered = metrics.get("delivered")
    parts = [
        f"{setting_text(spec, step.action):<20}",
        f"QoE {info['qoe']:.2f}",
        f"reward {step.reward:+.2f}",
        f"offered {figure(metrics.get('offered_fps')):>4}/s",
        f"delivered {figure(delivered / info['interval_s'] if delivered is not None else None):>4}/s",
        f"p95 {figure(metrics.get('latency_p95_ms'))} ms",
        f"queue {figure(metrics.get('queue_size'), 1)}",
        f"decided in {step.decision_ms:.1f} ms",
        f"broken: {', '.join(broken)}" if broken else verdict,
    ]
    if info["deaths"]:
        parts.append(f"{info['deaths']} died, {info['restarts']} started again")
    return "  ".join(parts)


class LiveView(View):
    """Draws over itself while the run goes on, and leaves the last picture standing.

    Steps that follow each other faster than anybody can see are not drawn: a simulated run waits for nobody.
    """

    def __init__(self, console: Console, title: str, spec: ElasticitySpec, n_steps: int) -> None:
        self._title, self._spec, self._drawn_s = title, spec, -math.inf
        self._progress = Progress(
            TextColumn("step"), MofNCompleteColumn(), BarColumn(bar_width=None), TimeRemainingColumn()
        )
        self._task = self._progress.add_task("step", total=n_steps)
        self._history: deque[Step] = deque(maxlen=HISTORY)
        self._live = Live(
            Spinner("dots", title), console=console, refresh_per_second=REFRESH_PER_S, transient=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._history:
            self._live.update(self._picture())
        self._live.stop()

    def say(self, text: str) -> None:
        """Beside a spinner, until the first step."""
        self._live.update(Spinner("dots", f"{self._title}\n  {text}"), refresh=True)

    def step(self, step: Step) -> None:
        """Draw the interval that has just ended, unless one was drawn just now."""
        self._history.append(step)
        now_s = monotonic()
        if now_s - self._drawn_s >= 1 / REFRESH_PER_S:
            self._drawn_s = now_s
            self._live.update(self._picture())

    def _picture(self) -> RenderableType:
        self._progress.update(self._task, completed=self._history[-1].index + 1)
        return picture(self._title, self._spec, list(self._history), self._progress, self._live.console.size)


def choose_view(live: bool | None, console: Console, title: str, spec: ElasticitySpec, n_steps: int) -> View:
    """Return the live picture where there is a terminal, unless the user says otherwise."""
    wanted = console.is_terminal if live is None else live
    return (LiveView if wanted else PlainView)(console, title, spec, n_steps)


def picture(
    title: str, spec: ElasticitySpec, history: Sequence[Step], progress: RenderableType, size: tuple[int, int]
) -> RenderableType:
    """All of it, from the last steps (at least one), in a terminal of that width and height."""
    grades = [str(level) for knob in spec.knobs if knob.name == GRADE for level in knob.levels]
    width, height = (max(LEAST, own - frame) for own, frame in zip(size, FRAME, strict=True))
    lines = [*lines_of(trace_of(history, spec), grades)][:height]  # an agent may have more figures than room
    heading = f"the last {counted(len(history), 'step')}"
    over_time = table_of(lines, heading, width, [line.now for line in lines])
    body = Stacked(over_time, Text(), Text(step_line(history[-1], spec)), Text(), progress)
    return Panel(body, title=title, title_align="left", expand=False)


# --- lines over time ---


def trace_view(
    trace: pd.DataFrame, grades: Sequence[str], events: Sequence[TimedEvent], width: int
) -> RenderableType:
    """Return all of a trace of one step at least, from left to right as time goes; red = an SLO was broken.

    `grades` are the detector's; events after its end are left out; a cell of the terminal's `width` is one
    interval, or the mean of several.
    """
    ends_s, lines = stream_time_s(trace), [*lines_of(trace, grades)]
    over_time = table_of(lines, f"0 to {ends_s[-1]:.0f} s", width, [line.said for line in lines])
    return Stacked(over_time, Text("\n".join(sentences(events, ends_s))))


def table_of(lines: Sequence[Line], heading: str, width: int, words: Sequence[str]) -> Table:
    """Return a row per line: its title, a word on it and, under a heading, its blocks; in `width` cells."""
    texts = [(line.title, word) for line, word in zip(lines, words, strict=True)]
    beside = sum(max(map(len, column)) + GAP for column in zip(*texts, strict=True))
    table = plain_table(["", "", heading], n_left=3)
    for line, text in zip(lines, texts, strict=True):
        blocks = line.blocks(max(LEAST, width - beside))
        drawn = ((block, BROKEN if bad else COLOURS[line.group]) for block, bad in blocks)
        table.add_row(*text, Text.assemble(*drawn))
    return table


def sentences(events: Sequence[TimedEvent], ends_s: Values) -> list[str]:
    """Say when what happened, as its interval began."""
    began_s = [0.0, *ends_s[:-1]]
    found = [f"{began_s[step]:>6.0f} s  {text}" for step, text in events if step < len(ends_s)]
    n_left = len(found) - MOST_EVENTS
    return found if n_left <= 0 else [*found[:MOST_EVENTS], f"{'':10}and {counted(n_left, 'other event')}"]
