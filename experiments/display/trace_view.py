"""The trace of a run that is over, in a terminal: a line of blocks for each figure, as time goes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from envs.video import FPS, GRADE, RESOLUTION
from experiments.display.events import TimedEvent
from experiments.program.console import plain_table
from experiments.program.formatting import counted, figure, sparkline
from experiments.runs.summary import Truths, Values, column, names_in, slo_names, stream_time_s, verdicts

RATIO_TOP = 1.5  # of a line of ratios; the threshold is 1
SHORTEST, LEAST = 24, 8  # line, in cells: below the one columns of words go, and below the other nothing does
GAP = 2  # between columns
MOST_EVENTS = 8  # that are listed; a pattern has one per interval
BROKEN = "bold red"


class Row(NamedTuple):
    """A figure over time.

    Attributes:
        name: for people.
        values: per step, NaN where nothing was measured.
        bottom, top: of an empty and of a full block.
        said: what it came to.
        ends: its lowest and its highest.
        broken: per step, whether to mark it; None = nowhere.
    """

    name: str
    values: Values
    bottom: float
    top: float
    said: str
    ends: tuple[str, str]
    broken: Truths | None = None


def trace_view(
    trace: pd.DataFrame, grades: Sequence[str], events: Sequence[TimedEvent], width: int
) -> RenderableType:
    """Return all of a trace, from left to right as the stream's time goes; red where an SLO was broken.

    Args:
        trace: one row per control interval, at least one.
        grades: of the detector, by their indexes.
        events: of the run; those after its end are left out.
        width: of the terminal, in cells; a cell of a line is one interval, or the mean of several.
    """
    rows, ends_s = list(rows_of(trace, grades)), stream_time_s(trace)
    headings = ["lowest", "highest"]
    words = [["", "", *headings], *([row.name, row.said, *row.ends] for row in rows)]
    widths = [max(map(len, texts)) + GAP for texts in zip(*words, strict=True)]
    room = width - GAP
    has_ends = room - sum(widths) >= SHORTEST
    n = max(LEAST, room - sum(widths if has_ends else widths[:2]))
    heads = ["", f"0 to {ends_s[-1]:.0f} s", "", *(headings if has_ends else [])]
    table = plain_table(heads, n_left=2)
    for row in rows:
        line = Text.assemble(*((block, BROKEN if bad else "") for block, bad in blocks_of(row, n)))
        table.add_row(row.name, line, row.said, *(row.ends if has_ends else ()))
    return Group(table, Text("\n".join(lines_of(events, ends_s))))


def rows_of(trace: pd.DataFrame, grades: Sequence[str]) -> Iterator[Row]:
    """Yield the lines of a trace: knobs, ratios of SLOs, what it was worth, the agent's own figures."""
    for knob in names_in(trace, "action."):
        levels = column(trace, f"action.{knob}")
        places = [int(levels.argmin()), int(levels.argmax()), len(levels) - 1]
        low, high, last = (knob_text(knob, row, grades) for row in trace.iloc[places].to_dict("records"))
        yield Row(knob, levels, -1.0, levels.max(), f"last {last}", (low, high))
    for name in slo_names(trace):
        verdict = verdicts(trace, [name])
        kept = verdict.fulfilment
        ratios = np.where(verdict.unknown[:, 0], np.nan, column(trace, f"ratios.{name}"))
        said = "not measured" if kept is None else f"holds {100 * kept:.1f} %"
        yield Row(f"{name} ÷ threshold", ratios, 0.0, RATIO_TOP, said, ends_of(ratios), verdict.broken[:, 0])
    worth = {"QoE": "qoe", "streaming F1": "qoe_by.f1", "reward": "reward"}
    own = {name.replace("_", " "): f"explain.{name}" for name in names_in(trace, "explain.")}
    for name, where in (worth | own).items():
        if where in trace and np.isfinite(values := column(trace, where)).any():
            known = values[np.isfinite(values)]
            ends = (0.0, 1.0) if name in worth else (float(known.min()), float(known.max()))
            yield Row(name, values, *ends, f"mean {figure(float(known.mean()))}", ends_of(values))


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


def ends_of(values: Values) -> tuple[str, str]:
    """Return the lowest and the highest of what was measured."""
    known = values[np.isfinite(values)]
    return (figure(float(known.min())), figure(float(known.max()))) if known.size else ("–", "–")


def blocks_of(row: Row, n: int) -> list[tuple[str, bool]]:
    """Return at most n blocks, each the mean of as many steps, and whether one of these was broken."""
    n_cells = min(n, len(row.values))
    marked = np.zeros(len(row.values), np.bool_) if row.broken is None else row.broken
    found = []
    for part, bad in zip(np.array_split(row.values, n_cells), np.array_split(marked, n_cells), strict=True):
        known = part[np.isfinite(part)]
        mean = float(known.mean()) if known.size else math.nan
        found.append((sparkline([mean - row.bottom], row.top - row.bottom or 1.0), bool(bad.any())))
    return found


def lines_of(events: Sequence[TimedEvent], ends_s: Values) -> list[str]:
    """Say when what happened: what was planned as its interval begins, what was seen as it ends."""
    starts_s = np.concatenate([[0.0], ends_s[:-1]])
    within = sorted(event for event in events if event.step < len(ends_s))
    found = [
        f"{(starts_s if event.is_planned else ends_s)[event.step]:>6.0f} s  {event.text}" for event in within
    ]
    n_left = len(found) - MOST_EVENTS
    return found if n_left <= 0 else [*found[:MOST_EVENTS], f"{'':10}and {counted(n_left, 'other event')}"]
