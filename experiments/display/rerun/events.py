"""What happened to the world in a run, in words: what its scenario did, and what was seen of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import rerun as rr
from numpy.typing import NDArray

from envs.scenario import Event, EventKind, Scenario
from experiments.display.rerun.layout import EVENTS, MARKS, indexes
from experiments.program.formatting import counted, figure
from experiments.runs.summary import column

MARK_COLOUR = (240, 228, 66)  # no line has it


class TimedEvent(NamedTuple):
    """What came about in a step (from 0), in a few words; whether the scenario did it, or it was seen."""

    step: int
    text: str
    is_planned: bool


def planned_events(scenario: Scenario, steps: int, interval_s: float, seed: int) -> list[TimedEvent]:
    """Return what the scenario does in an episode."""
    timeline = scenario.timeline(steps, interval_s, seed)
    return [TimedEvent(step, words_of(event), True) for step, events in timeline.items() for event in events]


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


def seen_events(trace: pd.DataFrame) -> list[TimedEvent]:
    """Return workers that came or went, as the trace has it: known at the end of a step."""
    if "metrics.live_workers" not in trace:
        return []
    live = column(trace, "metrics.live_workers")
    changed = np.flatnonzero(np.isfinite(np.diff(live)) & (np.diff(live) != 0)) + 1
    return [
        TimedEvent(
            int(step), f"{counted(int(live[step]), 'live worker')}, after {int(live[step - 1])}", False
        )
        for step in changed
    ]


def write_events(
    recording: rr.RecordingStream, events: Sequence[TimedEvent], ends_s: NDArray[np.float64]
) -> None:
    """Write lines of text, and marks on the SLOs' threshold for what the scenario did.

    Args:
        recording: takes them.
        events: in any order; those after the trace's end are left out.
        ends_s: of the control intervals.
    """
    starts_s = np.concatenate([[0.0], ends_s[:-1]])
    for is_planned, path in ((True, f"{EVENTS}/scenario"), (False, f"{EVENTS}/seen")):
        found = sorted(one for one in events if one.is_planned == is_planned and one.step < len(ends_s))
        if not found:
            continue
        steps = np.array([one.step for one in found])
        when = indexes((starts_s if is_planned else ends_s)[steps], steps)
        recording.send_columns(path, when, rr.TextLog.columns(text=[one.text for one in found]))
        if is_planned:
            marks = rr.SeriesPoints(names="scenario", colors=MARK_COLOUR, markers="diamond", marker_sizes=6.0)
            recording.log(MARKS, marks, static=True)
            recording.send_columns(MARKS, when, rr.Scalars.columns(scalars=np.ones(len(found))))
