from pathlib import Path
from typing import Any

import pytest
import yaml

from envs.hardware import Device, GradeTimes, Hardware, Origin, usable_cores
from pipeline.messages import WorkType
from pipeline.service_times import ServiceTimes

CONF = Path(__file__).parents[2] / "conf" / "hardware"
TIMES = {"n": GradeTimes({"640x640": 80.0, "320x320": 25.0}, Origin.MEASURED, "this test")}


def from_conf(name: str) -> Hardware:
    devices = []
    for values in yaml.safe_load((CONF / f"{name}.yaml").read_text())["devices"]:
        times: dict[str, Any] = {
            grade: GradeTimes(**{**entry, "origin": Origin[entry["origin"]]})
            for grade, entry in values.pop("times", {}).items()
        }
        devices.append(Device(**values, times=times))
    return Hardware(tuple(devices))


def test_native_workers_are_pinned_to_cores_in_turn(tmp_path):
    options = Hardware((Device(count=3, capacity=0.5),)).worker_options(tmp_path, cores=(4, 6))
    assert [worker.cores for worker in options] == [(4,), (6,), (4,)]
    assert {(worker.threads, worker.capacity, worker.service_times) for worker in options} == {(1, 0.5, "")}


def test_emulated_workers_read_their_service_times_and_are_not_pinned(tmp_path):
    hardware = Hardware((Device(count=2, times=TIMES, sigma=0.1), Device(times=TIMES)))
    options = hardware.worker_options(tmp_path / "new", cores=(0,), seed=7)
    assert [(worker.cores, worker.seed) for worker in options] == [((), 7)] * 3
    first = ServiceTimes.load(options[0].service_times)
    assert first == ServiceTimes.load(options[1].service_times)
    assert first == ServiceTimes({"n": ((320, 320, 25.0), (640, 640, 80.0))}, 0.1)
    assert ServiceTimes.load(options[2].service_times).sigma == 0.0


def test_work_type_is_the_detectors_unless_emulated():
    assert Hardware((Device(),)).work_type(WorkType.YOLO_OBB) is WorkType.YOLO_OBB
    assert Hardware((Device(times=TIMES),)).work_type(WorkType.YOLO_OBB) is WorkType.EMULATED


def test_the_local_hardware_is_two_native_workers():
    assert from_conf("local") == Hardware((Device(count=2),))


def test_the_raspberry_pi_has_the_published_times():
    hardware = from_conf("emulated_rpi5")
    assert hardware.is_emulated and hardware.n_workers == 4
    device = hardware.devices[0]
    assert {grade: times.origin for grade, times in device.times.items()} == {
        "n": Origin.PUBLISHED,
        "s": Origin.PUBLISHED,
        "m": Origin.SCALED,
    }
    times = device.service_times()
    assert times.mean_ms("n", 640, 640) == pytest.approx(81.2)
    assert times.mean_ms("m", 640, 640) == pytest.approx(179.3 * 68.0 / 21.5, abs=0.05)
    assert times.mean_ms("n", 320, 320) == pytest.approx(81.2 / 2**1.8)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Device(count=0), "count and threads must be >= 1"),
        (lambda: Device(capacity=1.5), r"capacity must be in \(0, 1\], got 1.5"),
        (lambda: GradeTimes({"640": 1.0}, Origin.SCALED, "x"), "a size is WIDTHxHEIGHT in px, got '640'"),
        (lambda: GradeTimes({"640x640": 1.0}, Origin.SCALED, ""), "need a source"),
        (lambda: Hardware(()), "at least one device"),
        (lambda: Hardware((Device(), Device(times=TIMES))), "all be native or all emulated"),
    ],
)
def test_impossible_hardware_is_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


def test_there_is_a_core_to_run_on():
    assert usable_cores()
