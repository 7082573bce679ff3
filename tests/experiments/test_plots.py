"""The picture of a run."""

import pandas as pd

from experiments.plots import stream_time_s


def test_time_is_the_streams_own_however_fast_it_was_computed():
    trace = pd.DataFrame({"interval_s": [0.5, 0.5, 1.5], "ended_s": [0.01, 0.02, 0.03]})
    assert stream_time_s(trace).tolist() == [0.5, 1.0, 2.5]
