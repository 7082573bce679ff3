"""The picture of a run, and the style of all pictures."""

import matplotlib as mpl
import pandas as pd

from experiments.program.style import COLOURS, STYLE
from experiments.report.agent_styles import KINDS
from experiments.runs.summary import stream_time_s


def test_time_is_the_streams_own_however_fast_it_was_computed():
    trace = pd.DataFrame({"interval_s": [0.5, 0.5, 1.5], "ended_s": [0.01, 0.02, 0.03]})
    assert stream_time_s(trace).tolist() == [0.5, 1.0, 2.5]


def test_the_style_is_one_file_that_matplotlib_takes():
    with mpl.rc_context(STYLE):
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(COLOURS)
        assert mpl.rcParams["axes.spines.top"] is False
        assert mpl.rcParams["figure.constrained_layout.use"] is True


def test_kinds_of_agents_have_a_colour_of_the_style_each():
    colours = [colour for colour, _ in KINDS]
    assert len(set(colours)) == len(colours)
    assert set(colours) - set(COLOURS) == {"#999999"}  # of those that decide nothing
