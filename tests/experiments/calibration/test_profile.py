"""From measurements to a profile, to its file, and back."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from envs.hardware import Device, Hardware, Origin
from experiments.calibration.profile import (
    Measured,
    Saturated,
    mean_service_ms,
    profile_of,
    to_yaml,
)
from experiments.calibration.session import with_profile
from experiments.config.programs import CalibrateConfig, register
from experiments.config.schemas import CONF
from experiments.worlds.builders import hardware_of

NATIVE = Hardware((Device(count=2, native=True, capacity=0.5),))


def cell(size: tuple[int, int], service_ms: list[float], forward_ms: float) -> dict[str, list[Any]]:
    columns = {"grade": "n", "width": size[0], "height": size[1], "fps": 10.0, "round_trip_ms": 0.5}
    hops = {"capture_ms": 1.25, "forward_ms": forward_ms, "back_ms": 0.25}
    return pd.DataFrame({**columns, "device": 0, "service_ms": service_ms, **hops}).to_dict("list")  # type: ignore[return-value]


def measured() -> Measured:
    cells = {  # 3 x 160 x 90 = 43,200 bytes; at 1000 Mbit/s one byte takes 8 ns
        "n/160x90": cell((160, 90), [20.0, 22.0, 24.0], 0.75 + 43_200 * 8e-6),
        "n/320x180": cell((320, 180), [60.0, 60.0], 0.75 + 4 * 43_200 * 8e-6),
    }
    return Measured(
        cells,
        Saturated((0.5,), 1.1),
        {"start_ms": 3000.0, "load_ms": 400.0, "new_shape_ms": 25.0},
        {"memory_mb": 8000.0, "used_mb": 1500.0},
    )


def test_a_profile_has_what_was_measured_at_full_capacity():
    profile = profile_of(NATIVE, measured(), "a test")
    (device,) = profile.devices
    assert device.times["n"].ms == pytest.approx({"160x90": 11.0, "320x180": 30.0})  # not at half the speed
    assert device.times["n"].origin is Origin.MEASURED
    assert mean_service_ms(profile, "n", 160, 90) == pytest.approx(22.0)
    assert device.link.delay_ms == pytest.approx((0.75 + 0.25) / 2)
    assert device.link.mbit_s == pytest.approx(1000.0, rel=1e-3)
    assert (device.handling_ms, device.start_ms, device.load_ms, device.new_shape_ms) == (0.5, 3000, 400, 25)
    assert (device.count, device.native, device.capacity) == (2, True, 0.5)
    host = profile.host
    assert (host.memory_mb, host.used_mb) == (8000.0, 1500.0)
    assert (host.message_ms, host.capture_ms) == (0.25, 1.25)


def test_without_start_up_this_stays_as_it_was():
    without = dataclasses.replace(measured(), start_up=None)
    profile = profile_of(NATIVE, without, "a test")
    assert profile.devices[0].start_ms == NATIVE.devices[0].start_ms


def read_back(path: Path, profile: Hardware) -> Hardware:
    path.write_text(to_yaml(profile, "hardware", "Hardware local, as measured.", "How."))
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_object(compose("calibrate", ["hardware=rpi5"]))
    assert isinstance(config, CalibrateConfig)
    return hardware_of(with_profile(config, path).hardware)


def test_the_file_says_the_same_to_whoever_reads_it(tmp_path: Path):
    profile = profile_of(NATIVE, measured(), "a test")
    read = read_back(tmp_path / "local.yaml", profile)
    assert read.host == profile.host
    (device,), (written,) = read.devices, profile.devices
    assert device.service_times() == written.service_times()
    assert dataclasses.replace(device, times={}) == dataclasses.replace(written, times={})


def test_a_link_without_a_bandwidth_can_be_written(tmp_path: Path):
    (first, _) = measured().cells.values()
    profile = profile_of(NATIVE, dataclasses.replace(measured(), cells={"n/160x90": first}), "a test")
    assert profile.devices[0].link.mbit_s == math.inf
    assert read_back(tmp_path / "local.yaml", profile).devices[0].link.mbit_s == math.inf


def test_scaling_is_of_every_service_time_and_of_nothing_else():
    profile = profile_of(NATIVE, measured(), "a test")
    slower = profile.slowed([1.5])
    assert mean_service_ms(slower, "n", 160, 90) == pytest.approx(33.0)
    times, before = slower.devices[0].service_times(), profile.devices[0].service_times()
    assert times.shape("n", 160, 90) == pytest.approx(before.shape("n", 160, 90))
    assert slower.host == profile.host
