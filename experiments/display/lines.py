"""A trace as lines over time, and what happened on the way: terminal, page and picture draw the same."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from envs.scenario import Event, EventKind
from envs.video import FPS, GRADE, RESOLUTION
from experiments.program.console import block, counted, figure
from experiments.runs.summary import Truths, Values, column, names_in, slo_names, verdicts
from pipeline.slos import SloState

RATIO_TOP = 1.5  # of a line of ratios in blocks; the threshold is 1
UNKNOWN = "not measured"


class Group(Enum):
    """What a line is of; in this order."""

    KNOB = auto()
    SLO = auto()
    WORTH = auto()
    LOAD = auto()
    AGENT = auto()


FIGURES = {  # columns, by what they are called
    Group.WORTH: {"qoe": "QoE", "qoe_by.f1": "streaming F1", "reward": "reward"},
    Group.LOAD: {"streams": "streams", "metrics.live_workers": "live workers"},
}


@dataclass(frozen=True, slots=True)
class Line:
    """A figure of a run over time.

    Attributes:
        group: what it is of.
        title: what it is called.
        said: what it came to.
        now: what it is in the last step.
        values: per step, NaN where nothing was measured: a knob's level, an SLO's metric over its threshold.
        scale: values of an empty and of a full block.
        words: per step, what a knob was set to; of others there are none.
        broken: in which steps an SLO was.
    """

    group: Group
    title: str
    said: str
    now: str
    values: Values
    scale: tuple[float, float]
    words: Sequence[str]
    broken: Truths

    def blocks(self, n: int) -> list[tuple[str, bool]]:
        """Return at most n blocks, each the mean of as many steps, and whether one of these was broken."""
        n_cells, (bottom, top) = min(n, len(self.values)), self.scale
        found = []
        for steps in np.array_split(np.arange(len(self.values)), n_cells):
            known = self.values[steps][np.isfinite(self.values[steps])]
            mean = float(known.mean()) if known.size else math.nan
            found.append((block(mean - bottom, top - bottom or 1.0), bool(self.broken[steps].any())))
        return found


def lines_of(trace: pd.DataFrame, grades: Sequence[str]) -> Iterator[Line]:
    """Yield the lines of a trace of one step at least; of figures, those that were ever measured.

    `grades` are the detector's, by their indexes.
    """
    never = np.zeros(len(trace), dtype=bool)
    rows = trace.filter(regex=r"^(action|settings)\.").to_dict("records")
    for knob in names_in(trace, "action."):
        levels, words = column(trace, f"action.{knob}"), [knob_text(knob, row, grades) for row in rows]
        scale = (-1.0, float(levels.max()))
        yield Line(Group.KNOB, knob, f"last {words[-1]}", words[-1], levels, scale, words, never)
    for slo in slo_names(trace):
        (held,), (broken,), (unknown,) = (truths.T for truths in verdicts(trace, [slo]))
        ratios = np.where(unknown, np.nan, column(trace, f"ratios.{slo}"))
        said = UNKNOWN if unknown.all() else f"holds {100 * held.sum() / (~unknown).sum():.1f} %"
        state = UNKNOWN if unknown[-1] else SloState(int(trace[f"slos.{slo}"].iloc[-1])).name
        title, now = f"{slo} ÷ threshold", f"{state} {figure(float(ratios[-1]))}"
        yield Line(Group.SLO, title, said, now, ratios, (0.0, RATIO_TOP), (), broken)
    explained = {f"explain.{name}": name.replace("_", " ") for name in names_in(trace, "explain.")}
    for group, names in {**FIGURES, Group.AGENT: explained}.items():
        for where, name in names.items():
            if where in trace and (known := (values := column(trace, where))[np.isfinite(values)]).size:
                low, high = float(known.min()), float(known.max())
                said = f"mean {figure(float(known.mean()))}, {figure(low)} to {figure(high)}"
                scale = (0.0, 1.0) if group is Group.WORTH else (low, high)
                yield Line(group, name, said, figure(float(values[-1])), values, scale, (), never)


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


def events_of(timeline: Mapping[int, Sequence[Event]]) -> list[TimedEvent]:
    """Return what a scenario does, in its order; `timeline` is as `Scenario.timeline` has it."""
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
