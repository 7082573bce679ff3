"""Fits by hand: a few times, and the figures that they must give."""

import numpy as np
import pandas as pd
import pytest

from experiments.calibration.fits import (
    N_QUANTILES,
    first_beyond_others_ms,
    fit_link,
    handling_ms,
    service_quantiles,
    significant,
    stalls_ms,
)
from experiments.runs.summary import column
from pipeline.service_times import ServiceTimes, shape_factor

MS = 1_000_000


def frames(*rows: tuple[str, float, float, float]) -> pd.DataFrame:
    """Of (worker, received, started, done) in ms."""
    table = pd.DataFrame(rows, columns=["worker", "received_ns", "started_ns", "done_ns"])
    table.iloc[:, 1:] = table.iloc[:, 1:] * MS
    return table


def test_equal_times_have_equal_quantiles():
    assert service_quantiles([20.0] * 5) == pytest.approx([20.0] * N_QUANTILES)


def test_times_spread_evenly_have_evenly_spread_quantiles():
    assert service_quantiles(np.arange(10.0, 31.0)) == pytest.approx(np.arange(10.0, 31.0))


@pytest.mark.parametrize("times_ms", [[10.0] * 99 + [60.0], np.random.default_rng(1).lognormal(3, 0.3, 50)])
def test_draws_from_the_quantiles_have_the_measured_mean(times_ms):
    quantiles = service_quantiles(times_ms)
    drawn = [shape_factor(p, quantiles, N_QUANTILES) for p in (np.arange(20_000) + 0.5) / 20_000]
    assert np.mean(drawn) == pytest.approx(np.mean(times_ms), rel=1e-3)


def test_a_fit_is_one_that_service_times_accept():
    times_ms = np.random.default_rng(0).exponential(5.0, 40) + 1.0
    shape = tuple(ms / times_ms.mean() for ms in service_quantiles(times_ms))
    times = ServiceTimes({"n": ((64, 48, times_ms.mean()),)}, shapes={"n": (shape,)})
    assert times.mean_ms("n", 64, 48) == pytest.approx(times_ms.mean())


def test_no_times_are_no_fit():
    with pytest.raises(ValueError, match="got 0"):
        service_quantiles([])


def test_a_link_is_the_line_through_the_medians_and_one_outlier_does_not_bend_it():
    n_bytes = [1e6, 2e6, 3e6, 4e6, 5e6]
    forward_ms = [2.0 + 8.0 * n / 1e6 for n in n_bytes]  # 1 MB in 8 ms: 1000 Mbit/s
    forward_ms[2] += 100.0
    link = fit_link(n_bytes, forward_ms, [1.0, 1.0, 50.0, 1.0, 1.0])
    assert link.mbit_s == pytest.approx(1000.0)
    assert link.delay_ms == pytest.approx((2.0 + 1.0) / 2)


def test_a_link_whose_time_does_not_grow_has_no_bandwidth():
    link = fit_link([1e6, 2e6, 3e6], [0.5, 0.4, 0.3], [0.2, 0.2, 0.2])
    assert link.mbit_s == np.inf
    assert link.delay_ms == pytest.approx(0.3)


def test_one_size_is_a_delay():
    assert fit_link([1e6], [0.6], [0.2]).delay_ms == pytest.approx(0.4)


def test_handling_is_the_gap_of_a_worker_that_had_the_next_frame():
    table = frames(("a", 0, 0, 10), ("a", 5, 11, 20), ("a", 15, 23, 30), ("b", 0, 0, 10), ("b", 40, 40, 50))
    assert handling_ms(table) == pytest.approx(2.0)  # of 1 and 3; b had to wait for its second frame
    assert np.isnan(handling_ms(frames(("b", 0, 0, 10), ("b", 40, 40, 50))))


def test_a_worker_stands_still_from_the_change_or_its_last_old_frame_to_its_first_new_one():
    table = frames(("a", 0, 0, 10), ("a", 20, 60, 70), ("a", 61, 70, 75), ("b", 0, 0, 30), ("b", 20, 50, 60))
    is_new = column(table, "received_ns") >= 20 * MS
    assert stalls_ms(table, 15 * MS, is_new).to_dict() == pytest.approx({"a": 60 - 15, "b": 50 - 30})


def test_a_worker_s_first_frame_is_held_against_the_median_of_its_others():
    table = frames(("a", 0, 90, 93), ("a", 0, 0, 10), ("a", 0, 20, 21), ("b", 0, 0, 4), ("b", 0, 5, 9))
    table["service_ns"] = table["done_ns"] - table["started_ns"]
    assert first_beyond_others_ms(table).to_dict() == pytest.approx({"a": 10 - 2, "b": 0.0})


def test_figures_are_rounded_to_significant_digits():
    assert [significant(x) for x in (123456.0, 0.000123456, 0.0)] == [123500.0, 0.0001235, 0.0]
