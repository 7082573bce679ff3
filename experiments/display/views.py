"""What a run shows while it goes on: a line per step, or a picture that is drawn over itself."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Self

import gymnasium as gym
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from envs.spec import ElasticitySpec, Quality
from experiments.program.console import plain_table, say
from experiments.program.formatting import counted, figure, level_text, setting_text, sparkline, state_name
from experiments.runs.episode import Observer, Step
from pipeline.slos import SloState

HISTORY = 40  # steps in a sparkline, where the terminal is wide enough
SHORTEST = 8
BESIDE_HISTORY = 78  # cells that the widest row, an SLO's, takes beside its history
BAR = 24  # cells of a ratio's bar
BAR_TOP = 1.5  # ratio at the bar's right end; the threshold, 1, stands at two thirds
N_OWN_FIGURES = 14  # of the agent's explanation
REFRESH_PER_S = 4
STYLES = {SloState.OK: "green", SloState.WARNING: "yellow", SloState.CRITICAL: "bold red"}


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
        self.say(step_line(step, self._spec, self._n_steps))


def delivered_per_s(step: Step) -> float | None:
    """Frames/s delivered in time, of all streams; None if there was no interval or no count."""
    interval_s = step.info["interval_s"]
    delivered = step.info["metrics"].get("delivered")
    return delivered / interval_s if interval_s and delivered is not None else None


def step_line(step: Step, spec: ElasticitySpec, n_steps: int) -> str:
    """A step in one line: setting, QoE, what is broken, the figures that explain it."""
    info, metrics = step.info, step.info["metrics"]
    parts = [
        f"step {step.index + 1:>3}/{n_steps}",
        f"{setting_text(spec, step.action):<20}",
        f"QoE {info['qoe']:.2f}",
        f"reward {step.reward:+.2f}",
        f"offered {figure(metrics.get('offered_fps')):>4}/s",
        f"delivered {figure(delivered_per_s(step)):>4}/s",
        f"p95 {figure(metrics.get('latency_p95_ms'))} ms",
        f"queue {figure(metrics.get('queue_size'), 1)}",
        f"decided in {step.decision_ms:.1f} ms",
        verdict_text(info),
        *filter(None, [deaths_text(info)]),
    ]
    return "  ".join(parts)


def verdict_text(info: Mapping[str, Any]) -> str:
    """Which SLOs are broken; if none is, which were not measured."""
    broken = [name for name, state in info["slos"].items() if state == SloState.CRITICAL]
    unknown = [name for name, is_known in info["known"].items() if not is_known]
    if broken:
        return "broken: " + ", ".join(broken)
    return "not measured: " + ", ".join(unknown) if unknown else "all SLOs hold"


def deaths_text(info: Mapping[str, Any]) -> str:
    """How many programs died unplanned so far, and how many were started again; "" if none did."""
    return f"{info['deaths']} died, {info['restarts']} started again" if info["deaths"] else ""


# --- the live picture ---


class LiveView(View):
    """Draws over itself while the run goes on, and leaves the last picture standing.

    Steps that follow each other faster than anybody can see are not drawn: a simulated run waits for nobody.
    """

    def __init__(
        self,
        console: Console,
        title: str,
        spec: ElasticitySpec,
        n_steps: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self._clock = clock
        self._drawn_s = -math.inf
        self._title = title
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

    def begin(self, env: gym.Env) -> None:
        """Say that the first interval has begun."""
        self._live.update(Spinner("dots", f"{self._title}\n  the first interval has begun"))

    def step(self, step: Step) -> None:
        """Draw the interval that has just ended, unless one was drawn just now."""
        self._history.append(step)
        now_s = self._clock()
        if now_s - self._drawn_s >= 1 / REFRESH_PER_S:
            self._drawn_s = now_s
            self._live.update(self._picture())

    def _picture(self) -> RenderableType:
        self._progress.update(self._task, completed=self._history[-1].index + 1)
        width = self._live.console.width
        return picture(self._title, self._spec, list(self._history), self._progress, width)


def choose_view(live: bool | None, console: Console, title: str, spec: ElasticitySpec, n_steps: int) -> View:
    """Return the live picture where there is a terminal, unless the user says otherwise."""
    wanted = console.is_terminal if live is None else live
    return (LiveView if wanted else PlainView)(console, title, spec, n_steps)


def picture(
    title: str, spec: ElasticitySpec, history: list[Step], progress: RenderableType, width: int
) -> RenderableType:
    """All of it, from the last steps (at least one), the newest last, in `width` cells."""
    now, history = history[-1], history[-max(SHORTEST, width - BESIDE_HISTORY) :]
    blank = Text()
    parts: list[RenderableType] = [
        Group(_knobs(spec, history), blank, _slos(spec, history), blank, _worth(history), blank, _rates(now))
    ]
    if now.explanation:
        parts.append(_own_figures(now))
    body = Group(Columns(parts, padding=(0, 4)), blank, progress)
    return Panel(body, title=title, title_align="left", expand=False)


def _table(*headings: str) -> Table:
    table = plain_table(headings, n_left=len(headings))
    table.header_style = "dim"
    return table


def _knobs(spec: ElasticitySpec, history: list[Step]) -> Table:
    table = _table("knob", "level", "", "history")
    for i, knob in enumerate(spec.knobs):
        level = history[-1].action[i]
        past = sparkline((step.action[i] + 1 for step in history), knob.n_levels)
        ladder = Text.assemble(("■" * (level + 1), "cyan"), ("□" * (knob.n_levels - 1 - level), "dim"))
        table.add_row(knob.name, level_text(knob, level), ladder, past)
    return table


def _slos(spec: ElasticitySpec, history: list[Step]) -> Table:
    table = _table("SLO", "state", "ratio to its threshold (│)", "", "value", "history")
    info = history[-1].info
    for slo in spec.slos:
        name = slo.metric
        state, ratio = SloState(info["slos"][name]), info["ratios"][name]
        known = info["known"][name]
        label = Text(state_name(state), STYLES[state]) if known else Text("unknown", "dim")
        past = sparkline((step.info["ratios"][name] for step in history), BAR_TOP)
        value = figure(info["metrics"].get(name))
        table.add_row(name, label, ratio_bar(ratio, STYLES[state]), f"{ratio:.2f}", value, past)
    return table


def ratio_bar(ratio: float, style: str) -> Text:
    """A bar for a ratio in [0, BAR_TOP], with the threshold marked; fuller ratios fill it."""
    full = round(min(ratio, BAR_TOP) / BAR_TOP * BAR)
    mark = round(BAR / BAR_TOP)
    bar = Text()
    for cell in range(BAR):
        if cell == mark:
            bar.append("│", "bold")
        bar.append("█" if cell < full else "·", style if cell < full else "dim")
    return bar


def _worth(history: list[Step]) -> Table:
    table = _table("", "", "history")
    now = history[-1]
    table.add_row("QoE", f"{now.info['qoe']:.2f}", sparkline((step.info["qoe"] for step in history), 1.0))
    found = [step.info["qoe_by"].get(Quality.F1, math.nan) for step in history]
    if math.isfinite(found[-1]):
        table.add_row("found (streaming F1)", f"{found[-1]:.2f}", sparkline(found, 1.0))
    table.add_row("reward", f"{now.reward:+.2f}", "")
    return table


def _rates(now: Step) -> Text:
    info, metrics = now.info, now.info["metrics"]
    gone = sum(metrics.get(name, math.nan) for name in ("dropped", "lost", "late"))
    pieces = [
        f"{figure(metrics.get('offered_fps'))} offered",
        f"{figure(metrics.get('processed_fps'))} processed",
        f"{figure(delivered_per_s(now))} delivered /s",
        f"{figure(gone, 1)} dropped, lost or late",
        f"p95 {figure(metrics.get('latency_p95_ms'))} ms",
    ]
    second = [
        counted(len(info["workers"]), "live worker"),
        counted(info["streams"], "stream"),
        f"decided in {now.decision_ms:.1f} ms",
    ]
    notes = [word for word in ("overrun", "stale") if info[word]] + list(filter(None, [deaths_text(info)]))
    return Text.assemble(
        " · ".join(pieces), "\n", " · ".join(second), ("  " + ", ".join(notes) if notes else "", "yellow")
    )


def _own_figures(now: Step) -> Table:
    table = _table("the agent's own figures", "")
    for name, value in list(now.explanation.items())[:N_OWN_FIGURES]:
        table.add_row(name.replace("_", " "), figure(value))
    return table
