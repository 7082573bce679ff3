"""The live picture of a run in a terminal: knobs, SLOs, QoE, rates, and the agent's own figures."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self

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
from experiments.display.views import View, deaths_text, delivered_per_s
from experiments.program.formatting import counted, figure, level_text, sparkline, state_name
from experiments.runs.episode import Step
from pipeline.slos import SloState

HISTORY = 40  # steps in a sparkline, where the terminal is wide enough
SHORTEST = 8
BESIDE_HISTORY = 78  # cells that the widest row, an SLO's, takes beside its history
BAR = 24  # cells of a ratio's bar
BAR_TOP = 1.5  # ratio at the bar's right end; the threshold, 1, stands at two thirds
N_OWN_FIGURES = 14  # of the agent's explanation
REFRESH_PER_S = 4
STYLES = {SloState.OK: "green", SloState.WARNING: "yellow", SloState.CRITICAL: "bold red"}


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
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
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
    figures: Iterable[tuple[str, float]] = list(now.explanation.items())[:N_OWN_FIGURES]
    for name, value in figures:
        table.add_row(name.replace("_", " "), figure(value))
    return table
