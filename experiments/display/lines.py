"""A trace as lines over time, and what happened on the way: terminal, page and picture draw the same."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from envs.scenario import Event, EventKind, Scenario
from envs.video import FPS, GRADE, RESOLUTION
from experiments.config.derived import build
from experiments.config.schemas import ReplaySchema, RunConfig
from experiments.program.console import block, counted, figure
from experiments.runs.summary import Truths, Values, column, names_in, slo_names, verdicts
from pipeline.slos import SloState

RATIO_TOP = 1.5  # of a line of ratios in blocks; the threshold is 1
UNKNOWN = "not measured"
FIGURES = {"qoe": "QoE", "qoe_by.f1": "streaming F1", "reward": "reward"}  # columns, by what they are called
LOAD = {"streams": "streams", "metrics.live_workers": "live workers"}


class Group(Enum):
    """What a line is of; in this order."""

    KNOB = auto()
    SLO = auto()
    WORTH = auto()
    LOAD = auto()
    AGENT = auto()


@dataclass(frozen=True, slots=True)
class Line:
    """A figure of a run over time.

    Attributes:
        group: what it is of.
        name: for people; of knobs, SLOs and the agent's own figures, as the trace has it.
        values: per step, NaN where nothing was measured: a knob's level, an SLO's metric over its threshold.
        words: per step, what a knob was set to, or the state of an SLO; of others there are none.
    """

    group: Group
    name: str
    values: Values
    words: Sequence[str] = ()

    @property
    def title(self) -> str:
        """What it is called where its group is not seen."""
        if self.group is Group.AGENT:
            return self.name.replace("_", " ")
        return f"{self.name} ÷ threshold" if self.group is Group.SLO else self.name

    @property
    def said(self) -> str:
        """What it came to."""
        if self.group is Group.KNOB:
            return f"last {self.words[-1]}"
        if self.group is Group.SLO:
            n_known = len(self.words) - self.words.count(UNKNOWN)
            return f"holds {100 * (1 - self.broken.sum() / n_known):.1f} %" if n_known else UNKNOWN
        mean, low, high = (figure(float(of(self._known))) for of in (np.mean, np.min, np.max))
        return f"mean {mean}, {low} to {high}"

    @property
    def now(self) -> str:
        """What it is in the last step."""
        if self.group is Group.KNOB:
            return self.words[-1]
        value = figure(float(self.values[-1]))
        return f"{self.words[-1]} {value}" if self.group is Group.SLO else value

    @property
    def broken(self) -> Truths:
        """In which steps an SLO was."""
        return np.array([word == SloState.CRITICAL.name for word in self.words] or [False] * len(self.values))

    def blocks(self, n: int) -> list[tuple[str, bool]]:
        """Return at most n blocks, each the mean of as many steps, and whether one of these was broken."""
        n_cells = min(n, len(self.values))
        bottom, top = self._scale
        found = []
        parts = zip(np.array_split(self.values, n_cells), np.array_split(self.broken, n_cells), strict=True)
        for part, bad in parts:
            known = part[np.isfinite(part)]
            mean = float(known.mean()) if known.size else math.nan
            found.append((block(mean - bottom, top - bottom or 1.0), bool(bad.any())))
        return found

    @property
    def _known(self) -> Values:
        return self.values[np.isfinite(self.values)]

    @property
    def _scale(self) -> tuple[float, float]:
        """Values of an empty and of a full block."""
        match self.group:
            case Group.KNOB:
                return -1.0, float(self.values.max())
            case Group.SLO:
                return 0.0, RATIO_TOP
            case Group.WORTH:
                return 0.0, 1.0
            case _:
                return float(self._known.min()), float(self._known.max())


def lines_of(trace: pd.DataFrame, grades: Sequence[str]) -> Iterator[Line]:
    """Yield the lines of a trace, group by group; of figures, those that were ever measured.

    Args:
        trace: one row per control interval, at least one.
        grades: of the detector, by their indexes.
    """
    rows = trace.filter(regex=r"^(action|settings)\.").to_dict("records")
    for knob in names_in(trace, "action."):
        words = [knob_text(knob, row, grades) for row in rows]
        yield Line(Group.KNOB, knob, column(trace, f"action.{knob}"), words)
    for slo in slo_names(trace):
        unknown = verdicts(trace, [slo]).unknown[:, 0]
        codes = column(trace, f"slos.{slo}").astype(int)
        states = [
            UNKNOWN if is_unknown else SloState(code).name
            for code, is_unknown in zip(codes, unknown, strict=True)
        ]
        yield Line(Group.SLO, slo, np.where(unknown, np.nan, column(trace, f"ratios.{slo}")), states)
    explained = {f"explain.{name}": name for name in names_in(trace, "explain.")}
    for group, names in ((Group.WORTH, FIGURES), (Group.LOAD, LOAD), (Group.AGENT, explained)):
        for where, name in names.items():
            if where in trace and np.isfinite(values := column(trace, where)).any():
                yield Line(group, name, values)


def knob_text(knob: str, row: Mapping[Any, Any], grades: Sequence[str]) -> str:
    """Say what a knob was set to in a row of the trace; its level where the trace does not say more."""
    value = row.get(f"settings.{knob}")
    if knob == RESOLUTION and "settings.width" in row:
        return f"{row['settings.width']}x{row['settings.height']} px"
    if knob == GRADE and isinstance(value, int) and value < len(grades):
        return grades[value]
    if knob == FPS and value is not None:
        return f"{value:g} /s"
    return f"level {row[f'action.{knob}']}" if value is None else f"{value:g}"


# --- what happened to the world ---


class TimedEvent(NamedTuple):
    """What a scenario does as a step begins (from 0), in a few words."""

    step: int
    text: str


def events_of(config: RunConfig) -> list[TimedEvent]:
    """Return what the scenario of a run does, in its order; a replay has none."""
    env = config.env
    if isinstance(env, ReplaySchema):
        return []
    timeline = build(Scenario, config.scenario).timeline(env.steps, env.control_interval_s, config.seed)
    return sorted(TimedEvent(step, words_of(event)) for step, events in timeline.items() for event in events)


def words_of(event: Event) -> str:
    """Say an event in a few words."""
    match event.kind:
        case EventKind.STREAMS:
            return counted(int(event.value or 0), "stream")
        case EventKind.LOSE_WORKER:
            return f"worker {event.worker} is lost"
        case EventKind.JOIN_WORKER:
            return f"a worker like {event.worker} joins"
        case EventKind.SLOW_WORKER:
            return f"worker {event.worker} takes {figure(event.value)} times as long"
        case EventKind.LINKS:
            return f"every link carries {figure(event.value)} Mbit/s"
        case EventKind.THRESHOLD:
            return f"{event.metric} must keep to {figure(event.value)}"
