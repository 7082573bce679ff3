"""A run is held against its simulated twin; a simulation of other hardware stands in for the real one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from envs.hardware import Device, Hardware, Link
from experiments.display.summary_view import certificate_figures
from experiments.execution import certificate
from experiments.execution.certificate import certify, check_certifiable, drift, played
from experiments.interactive import arrange
from experiments.program.errors import ConfigError
from experiments.worlds.pipeline import PipelinePlan
from experiments.worlds.plan import SimulatorPlan, plan_twin

pytestmark = pytest.mark.timeout(900)  # the simulator may have to be compiled first
ACTIONS = [(5, 3, 0)] * 10 + [(2, 1, 0)] * 10 + [(5, 3, 0)] * 10


@pytest.fixture(scope="module")
def plan() -> PipelinePlan:
    """Four workers of one device."""
    words = ("env=pipeline", "hardware=rpi5", "detector.grades=[n]", "env.steps=30")
    found = arrange(*words).plan
    assert isinstance(found, PipelinePlan)
    return found


def as_if(plan: PipelinePlan, change: Callable[[Hardware], Hardware] = lambda same: same) -> pd.DataFrame:
    """Return the trace of the same actions on hardware that is not as in the profile."""
    twin = plan_twin(plan.config)
    assert isinstance(twin, SimulatorPlan)
    other = replace(twin, system=replace(twin.system, hardware=change(twin.system.hardware)))
    names = [f"levels.{knob.name}" for knob in plan.spec.knobs]
    return played(other, pd.DataFrame(np.array(ACTIONS), columns=names))


def test_a_run_that_was_as_in_the_profile_is_what_its_twin_is(plan):
    figures, twin = certify(plan, as_if(plan))
    assert figures["drift"] == pytest.approx([1.0])
    assert {metric["error_p95"] for metric in figures["metrics"].values()} == {0.0}
    assert figures["poor"] == ""
    assert len(twin) == len(ACTIONS)


def test_a_device_that_was_slower_is_told_from_a_twin_that_is_wrong(plan):
    figures, _ = certify(plan, as_if(plan, lambda hardware: hardware.slowed([1.6])))
    assert figures["drift"] == pytest.approx([1.6], rel=0.05)
    assert figures["poor"].startswith("device 0 took 1.")
    assert figures["metrics"]["latency_p95_ms"]["within"] >= 0.9
    assert figures["as_profiled"]["metrics"]["latency_p95_ms"]["within"] < 0.9


def test_a_link_that_the_profile_forgets_is_found_out(plan):
    def behind_a_link(hardware: Hardware) -> Hardware:
        link = Link(delay_ms=60.0, mbit_s=60.0)
        return replace(hardware, devices=tuple(replace(device, link=link) for device in hardware.devices))

    figures, _ = certify(plan, as_if(plan, behind_a_link))
    assert figures["drift"] == pytest.approx([1.0], rel=0.05)
    assert "latency_p95_ms near in" in figures["poor"]


def test_drift_is_the_typical_frames_where_nothing_changes_and_not_known_of_an_idle_device():
    columns = {"levels.fps": [0, 0, 0, 0, 1], "workers.worker-0.service_ms": [900.0, 400.0, 20.0, 30.0, 90.0]}
    frames = {"workers.worker-0.processed": [1, 10, 30, 20, 90], "workers.worker-1.processed": 0}
    real = pd.DataFrame(columns | frames | {"workers.worker-1.service_ms": np.nan})
    twin = real.assign(**{"workers.worker-0.service_ms": 10.0})
    assert drift(real, twin, [0, 1, 2]) == [2.5, None, None], (
        "of 60 frames 10 took 40 times, 30 twice, 20 thrice"
    )
    few = real.assign(**{"workers.worker-0.processed": 3})
    assert drift(few, twin, [0, 1, 2]) == [None, None, None]


def test_a_run_of_another_machine_or_with_a_death_has_no_certificate(plan):
    trace = as_if(plan)
    check_certifiable(plan, trace)
    with pytest.raises(ConfigError, match="died unplanned"):
        check_certifiable(plan, trace.assign(deaths=1))
    computing = tuple(replace(device, native=True) for device in plan.hardware.devices)
    elsewhere = replace(plan, hardware=replace(plan.hardware, devices=computing))
    with pytest.raises(ConfigError, match="the service times of this machine are not known"):
        check_certifiable(elsewhere, trace)


def test_of_workers_that_compute_no_more_is_asked_than_two_twins_have_in_common(plan, monkeypatch):
    def spread(devices: Sequence[Device], **changes: Any) -> Hardware:
        return Hardware(tuple(replace(device, **changes) for device in devices))

    twin = plan_twin(plan.config)
    assert isinstance(twin, SimulatorPlan)
    devices = twin.system.hardware.devices
    varied = replace(twin, system=replace(twin.system, hardware=spread(devices, sigma=0.5)))
    monkeypatch.setattr(certificate, "plan_twin", lambda _: varied)
    monkeypatch.setattr(certificate, "check_certifiable", lambda *_: None)  # it is of no machine
    real = as_if(plan, lambda hardware: spread(hardware.devices, sigma=0.5))
    emulated, _ = certify(plan, real)
    assert [emulated["metrics"]["latency_p95_ms"][name] for name in ("within", "chance")] == [1.0, 1.0]
    native, _ = certify(replace(plan, hardware=spread(devices, native=True)), real)
    assert (
        native["metrics"]["latency_p95_ms"]["chance"] < 1.0 == native["metrics"]["latency_p95_ms"]["within"]
    )
    assert "two twins in" in dict(certificate_figures(native))["twin, latency_p95_ms"]


def test_it_is_shown_as_a_figure_per_metric(plan):
    figures, _ = certify(plan, as_if(plan))
    *metrics, (_, drifts) = certificate_figures(figures)
    assert [name for name, _ in metrics] == [f"twin, {metric}" for metric in figures["metrics"]]
    assert drifts == "1.00"
