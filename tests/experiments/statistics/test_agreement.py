"""How far two traces of the same actions are apart, on four intervals that can be counted by hand."""

import math

import pandas as pd
import pytest

from experiments.statistics.agreement import Target, twin_agreement


def trace(**columns) -> pd.DataFrame:
    """Four intervals that hold their only SLO."""
    standard = {
        "qoe": [0.5, 0.5, 0.5, 0.7],
        "slos.latency_p95_ms": [0, 0, 0, 0],
        "known.latency_p95_ms": True,
        "metrics.delivered_fps": 10.0,
        "metrics.queue_size": 4.0,
        "metrics.latency_p95_ms": [100.0, 100.0, 200.0, 200.0],
        "metrics.memory_usage": 0.5,
        "metrics.drop_rate": 0.0,
        "metrics.load": 0.5,
    }
    return pd.DataFrame(standard | columns)


def test_a_target_is_a_share_or_an_amount_whichever_is_more():
    queue = Target(0.2, least=2.0)
    assert queue.is_met(0.0, 2.0)
    assert not queue.is_met(0.0, 2.1)
    assert queue.is_met(100.0, 119.0)
    assert not queue.is_met(100.0, 121.0)


def test_what_is_unknown_in_both_worlds_agrees_and_in_one_does_not():
    target = Target(0.1)
    assert target.is_met(math.nan, math.nan)
    assert not target.is_met(math.nan, 1.0)
    assert not target.is_met(1.0, math.nan)


def test_a_trace_agrees_with_itself():
    found = twin_agreement(trace(), trace())
    assert found["metrics"]["delivered_fps"] == {
        "error_p50": 0.0,
        "error_p95": 0.0,
        "within": 1.0,
        "chance": 1.0,
    }
    assert (found["same_side"], found["poor"]) == ({"latency_p95_ms": 1.0}, "")
    assert (found["slo_fulfilment"], found["qoe_mean"]) == ([1.0, 1.0], pytest.approx([0.55, 0.55]))


def test_errors_are_of_intervals_and_the_longer_trace_counts_as_far_as_the_other():
    other = {"metrics.latency_p95_ms": [110.0, 80.0, 260.0], "slos.latency_p95_ms": [0, 0, 2], "qoe": 0.4}
    found = twin_agreement(trace(), trace().iloc[:3].assign(**other))
    assert found["metrics"]["latency_p95_ms"] == {
        "error_p50": 20.0,
        "error_p95": 56.0,
        "within": 2 / 3,
        "chance": 1.0,
    }
    assert found["same_side"] == {"latency_p95_ms": 2 / 3}
    assert found["slo_fulfilment"] == [1.0, 2 / 3]
    assert found["qoe_mean"] == pytest.approx([0.5, 0.4])
    assert found["poor"] == (
        "latency_p95_ms near in 67% of the intervals; latency_p95_ms on the same side of its threshold in 67%"
        "; QoE 0.50 where the twin has 0.40"
    )


def test_no_model_is_asked_to_be_nearer_than_chance_allows():
    other, redrawn = (
        trace(**{"metrics.latency_p95_ms": [100.0, own, 200.0, 200.0]}) for own in (150.0, 90.0)
    )
    assert "latency_p95_ms near in 75%" in twin_agreement(trace(), other)["poor"]
    found = twin_agreement(trace(), other, redrawn)
    assert found["metrics"]["latency_p95_ms"]["chance"] == 0.75
    assert found["poor"] == ""


def test_what_is_unknown_in_one_of_them_is_on_no_side():
    unknown = trace(**{"known.latency_p95_ms": [False, True, True, True], "metrics.load": math.nan})
    found = twin_agreement(unknown, trace(**{"slos.latency_p95_ms": [2, 0, 0, 0]}))
    assert found["same_side"] == {"latency_p95_ms": 1.0}
    assert found["metrics"]["load"] == {"error_p50": None, "error_p95": None}
