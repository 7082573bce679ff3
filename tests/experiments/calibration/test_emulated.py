"""A whole calibration of a real pipeline whose workers sleep times that are known."""

from pathlib import Path

import pytest

from envs.hardware import Device, GradeTimes, Hardware, Origin
from experiments.calibration.calibration import Task, calibrate
from experiments.calibration.profile import profile_of
from experiments.calibration.schema import AccuracySchema, GridSchema
from experiments.calibration.store import Store
from pipeline.messages import WorkType
from pipeline.options import ProducerOptions
from pipeline.settings import ladders_for

MS = {"n": {"160x90": 10.0, "320x180": 20.0}, "s": {"160x90": 20.0, "320x180": 40.0}}
HEIGHTS_PX = (90, 180)


def hardware() -> Hardware:
    times = {grade: GradeTimes(ms, Origin.ASSUMED, "made up for this test") for grade, ms in MS.items()}
    return Hardware((Device(count=2, times=times, start_ms=0.0),))


def task() -> Task:
    producer = ProducerOptions(
        width=320, height=180, heights_px=HEIGHTS_PX, grades=("n", "s"), work_type=WorkType.EMULATED
    )
    return Task(
        producer=producer,
        ladders=ladders_for(320, 180, 30.0, ("n", "s"), heights_px=HEIGHTS_PX),
        hardware=hardware(),
        seed=0,
        grid=GridSchema(
            seconds=0.6, frames=10, probe_s=0.2, settle_s=0.2, busy=0.6, saturated_s=0.7, start_up=True
        ),
        accuracy=AccuracySchema(enabled=True, path="", truth="", classes=["car"], n_pictures=2),
    )


@pytest.mark.real
def test_what_workers_sleep_is_what_is_measured_and_nothing_is_measured_twice(tmp_path: Path):
    store, said, done = Store(tmp_path / "store.json", "key"), [], []
    measured = calibrate(task(), store, tmp_path, said.append, lambda: done.append(1))
    assert len(done) == task().n_parts() == task().n_done(measured) == 7

    profile = profile_of(hardware(), measured, "this test")
    (device,) = profile.devices
    for grade, by_size in MS.items():
        assert device.times[grade].ms == pytest.approx(by_size, rel=1e-3)
        assert device.times[grade].origin is Origin.MEASURED
    assert device.handling_ms == pytest.approx(0.0, abs=1.0)
    assert 100 < device.start_ms < 60_000
    assert 0 < device.link.delay_ms < 50
    assert 0 < profile.host.message_ms < 50
    assert 10 < profile.host.baseline_mb < profile.host.memory_mb
    assert profile.accuracy == {}  # emulated workers see nothing

    again = Store(tmp_path / "store.json", "key")
    assert again.take_up()
    said.clear()
    assert calibrate(task(), again, tmp_path, said.append, lambda: done.append(1)) == measured
    assert not said
