"""The gist of a trace, checked by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from experiments.tracking.facts import gist_of

TRACE = pd.DataFrame(
    {
        "step": range(7),
        "ended_s": [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5],
        "qoe": [0.0, 1.0, 0.5, 0.5, 0.25, 0.75, 1.0],
        "ratios.load": [1.0, math.nan, math.nan, math.nan, 2.0, math.inf, 4.0],
        "slos.load": [0, 1, 0, 1, 0, 1, 0],
        "metrics.load": [0.5] * 7,
        "metrics.hop_buffer_ms": [1.0] * 7,
        "settings.name": ["n"] * 7,
        "explain.surprise": [3.0] * 7,
    }
)


def test_the_gist_has_what_is_looked_at_first_and_no_words():
    gist, _ = gist_of(TRACE, n_values=1000)
    assert list(gist) == ["qoe", "ratios.load", "metrics.load", "step", "ended_s"]


def test_bins_are_means_of_what_was_measured_and_stand_at_their_last_step():
    gist, words = gist_of(TRACE, n_values=12)  # 3 columns, hence at most 4 bins: 7 steps in twos
    assert gist["step"].tolist() == [1, 3, 5, 6]
    assert gist["ended_s"].tolist() == [1.5, 3.5, 5.5, 6.5]
    assert gist["qoe"].tolist() == [0.5, 0.5, 0.5, 1.0]
    np.testing.assert_equal(gist["ratios.load"].to_numpy(), [1.0, math.nan, 2.0, 4.0])
    assert words == "3 columns, thinned to every 2 steps (means); whole: trace.parquet"


@pytest.mark.parametrize("n_values", [21, 1000])
def test_a_trace_that_fits_keeps_every_step(n_values):
    gist, words = gist_of(TRACE, n_values)
    assert gist["qoe"].tolist() == TRACE["qoe"].tolist()
    assert words == "3 columns; whole: trace.parquet"


def test_there_is_always_one_bin():
    gist, _ = gist_of(TRACE, n_values=1)
    assert gist["step"].tolist() == [6]
    assert gist["qoe"].tolist() == [pytest.approx(4 / 7)]
