"""Where things are in a recording, and how it is laid out: the stream on the left, SLOs, then the agent."""

from collections.abc import Sequence

import numpy as np
import rerun as rr
import rerun.blueprint as rrb
from numpy.typing import NDArray

APPLICATION = "elasticbench"
TIME, STEP = "stream_time", "step"  # of the stream, in s; of the control intervals, from 0

PICTURES = "video"
RATIOS, THRESHOLD, STATES = "slos/ratios", "slos/ratios/threshold", "slos/states"
LEVELS, SETTINGS = "knobs/levels", "knobs/settings"
WORTH, RATES, LATENCY, LOAD = "worth", "stream/rates", "stream/latency", "stream/load"
AGENT, PREDICTED = "agent/figures", "agent/p_fulfilled"
EVENTS, MARKS, FACTS = "events", "slos/ratios/events", "facts"

RATIO_RANGE = (0.0, 2.0)  # of the axis; the threshold is in its middle
WORTH_RANGE = (-1.05, 1.05)
SHOWN_FIRST = ("expected_capacity", "expected_free_energy", "surprise")  # of an agent's figures
N_SHOWN = 3
EVER = rr.TimeRangeBoundary.infinite()
WHO_AND_WHAT = rrb.TextLogColumns(text_log_columns=["EntityPath", "Body"])  # all is of one level
WHOLE_RUN = rrb.TimeAxis(view_range=rr.TimeRange(EVER, EVER))


def indexes(time_s: Sequence[float] | NDArray[np.float64], steps: Sequence[int] | NDArray[np.int64]) -> list:
    """Return both time lines' values for as many rows."""
    return [rr.TimeColumn(TIME, duration=np.asarray(time_s)), rr.TimeColumn(STEP, sequence=np.asarray(steps))]


def layout(has_pictures: bool, has_predictions: bool, figures: Sequence[str]) -> rrb.Blueprint:
    """Return the blueprint of a run.

    Args:
        has_pictures: whether there is a video.
        has_predictions: whether the agent predicts which SLOs will hold.
        figures: names of its other figures.
    """
    columns = [_stream(has_pictures), _slos()]
    if figures or has_predictions:
        columns.append(_agent(has_predictions, figures))
    return rrb.Blueprint(
        rrb.Horizontal(*columns, column_shares=[1.1, 1.2, 1.0][: len(columns)]),
        rrb.TimePanel(state=rrb.PanelState.Collapsed, timeline=TIME),
        rrb.SelectionPanel(state=rrb.PanelState.Collapsed),
        rrb.BlueprintPanel(state=rrb.PanelState.Collapsed),
        auto_views=False,
    )


def _stream(has_pictures: bool) -> rrb.Container:
    facts = rrb.TextDocumentView(origin=FACTS, name="facts")
    events = rrb.TextLogView(origin=EVENTS, name="events", columns=WHO_AND_WHAT)
    measured = rrb.Tabs(
        _plot(RATES, "frames/s per stream"),
        _plot(LATENCY, "latency, ms"),
        _plot(LOAD, "streams and live workers"),
    )
    if not has_pictures:
        return rrb.Vertical(facts, events, measured, row_shares=[2, 1, 1])
    picture = rrb.Spatial2DView(origin=PICTURES, name="video")
    return rrb.Vertical(picture, measured, rrb.Tabs(facts, events), row_shares=[1.4, 0.8, 1])


def _slos() -> rrb.Container:
    return rrb.Vertical(
        _plot(RATIOS, "metric ÷ threshold, broken above 1", RATIO_RANGE),
        _lanes(STATES, "SLOs"),
        rrb.Tabs(_lanes(SETTINGS, "settings"), _plot(LEVELS, "level of each knob")),
        _plot(WORTH, "QoE, reward, streaming F1", WORTH_RANGE),
        row_shares=[1.4, 1.3, 0.9, 0.9],
    )


def _agent(has_predictions: bool, figures: Sequence[str]) -> rrb.Container:
    ordered = sorted(figures, key=lambda name: name not in SHOWN_FIRST)
    plots = [_plot(f"{AGENT}/{name}", name, is_alone=True) for name in ordered]
    shown, rest = plots[:N_SHOWN], plots[N_SHOWN:]
    if has_predictions:
        shown.append(_plot(PREDICTED, "P(fulfilled), as predicted", (0.0, 1.05)))
    page = rrb.Vertical(*shown, name="agent")
    return rrb.Tabs(page, rrb.Grid(*rest, name="more of the agent"), name="agent") if rest else page


def _plot(
    origin: str, name: str, y_range: tuple[float, float] | None = None, is_alone: bool = False
) -> rrb.TimeSeriesView:
    """Return lines over the whole run; one that is alone needs no legend."""
    axis = None if y_range is None else rrb.ScalarAxis(range=y_range)
    legend = rrb.PlotLegend(rrb.Corner2D.LeftTop, visible=not is_alone)
    return rrb.TimeSeriesView(origin=origin, name=name, axis_x=WHOLE_RUN, axis_y=axis, plot_legend=legend)


def _lanes(origin: str, name: str) -> rrb.StateTimelineView:
    return rrb.StateTimelineView(origin=origin, name=name, time_view=WHOLE_RUN)
