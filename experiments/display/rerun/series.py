"""A trace's columns as lines over time, and what is in one of a few states as lanes."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import rerun as rr
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from experiments.display.events import TimedEvent
from experiments.display.rerun.layout import (
    AGENT,
    EVENTS,
    LATENCY,
    LEVELS,
    MARKS,
    PREDICTED,
    RATES,
    RATIOS,
    SETTINGS,
    STATES,
    THRESHOLD,
    WORKERS,
    WORTH,
    indexes,
)
from experiments.display.trace_view import knob_text
from experiments.program.formatting import state_name
from experiments.program.style import COLOURS
from experiments.runs.summary import column, names_in, slo_names
from pipeline.slos import SloState

P_FULFILLED = "p_fulfilled_"  # so begin the names of what an agent predicts of an SLO
UNKNOWN = "not measured"
STATE_COLOURS = {
    SloState.OK.name: "#0072B2",
    SloState.WARNING.name: "#E69F00",
    SloState.CRITICAL.name: "#D55E00",
    UNKNOWN: "#999999",
}
STEPWISE = rr.components.InterpolationMode.StepAfter
THRESHOLD_COLOUR = "#DDDDDD"  # the viewer's background is dark
ON_DARK = {"#000000": "#BBBBBB"}
MARK_COLOUR = (240, 228, 66)  # no line has it

Values = NDArray[np.float64]


class Series:
    """Writes lines and lanes of a run.

    Args:
        recording: takes them.
        time_s: end of each control interval on the stream's clock, shape (n_steps,).
    """

    def __init__(self, recording: rr.RecordingStream, time_s: Values) -> None:
        self._recording = recording
        self._ends_s, self._starts_s = time_s, np.concatenate([[0.0], time_s[:-1]])
        self._steps = np.arange(len(time_s))

    def line(self, path: str, values: Values, name: str, colour: str) -> None:
        """Draw what was found at the end of each interval; where it is not finite, there is a gap."""
        self._draw(path, self._ends_s, np.where(np.isfinite(values), values, np.nan), name, colour)

    def stairs(self, path: str, values: Values, name: str, colour: str) -> None:
        """Draw what was in force from the beginning of each interval."""
        self._draw(path, self._starts_s, values, name, colour, interpolation_mode=STEPWISE)

    def lane(self, path: str, states: Sequence[str], colours: Mapping[str, str]) -> None:
        """Draw what was in one of a few states during each interval."""
        changes = [i for i, state in enumerate(states) if i == 0 or state != states[i - 1]]
        style = rr.StateConfiguration(values=list(colours), colors=_rgba(colours.values()))
        self._recording.log(path, style, static=True)
        self._recording.send_columns(
            path,
            indexes(self._starts_s[changes], self._steps[changes]),
            rr.StateChange.columns(state=[states[i] for i in changes]),
        )

    def _draw(self, path: str, time_s: Values, values: Values, name: str, colour: str, **style) -> None:
        line = rr.SeriesLines(names=name, colors=_rgba([colour]), widths=[2.0], **style)
        self._recording.log(path, line, static=True)
        self._recording.send_columns(path, indexes(time_s, self._steps), rr.Scalars.columns(scalars=values))


def write_slos(series: Series, trace: pd.DataFrame) -> None:
    """Write ratios against their threshold, unknown ones left out, and states."""
    for i, name in enumerate(slo_names(trace)):
        known = column(trace, f"known.{name}") > 0
        ratios = np.where(known, column(trace, f"ratios.{name}"), np.nan)
        series.line(f"{RATIOS}/{name}", ratios, name, COLOURS[i % len(COLOURS)])
        codes = column(trace, f"slos.{name}").astype(int)
        states = [
            state_name(code) if is_known else UNKNOWN for code, is_known in zip(codes, known, strict=True)
        ]
        series.lane(f"{STATES}/{name}", states, STATE_COLOURS)
    series.line(THRESHOLD, np.ones(len(trace)), "threshold", THRESHOLD_COLOUR)


def write_knobs(series: Series, trace: pd.DataFrame, grades: Sequence[str]) -> None:
    """Write levels as stairs, and what they stand for as lanes."""
    for i, name in enumerate(names_in(trace, "action.")):
        levels = column(trace, f"action.{name}")
        series.stairs(f"{LEVELS}/{name}", levels, name, COLOURS[i % len(COLOURS)])
        texts = [knob_text(name, row, grades) for row in trace.to_dict("records")]
        by_level = dict(sorted(zip(levels.astype(int).tolist(), texts, strict=True)))
        shades = mpl.colormaps["cividis"](np.linspace(0.25, 0.95, max(len(by_level), 2)))
        colours = {text: to_hex(shade) for text, shade in zip(by_level.values(), shades, strict=False)}
        series.lane(f"{SETTINGS}/{name}", texts, colours)


def write_worth(series: Series, trace: pd.DataFrame) -> None:
    """Write QoE, reward, and streaming F1 where it is known."""
    series.line(f"{WORTH}/qoe", column(trace, "qoe"), "QoE", COLOURS[2])
    series.line(f"{WORTH}/reward", column(trace, "reward"), "reward", COLOURS[1])
    if "qoe_by.f1" in trace and np.isfinite(found := column(trace, "qoe_by.f1")).any():
        series.line(f"{WORTH}/f1", found, "streaming F1", COLOURS[0])


def write_stream(series: Series, trace: pd.DataFrame) -> None:
    """Write rates in frames/s per stream, latencies in ms, and live workers, as far as they were measured."""
    if "metrics.offered_fps" in trace:  # of all streams, unlike those that are delivered
        offered = column(trace, "metrics.offered_fps") / column(trace, "streams")
        series.line(f"{RATES}/offered_fps", offered, "offered_fps", COLOURS[1])
    for group, names in (
        (RATES, ("delivered_fps",)),
        (LATENCY, ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms")),
        (WORKERS, ("live_workers",)),
    ):
        measured = [name for name in names if f"metrics.{name}" in trace]
        for i, name in enumerate(measured):
            series.line(f"{group}/{name}", column(trace, f"metrics.{name}"), name, COLOURS[i])


def write_agent(series: Series, trace: pd.DataFrame) -> list[str]:
    """Write figures behind decisions, from the beginning of the interval decided on; returns their names."""
    slos, explained = slo_names(trace), names_in(trace, "explain.")
    for i, name in enumerate(explained):
        slo = name.removeprefix(P_FULFILLED)
        path = f"{AGENT}/{name}" if slo == name else f"{PREDICTED}/{slo}"
        number = slos.index(slo) if slo in slos else i  # what is of an SLO has the SLO's colour
        series.stairs(path, column(trace, f"explain.{name}"), slo, COLOURS[number % len(COLOURS)])
    return explained


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


def _rgba(colours: Iterable[str]) -> NDArray[np.uint32]:
    """Return colours as Rerun takes them."""
    codes = [ON_DARK.get(name, name).removeprefix("#") for name in colours]
    return np.array([int(f"{code}FF", 16) for code in codes], dtype=np.uint32)
