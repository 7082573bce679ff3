import math
from dataclasses import replace

import pytest

from envs.hardware import Device, GradeTimes, Hardware, Host, Link, Origin
from pipeline.messages import WorkType
from pipeline.options import WorkerOptions
from pipeline.service_times import ServiceTimes

TIMES = {"n": GradeTimes({"640x640": 80.0, "320x320": 25.0}, Origin.MEASURED, "this test")}


def test_native_workers_are_pinned_to_cores_in_turn(tmp_path):
    options = Hardware((Device(count=3, native=True, capacity=0.5),)).worker_options(tmp_path, cores=(4, 6))
    assert [worker.cores for worker in options] == [(4,), (6,), (4,)]
    assert {(worker.threads, worker.capacity, worker.service_times) for worker in options} == {(1, 0.5, "")}


def test_emulated_workers_read_their_service_times_and_are_not_pinned(tmp_path):
    hardware = Hardware((Device(count=2, times=TIMES, sigma=0.1), Device(times=TIMES)))
    options = hardware.worker_options(tmp_path / "new", cores=(0,), seed=7)
    assert [(worker.cores, worker.seed) for worker in options] == [((), 7)] * 3
    first = ServiceTimes.load(options[0].service_times)
    assert first == ServiceTimes.load(options[1].service_times)
    assert first == hardware.devices[0].service_times()
    assert first.tables == {"n": ((320, 320, 25.0), (640, 640, 80.0))} and first.sigma == 0.1
    assert ServiceTimes.load(options[2].service_times).sigma == 0.0


def test_an_emulated_worker_is_told_all_of_its_device_and_a_native_one_has_it(tmp_path):
    device = Device(
        times=TIMES, handling_ms=1.0, load_ms=2.0, new_shape_ms=3.0, link=Link(delay_ms=4.0, mbit_s=5.0)
    )
    (told,) = Hardware((device,)).worker_options(tmp_path, cores=(0,))
    emulated = (told.handling_ms, told.load_ms, told.new_shape_ms, told.link_delay_ms, told.link_mbit_s)
    assert emulated == (1.0, 2.0, 3.0, 4.0, 5.0)
    (told,) = Hardware((replace(device, native=True),)).worker_options(tmp_path, cores=(0,))
    assert told == WorkerOptions(cores=(0,))


def test_work_type_is_the_detectors_unless_emulated():
    assert Hardware((Device(native=True),)).work_type(WorkType.YOLO_OBB) is WorkType.YOLO_OBB
    assert Hardware((Device(times=TIMES),)).work_type(WorkType.YOLO_OBB) is WorkType.EMULATED


def test_native_hardware_with_times_can_be_emulated_and_other_cannot():
    hardware = Hardware((Device(native=True, times=TIMES), Device(native=True, times=TIMES, count=2)))
    assert hardware.is_native and not hardware.emulated().is_native
    assert hardware.emulated().n_workers == 3
    with pytest.raises(ValueError, match="no service times yet"):
        Hardware((Device(native=True),)).emulated()


def test_capacities_are_those_of_the_first_device():
    hardware = Hardware((Device(times=TIMES, sigma=0.3, count=5), Device(times=TIMES)))
    staffed = hardware.with_capacities((0.6, 0.4))
    assert [(device.capacity, device.count, device.sigma) for device in staffed.devices] == [
        (0.6, 1, 0.3),
        (0.4, 1, 0.3),
    ]


def test_power_is_linear_in_the_busy_share_and_unknown_where_it_is():
    device = Device(times=TIMES, idle_w=2.0, busy_w=10.0, power_source="this test")
    assert [device.power_w(share) for share in (0.0, 0.25, 1.0, 1.5)] == [2.0, 4.0, 10.0, 10.0]
    assert math.isnan(Device(times=TIMES).power_w(0.5))


def test_a_grade_without_service_times_is_named():
    with pytest.raises(ValueError, match=r"no service times of grade s; say detector.grades=\[n\]"):
        Hardware((Device(times=TIMES),)).check_grades(("n", "s"))


def test_quantiles_reach_the_service_times_as_multiples_of_the_mean(tmp_path):
    measured = replace(TIMES["n"], quantiles_ms={"320x320": (20.0, 25.0, 50.0)})
    (told,) = Hardware((Device(times={"n": measured}),)).worker_options(tmp_path, cores=(0,))
    times = ServiceTimes.load(told.service_times)
    assert times.shape("n", 320, 320) == (0.8, 1.0, 2.0)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Device(native=True, count=0), "count and threads must be >= 1"),
        (lambda: Device(native=True, capacity=1.5), r"capacity must be in \(0, 1\], got 1.5"),
        (lambda: GradeTimes({"640": 1.0}, Origin.SCALED, "x"), "a size is WIDTHxHEIGHT in px, got '640'"),
        (lambda: GradeTimes({"640x640": 1.0}, Origin.SCALED, ""), "need a source"),
        (lambda: Hardware(()), "at least one device"),
        (lambda: Hardware((Device(native=True), Device(times=TIMES))), "all be native or none of them"),
        (lambda: Device(), "needs service times"),
        (lambda: Device(native=True, load_ms=-1.0), "load_ms must be a finite number >= 0, got -1"),
        (lambda: Device(native=True, idle_w=1.0), "both idle_w and busy_w, or neither"),
        (lambda: Device(native=True, idle_w=2.0, busy_w=1.0), "expected 0 <= idle_w <= busy_w"),
        (lambda: Device(native=True, idle_w=1.0, busy_w=2.0), "need a power_source"),
        (lambda: Link(delay_ms=201.0), r"delay_ms of a link must be in \[0, 200\]"),
        (lambda: Link(mbit_s=0.0), "mbit_s of a link must be > 0"),
        (lambda: Host(used_mb=9000.0), "used_mb < memory_mb"),
        (lambda: Host(message_ms=-1.0), "expected message_ms in"),
        (
            lambda: GradeTimes({"1x1": 1.0}, Origin.MEASURED, "x", {"2x2": (1.0, 2.0)}),
            r"sizes that have a mean in ms, got also \['2x2'\]",
        ),
    ],
)
def test_impossible_hardware_is_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
