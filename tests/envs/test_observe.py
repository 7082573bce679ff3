import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from envs.observe import OUTCOMES, Snapshot, judge, latest_f1
from envs.spec import Quality
from envs.worth import Worth
from pipeline.catalogue import CATALOGUE
from pipeline.interval import WorkerInterval
from pipeline.messages import Totals
from pipeline.slos import SloState
from tests.envs.fakes import LADDERS, interval, spec


def snapshot(**changes: Any) -> Snapshot:
    facts: dict[str, Any] = {
        "step": 4,
        "levels": (2, 1, 1),
        "previous": (2, 1, 1),
        "settings": LADDERS.settings((2, 1, 1)),
        "streams": 1,
        "interval": interval(),
        "interval_s": 1.0,
        "report_age_s": 0.1,
    }
    return Snapshot(**(facts | changes))


def numbers(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(numbers(item) for item in value.values())
    return isinstance(value, int | float)


def shape(info: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: sorted(v) if isinstance(v, Mapping) else [] for name, v in info.items()}


def test_figures_of_a_healthy_interval():
    observation, reward, info = judge(spec(), snapshot())
    # queue 6 of 2 s · 30/s; p95 80 of 1000 ms; load 30/s · 0.04 s / 2 workers
    assert info["ratios"] == pytest.approx({"queue_size": 0.1, "latency_p95_ms": 0.08, "load": 0.6})
    assert info["slos"] == {"queue_size": 0, "latency_p95_ms": 0, "load": 0}
    assert info["known"] == {"queue_size": True, "latency_p95_ms": True, "load": True}
    # fps and height at their best, accuracy half way from n to s
    assert info["qoe"] == pytest.approx(2.5 / 3) == reward
    assert info["delivered"] == {"fps": 30.0, "resolution": 360.0, "grade": 43.25}
    assert info["levels"] == {"fps": 2, "resolution": 1, "grade": 1}
    assert info["settings"] == {"fps": 30.0, "width": 640, "height": 360, "grade": 1}
    expected = {
        "utilisation": 0.6,
        "service_ms": 40.0,
        "processed": 15,
        "in_hand": 1,
        "expected_service_ms": math.nan,
        "expected_transfer_ms": math.nan,
    }
    assert info["workers"]["worker-1"] == pytest.approx(expected, nan_ok=True)
    assert observation == pytest.approx([1, 1, 1, 0.1, 0.08, 0.6, 1, 1, 1, 0, 0, 0.6, 1, 0, 1, 1.0, 0.6])


def test_metrics_are_the_catalogue_the_hops_and_the_counts():
    metrics = judge(spec(), snapshot(interval=interval(dropped={"a": 1, "b": 2}, lost=3, late=4))).info[
        "metrics"
    ]
    assert set(CATALOGUE) < set(metrics)
    assert metrics["hop_queue_ms"] == 5.0
    assert [metrics[name] for name in ("offered", "delivered", "dropped", "lost", "late")] == [
        30,
        30,
        3,
        3,
        4,
    ]


def test_a_broken_slo_makes_the_reward_negative_whatever_the_quality():
    # load 1.5: a third of the SLOs broken, by half: -(1/3)(1/2 + 1/2 * 1/2)
    workers = tuple(
        w.__class__(name=w.name, processed=15, service_s=1.5, busy_s=1.5, in_hand=1)
        for w in interval().workers
    )
    _, reward, info = judge(spec(), snapshot(interval=interval(workers=workers)))
    assert info["slos"]["load"] == SloState.CRITICAL
    assert reward == pytest.approx(-0.25)


def test_a_quality_by_accuracy_is_of_what_was_found_last_where_an_interval_tells_of_nothing():
    worth = Worth.ageless(np.zeros(spec().n_levels))
    judged_by_f1 = replace(spec(), joint_worth=worth, quality=Quality.ACCURACY)
    assert judge(judged_by_f1, snapshot(f1_before=0.7)).info["qoe"] == 0.7
    assert judge(judged_by_f1, snapshot()).info["qoe"] == 0.0  # nothing was ever found
    assert latest_f1({"streaming_f1": 0.4}, before=0.7) == 0.4
    assert latest_f1({"streaming_f1": math.nan}, before=0.7) == 0.7


def test_every_changed_knob_costs():
    assert judge(spec(), snapshot(previous=(0, 1, 0))).reward == pytest.approx(2.5 / 3 - 0.02 * 2 / 3)


def test_before_the_first_interval_every_slo_is_unknown():
    observation, _, info = judge(spec(), snapshot(interval=None))
    assert observation == pytest.approx([1, 1, 1] + [0] * 14)
    assert info["known"] == {"queue_size": False, "latency_p95_ms": False, "load": False}
    assert all(math.isnan(value) for value in info["metrics"].values())


def test_an_interval_in_which_nothing_was_completed_gives_a_finite_observation():
    silent = interval(
        delivered=0,
        latencies_ms=None,
        oldest_undelivered_ms=None,
        delivered_height_px=None,
        delivered_by_grade=(0, 0),
        workers=(),
        hops_ms={},
    )
    observation, _, info = judge(spec(), snapshot(interval=silent))
    assert observation.dtype == np.float32 and observation in spec().observation_space
    assert info["qoe"] == 0.0 and math.isnan(info["delivered"]["grade"])
    assert info["metrics"]["load"] == math.inf and info["slos"]["load"] == SloState.CRITICAL


def test_an_interval_of_which_nothing_is_known_earns_nothing():
    blind = interval(
        offered=0,
        delivered=0,
        latencies_ms=None,
        oldest_undelivered_ms=None,
        delivered_height_px=None,
        delivered_by_grade=(0, 0),
        workers=(WorkerInterval(name="worker-0", processed=0, service_s=0.0, busy_s=0.0, in_hand=0),),
    )
    spec_of_unknowns = replace(spec(), slos=spec().slos[1:])  # a queue is always known
    _, reward, info = judge(spec_of_unknowns, snapshot(interval=blind))
    assert info["known"] == {"latency_p95_ms": False, "load": False}
    assert reward == 0.0


def test_info_has_numbers_only_and_always_the_same_names():
    usual, first = judge(spec(), snapshot()).info, judge(spec(), snapshot(interval=None)).info
    assert numbers(usual) and numbers(first)
    assert {**shape(usual), "workers": []} == {**shape(first), "workers": []}


def test_frames_add_up_and_drops_say_why():
    totals = Totals(
        offered=67,
        delivered=50,
        dropped={"a": 3, "b": 1},
        thinned=7,
        lost=1,
        lost_by={},
        late=2,
        in_flight=3,
        requeued=5,
    )
    info = judge(spec(), snapshot(totals=totals)).info
    assert info["frames"]["dropped"] == 4 and info["drops"] == {"a": 3, "b": 1}
    assert info["frames"]["offered"] == sum(info["frames"][name] for name in OUTCOMES)


@pytest.mark.parametrize(("age_s", "stale"), [(0.5, False), (5.0, True), (math.inf, True)])
def test_old_reports_are_flagged(age_s, stale):
    assert judge(spec(), snapshot(report_age_s=age_s)).info["stale"] is stale


def test_nothing_that_a_simulator_needs_imports_sockets_or_models():
    modules = "envs, envs.spec, envs.reward, envs.video, envs.scenario, envs.observe, envs.hardware"
    heavy = ("torch", "ultralytics", "zmq", "cv2", "av")
    code = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
