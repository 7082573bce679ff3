"""`hardware=local` is this machine, once it was measured; until then what stands in goes by its own name."""

import io
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from rich.console import Console

from envs.hardware import Hardware
from experiments.calibration.profile import to_yaml
from experiments.config.composing import composed, option, register
from experiments.config.schemas import CONF
from experiments.execution.resolve import ResolvedRun, resolve
from experiments.execution.this_machine import STAND_IN, own_profile
from experiments.worlds.builders import hardware_of


def resolved(results: Path, *words: str) -> tuple[ResolvedRun, str]:
    """A run of this machine, and what was said."""
    said = io.StringIO()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg, choices = composed(["agent=rule", "hardware=local", f"results={results}", *words])
        return resolve(cfg, choices, Console(file=said, width=200)), said.getvalue()


@pytest.fixture(scope="module")
def stand_in() -> Hardware:
    """What stands in."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return hardware_of(option("hardware", STAND_IN))


def test_a_machine_that_was_not_measured_is_simulated_by_another_that_is_named(tmp_path, stand_in):
    run, said = resolved(tmp_path, "env=simulator", "hardware.devices.0.count=3")
    assert run.identity.choices["hardware"] == STAND_IN
    hardware = hardware_of(run.plan.config.hardware)
    assert hardware.n_workers == 3
    assert hardware.devices[0].service_times() == stand_in.devices[0].service_times()
    assert said.startswith(f"{STAND_IN} stands in for this machine")


def test_workers_that_compute_need_no_times(tmp_path):
    run, said = resolved(tmp_path, "env=pipeline", "detector=none")
    assert run.identity.choices["hardware"] == "local"
    assert not hardware_of(run.plan.config.hardware).devices[0].times
    assert said == ""


@pytest.mark.parametrize("env", ["pipeline", "simulator"])
def test_what_was_measured_here_is_found(tmp_path, stand_in, env):
    measured = stand_in.slowed([0.5])
    own_profile(tmp_path).parent.mkdir()
    own_profile(tmp_path).write_text(to_yaml(measured, "hardware", "Here.", "By hand."), encoding="utf-8")
    run, said = resolved(tmp_path, f"env={env}", "hardware.devices.0.threads=2")
    hardware = hardware_of(run.plan.config.hardware)
    (device,) = hardware.devices
    assert (run.identity.choices["hardware"], said) == ("local", "")
    assert (device.native, device.threads, device.count) == (True, 2, 2)
    assert device.service_times() == measured.devices[0].service_times()
    assert device.handling_ms == measured.devices[0].handling_ms
    assert hardware.host == measured.host
