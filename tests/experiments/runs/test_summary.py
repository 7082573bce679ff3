"""The figures of a run, against traces small enough to compute by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from experiments.runs.summary import degradation, depth, dotted, longest_run, summarise, switches_per_min

LOAD = [0.5, 1.5, 3.0, 0.9]  # ratios of four steps; two break the SLO


def trace(**columns) -> pd.DataFrame:
    """Four steps of one second; 10, 10, 0 and 30 frames delivered."""
    standard = {
        "step": [0, 1, 2, 3],
        "qoe": [0.2, 0.4, 0.6, 0.8],
        "reward": [0.2, -0.5, -1.0, 0.8],
        "interval_s": [1.0, 1.0, 1.0, 1.0],
        "overrun": [False, False, True, False],
        "decision_ms": [1.0, 2.0, 3.0, 4.0],
        "learning_ms": [0.0, 0.0, 0.0, 0.0],
        "action.fps": [5, 4, 4, 5],
        "action.grade": [1, 0, 0, 0],
        "slos.load": [0, 2, 2, 0],
        "known.load": True,
        "known.latency_p95_ms": True,
        "ratios.load": LOAD,
        "slos.latency_p95_ms": [0, 0, 2, 1],
        "ratios.latency_p95_ms": [0.1, 0.2, 20.0, 0.95],
        "metrics.latency_p50_ms": [100.0, 200.0, math.nan, 300.0],
        "metrics.latency_p95_ms": [100.0, 200.0, 9000.0, 300.0],
        "metrics.latency_p99_ms": [100.0, 200.0, 9000.0, 300.0],
        "frames.offered": [10, 25, 40, 70],
        "frames.delivered": [10, 20, 20, 50],
        "frames.dropped": [0, 5, 16, 16],
        "frames.thinned": [0, 0, 4, 4],
        "frames.lost": [0, 0, 0, 0],
        "frames.late": [0, 0, 0, 0],
        "frames.in_flight": [0, 0, 0, 0],
    }
    return pd.DataFrame(standard | columns)


def test_fulfilment_counts_warnings_as_fulfilled():
    summary = summarise(trace())
    assert summary["slo_fulfilment"] == 0.5
    assert summary["slo_fulfilment_by_slo"] == {"load": 0.5, "latency_p95_ms": 0.75}
    assert summary["longest_violation"] == 2


def test_a_run_shorter_than_the_settling_time_says_nothing_about_after_it():
    assert summarise(trace())["slo_fulfilment_after_20"] is None


def test_the_time_to_adapt_counts_where_settings_were_waited_for():
    summary = summarise(trace(**{"metrics.time_to_adapt_ms": [math.nan, 100.0, 300.0, math.nan]}))
    assert (summary["time_to_adapt_ms_p50"], summary["time_to_adapt_ms_p95"]) == (200.0, 290.0)
    assert summarise(trace())["time_to_adapt_ms_p50"] is None, "of a run whose release did not measure it"


def test_what_was_wrong_with_the_source_is_as_it_was_last_known():
    assert "source" not in summarise(trace())
    told = {"source.undecodable": [0, 2, 5, math.nan], "source.truncated": [False, False, True, None]}
    assert summarise(trace(**told))["source"] == {"undecodable": 5, "truncated": True}


def test_depth_is_the_mean_excess_over_broken_pairs_of_step_and_slo():
    ratios = np.array([[0.5, 0.1], [1.5, 0.2], [3.0, 20.0]])
    assert depth(ratios, ratios > 1) == pytest.approx((0.5 + 2.0 + 9.0) / 3)  # 20 - 1 is capped at 9
    assert depth(ratios, ratios > 99) == 0.0


def test_several_knobs_moved_at_once_are_one_switch():
    assert switches_per_min(trace()) == pytest.approx(2 * 60 / 4)


def test_latency_is_weighted_by_the_frames_delivered():
    summary = summarise(trace())
    assert summary["latency_p95_ms"] == pytest.approx((10 * 100 + 10 * 200 + 30 * 300) / 50)


def test_frames_are_those_of_the_whole_episode():
    assert summarise(trace())["frames"] == {
        "offered": 70,
        "delivered": 50,
        "dropped": 16,
        "thinned": 4,
        "lost": 0,
        "late": 0,
        "in_flight": 0,
    }


def test_what_was_not_measured_neither_holds_nor_is_broken():
    # load: held, broken, unknown, unknown; latency: held, held, broken, held
    summary = summarise(trace(**{"slos.load": [0, 2, 0, 0], "known.load": [True, True, False, False]}))
    assert summary["slo_fulfilment_by_slo"] == {"load": 0.5, "latency_p95_ms": 0.75}
    assert summary["slo_unknown_by_slo"] == {"load": 0.5, "latency_p95_ms": 0.0}
    # together: held, broken, broken though not all is known, unknown
    assert (summary["slo_fulfilment"], summary["slo_unknown"]) == (pytest.approx(1 / 3), 0.25)
    assert summary["longest_violation"] == 2


def test_of_a_run_in_which_nothing_was_measured_no_fulfilment_is_known():
    nothing = {name: [0] * 4 for name in ("slos.load", "slos.latency_p95_ms")}
    unknown = {name: [False] * 4 for name in ("known.load", "known.latency_p95_ms")}
    summary = summarise(trace(**nothing, **unknown))
    assert (summary["slo_fulfilment"], summary["slo_unknown"]) == (None, 1.0)
    assert summary["slo_fulfilment_by_slo"] == {"load": None, "latency_p95_ms": None}


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"deaths": 0, "restarts": 0}, ""),
        ({"deaths": None, "restarts": None}, ""),
        ({"deaths": 1, "restarts": 0}, "a worker or collector died unplanned, 0 came back"),
        ({"deaths": 7, "restarts": 6}, "7 workers or collectors died unplanned, 6 came back"),
    ],
)
def test_deaths_that_nobody_planned_degrade_a_run(figures, said):
    assert degradation(figures).startswith(said) and bool(degradation(figures)) == bool(said)


def test_decision_times_are_percentiles_over_steps():
    assert summarise(trace())["decision_ms_p50"] == 2.5


@pytest.mark.parametrize(
    ("truths", "length"), [([], 0), ([0, 0], 0), ([1, 1, 0, 1], 2), ([0, 1, 0, 1, 1, 1], 3), ([1], 1)]
)
def test_longest_run_of_truths(truths, length):
    assert longest_run(np.array(truths, dtype=bool)) == length


def test_nested_values_have_dotted_keys_and_lists_of_numbers_stay_together():
    assert dotted({"a": {"b": [1, 2]}, "c": [{"d": None}], "e": {}}) == {
        "a.b": (1, 2),
        "c.0.d": None,
        "e": (),
    }
    assert dotted({}) == {}
