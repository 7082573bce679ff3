"""A whole calibration of a real pipeline whose workers sleep times that are known."""

from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from envs.hardware import Device, GradeTimes, Hardware, Origin
from experiments.calibration.measuring import calibrate, n_parts
from experiments.calibration.profile import Measured, profile_of
from experiments.config.programs import CalibrateConfig, register
from experiments.config.schemas import CONF
from experiments.config.world_schemas import PipelineSchema
from experiments.worlds.pipeline import PipelinePlan, plan_pipeline, source_ladders

MS = {"n": {"160x90": 10.0, "320x180": 20.0}, "s": {"160x90": 20.0, "320x180": 40.0}}
SMALL = (
    "hardware=rpi5",
    "detector.grades=[n,s]",
    "video.width=320",
    "video.height=180",
    "video.heights_px=[90,180]",
)
SHORT = ("grid.seconds=0.6", "grid.frames=10", "grid.probe_s=0.1", "grid.settle_s=0.1")


def small_plan() -> tuple[CalibrateConfig, PipelinePlan]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_object(compose("calibrate", [*SMALL, *SHORT, "grid.saturated_s=0.7"]))
    assert isinstance(config, CalibrateConfig)
    assert isinstance(config.env, PipelineSchema)
    times = {grade: GradeTimes(ms, Origin.ASSUMED, "made up for this test") for grade, ms in MS.items()}
    hardware = Hardware((Device(count=2, times=times, start_ms=0.0),))
    return config, replace(plan_pipeline(config, config.env), hardware=hardware)


@pytest.mark.nightly
@pytest.mark.real
def test_what_workers_sleep_is_what_is_measured_and_nothing_is_measured_twice(tmp_path: Path):
    config, plan = small_plan()
    ladders, said = source_ladders(plan.producer), []
    *_, measured = found = list(calibrate(config, plan, ladders, Measured(), tmp_path, said.append))
    assert [one.n_parts for one in found] == [1, 2, 3, 4, 5, 6]
    assert n_parts(config, ladders) == 6

    profile = profile_of(plan.hardware, measured, "this test")
    (device,) = profile.devices
    for grade, by_size in MS.items():
        assert device.times[grade].ms == pytest.approx(by_size, rel=1e-3)
        assert device.times[grade].origin is Origin.MEASURED
    assert device.handling_ms == pytest.approx(0.0, abs=1.0)
    assert 100 < device.start_ms < 60_000
    assert 0 < device.link.delay_ms < 50
    assert 0 < profile.host.message_ms < 50
    assert 0 < profile.host.used_mb < profile.host.memory_mb

    said.clear()
    assert list(calibrate(config, plan, ladders, measured, tmp_path, said.append)) == []
    assert not said
