"""From measurements to a profile, to its file, and back."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from envs.hardware import Device, Hardware, Origin
from experiments.calibration.measuring import Measured
from experiments.calibration.profile import (
    N_QUANTILES,
    correlation,
    fit_link,
    profile_of,
    service_quantiles,
    significant,
    to_yaml,
)
from experiments.config.schemas import HardwareSchema
from experiments.worlds.builders import hardware_of
from pipeline.service_times import ServiceTimes, shape_factor

NATIVE = Hardware((Device(count=2, native=True, capacity=0.5),))


def cell(size: tuple[int, int], service_ms: list[float], forward_ms: float) -> pd.DataFrame:
    columns = {"grade": "n", "width": size[0], "height": size[1], "fps": 10.0, "round_trip_ms": 0.5}
    hops = {"capture_ms": 1.25, "forward_ms": forward_ms, "back_ms": 0.25}
    return pd.DataFrame({**columns, "device": 0, "service_ms": service_ms, **hops})


def measured(n_cells: int = 2) -> Measured:
    cells = [  # 3 x 160 x 90 = 43,200 bytes; at 1000 Mbit/s one byte takes 8 ns
        cell((160, 90), [20.0, 22.0, 24.0], 0.75 + 43_200 * 8e-6),
        cell((320, 180), [60.0, 60.0], 0.75 + 4 * 43_200 * 8e-6),
    ]
    memory = {"memory_mb": 8000.0, "used_mb": 1500.0}
    return Measured(pd.concat(cells[:n_cells]), (0.5,), memory)


def test_a_profile_has_what_was_measured_at_full_capacity():
    profile = profile_of(NATIVE, measured(), "a test")
    (device,) = profile.devices
    assert device.times["n"].ms == pytest.approx({"160x90": 11.0, "320x180": 30.0})  # not at half the speed
    assert device.times["n"].origin is Origin.MEASURED
    assert device.link.delay_ms == pytest.approx((0.75 + 0.25) / 2)
    assert device.link.mbit_s == pytest.approx(1000.0, rel=1e-3)
    assert (device.handling_ms, device.start_ms) == (0.5, NATIVE.devices[0].start_ms)
    assert (device.count, device.native, device.capacity) == (2, True, 0.5)
    host = profile.host
    assert (host.memory_mb, host.used_mb) == (8000.0, 1500.0)
    assert (host.message_ms, host.capture_ms) == (0.25, 1.25)


def test_what_slows_frames_together_is_a_correlation_whatever_their_size():
    moments = np.repeat([10.0, 14.0, 12.0, 16.0, 11.0, 13.0] * 4, 16)  # ms
    slow = pd.concat([cell((160, 90), list(moments), 0.0), cell((320, 180), list(5 * moments), 0.0)])
    assert correlation(slow) == pytest.approx(0.85, abs=0.06)
    assert correlation(cell((160, 90), list(moments[::16]), 0.0)) < 0.2
    assert correlation(cell((160, 90), [20.0, 22.0], 0.0)) == 0.0, "too few to tell"


def read_back(path: Path, profile: Hardware) -> Hardware:
    path.write_text(to_yaml(profile, "hardware", "Hardware local, as measured.", "How."))
    schema = OmegaConf.merge(OmegaConf.structured(HardwareSchema), OmegaConf.load(path))
    return hardware_of(OmegaConf.to_object(schema))  # type: ignore[arg-type]


def test_the_file_says_the_same_to_whoever_reads_it(tmp_path: Path):
    profile = profile_of(NATIVE, measured(), "a test")
    read = read_back(tmp_path / "local.yaml", profile)
    assert read.host == profile.host
    (device,), (written,) = read.devices, profile.devices
    assert device.service_times() == written.service_times()
    assert dataclasses.replace(device, times={}) == dataclasses.replace(written, times={})


def test_a_link_without_a_bandwidth_can_be_written(tmp_path: Path):
    profile = profile_of(NATIVE, measured(n_cells=1), "a test")
    assert profile.devices[0].link.mbit_s == math.inf
    assert read_back(tmp_path / "local.yaml", profile).devices[0].link.mbit_s == math.inf


# --- fits by hand: a few times, and the figures that they must give ---


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


def test_figures_are_rounded_to_significant_digits():
    assert [significant(x) for x in (123456.0, 0.000123456, 0.0)] == [123500.0, 0.0001235, 0.0]
