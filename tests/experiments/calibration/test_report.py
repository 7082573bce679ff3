"""Errors, shares and ranks of a handful of settings."""

import pandas as pd
import pytest

from experiments.calibration.report import compare
from experiments.statistics.agreement import METRICS, TARGETS

FIGURES = {
    "delivered_fps": 10.0,
    "queue_size": 4.0,
    "latency_p95_ms": 100.0,
    "memory_usage": 0.5,
    "drop_rate": 0.0,
    "load": 0.5,
}


def settings(*pairs: tuple[dict, dict]) -> pd.DataFrame:
    """Per setting, what differs from FIGURES in the true world and in the other one."""
    rows = []
    for number, pair in enumerate(pairs):
        for world, changes in zip(("native", "simulated"), pair, strict=True):
            rows.append({"setting": number, "world": world, **FIGURES, **changes})
    return pd.DataFrame(rows)


def test_a_setting_is_within_if_every_metric_with_a_target_is():
    table = compare(
        settings(
            ({}, {"delivered_fps": 9.1, "queue_size": 6.0, "latency_p95_ms": 124.0, "memory_usage": 0.9}),
            ({}, {"latency_p95_ms": 126.0}),
            ({}, {"delivered_fps": 8.9}),
        ),
        "native",
        "simulated",
    ).table
    assert list(table["is_met"]) == [True, False, False]
    assert list(table["latency_p95_ms.is_met"]) == [True, False, True]
    assert table["delivered_fps.error"].tolist() == pytest.approx([-0.9, 0.0, -1.1])


def test_settings_near_the_critical_load_are_counted_apart_by_the_true_load():
    far = {"latency_p95_ms": 300.0}
    compared = compare(
        settings(({"load": 0.95}, far), ({}, {"load": 1.0}), ({"load": 1.2}, far), ({"load": 1.05}, {})),
        "native",
        "simulated",
    )
    assert compared.table["is_critical"].tolist() == [True, False, False, True]
    assert compared.summary()["n_critical"] == 2
    found = compared.summary()["share_within"]
    assert found["all"] == pytest.approx(0.5)
    assert found["critical"] == pytest.approx(0.5)
    assert found["delivered_fps"] == pytest.approx(1.0)


def test_without_a_setting_there_is_no_share():
    compared = compare(settings(({}, {})), "native", "simulated")
    assert compared.summary()["share_within"]["critical"] is None


def test_typical_errors_are_medians_and_nothing_is_divided_by_nothing():
    compared = compare(
        settings(*[({}, {"delivered_fps": fps, "drop_rate": 0.1}) for fps in (10.0, 9.0, 5.0)]),
        "native",
        "simulated",
    )
    found = compared.summary()["errors"]
    assert found["delivered_fps"] == pytest.approx({"absolute": 1.0, "relative": 0.1})
    assert found["drop_rate"] == {"absolute": pytest.approx(0.1), "relative": None}
    assert set(found) == set(METRICS) > set(TARGETS)
