"""What workers do with a frame: the emulated device's clock, weights that are mixed, capacity."""

from typing import Any

import numpy as np
import pytest

from pipeline.messages import TaskHeader, Weights, WorkType
from pipeline.options import WorkerOptions
from pipeline.service_times import ServiceTimes
from pipeline.worker import workloads
from pipeline.worker.jobs import Job, Plan
from pipeline.worker.ring import SlotReader
from pipeline.worker.weights import Weighting
from pipeline.worker.workloads import Detection, Emulation, Processed, Workload, workload_for

MS = 1_000_000
TIMES = ServiceTimes({"n": ((640, 360, 10.0),), "m": ((640, 360, 40.0),)})
NOTHING = SlotReader()


class Clock:
    """Stands still unless somebody sleeps; oversleeps by a millisecond, as systems do."""

    def __init__(self, now_ns: int = 0) -> None:
        self.now_ns = now_ns
        self.slept_ns: list[int] = []

    def monotonic_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.slept_ns.append(round(seconds * 1e9))
        self.now_ns += round(seconds * 1e9) + MS


@pytest.fixture
def clock(monkeypatch):
    """The workloads' clock."""
    clock = Clock(1000 * MS)
    monkeypatch.setattr(workloads, "time", clock)
    return clock


def job(received_ns: int, grade: int = 0, shape=(360, 640, 3), **task) -> Job:
    """A task in slot 0."""
    return Job(0, received_ns, 0, "w", TaskHeader(id=0, dtype="uint8", shape=shape, grade=grade, **task))


def plan(*grades: str, weights=None, load=None, work_type=WorkType.EMULATED) -> Plan:
    """Of these grades, without sizes."""
    return Plan(work_type, grades, weights or {}, (), load or tuple(range(len(grades))), return_frames=False)


def emulation(times: ServiceTimes | None = TIMES, **options) -> Emulation:
    """Ready for n and m."""
    made = Emulation(times, WorkerOptions(**options))
    assert made.prepare(plan("n", "m")) == Weights.EMULATED
    return made


def process(work: Workload, job: Job, frames: Any = NOTHING) -> Processed:
    """Have it done, as inference does."""
    return work.process(job, frames, work.begin_ns(job))


def span(processed: Processed) -> tuple[float, float]:
    """(started, done) in ms."""
    return processed.started_ns / MS, processed.done_ns / MS


def test_an_idle_device_starts_when_the_frame_came_and_is_done_a_service_time_later(clock):
    assert span(process(emulation(), job(999 * MS))) == (999, 1009)
    assert clock.slept_ns == [9 * MS], "what was lost before is not slept again"


def test_a_busy_device_starts_when_the_one_before_is_done_and_lateness_does_not_add_up(clock):
    device = emulation()
    spans = [span(process(device, job(1000 * MS))) for _ in range(3)]
    assert spans == [(1000, 1010), (1010, 1020), (1020, 1030)]
    assert clock.slept_ns == [10 * MS, 9 * MS, 9 * MS]


def test_each_task_takes_the_time_of_its_own_grade_and_size(clock):
    device = emulation()
    assert span(process(device, job(1000 * MS, grade=1))) == (1000, 1040)
    started, done = span(process(device, job(2000 * MS, shape=(180, 320, 3))))
    assert done - started == pytest.approx(10 * 0.5**1.8, rel=1e-6)


def test_half_the_capacity_is_twice_the_time(clock):
    assert span(process(emulation(capacity=0.5), job(1000 * MS))) == (1000, 1020)


def test_a_slowed_device_takes_as_many_times_longer_until_it_is_not(clock):
    device = emulation(capacity=0.5)
    lasted = []
    for slowdown in (1.0, 1.5, 1.0):
        device.slowdown = slowdown
        started, done = span(process(device, job(clock.now_ns)))
        lasted.append(done - started)
    assert lasted == [20, 30, 20]


def test_handling_comes_between_two_frames_of_a_busy_device_and_is_no_service(clock):
    device = emulation(handling_ms=2.0)
    spans = [span(process(device, job(1000 * MS))) for _ in range(3)]
    assert spans == [(1000, 1010), (1012, 1022), (1024, 1034)]
    assert span(process(device, job(2000 * MS))) == (2000, 2010), "it was idle"


@pytest.mark.parametrize("is_eager", [True, False])
def test_loading_and_new_sizes_take_their_time_once(clock, is_eager):
    device = Emulation(TIMES, WorkerOptions(load_ms=100.0, new_shape_ms=7.0))
    sizes = ((640, 360), (320, 180))
    everything = [Plan(WorkType.EMULATED, ("n", "m"), {}, sizes, (0, 1), return_frames=False)]
    at_need = [
        Plan(WorkType.EMULATED, ("n", "m"), {}, (size,), (grade,), return_frames=False)
        for grade in (0, 1)
        for size in sizes
    ]
    for _ in range(2):
        for one in everything if is_eager else at_need:
            device.prepare(one)
    assert sum(clock.slept_ns) == pytest.approx((2 * 100 + 4 * 7) * MS, abs=4 * MS)
    assert span(process(device, job(clock.now_ns)))[1] - clock.now_ns / MS <= 10


def test_the_first_frame_of_a_size_that_nothing_was_warmed_at_takes_longer(clock):
    device = emulation(new_shape_ms=7.0)
    spans = [span(process(device, job(clock.now_ns))) for _ in range(2)]
    assert [done - started for started, done in spans] == [17, 10]


def test_without_service_times_a_frame_takes_no_time_and_nobody_sleeps(clock):
    assert span(process(emulation(times=None), job(1000 * MS))) == (1000, 1000)
    assert clock.slept_ns == []


def test_a_device_that_does_not_know_a_grade_says_so():
    with pytest.raises(ValueError, match="no grade s"):
        Emulation(TIMES, WorkerOptions()).prepare(plan("n", "s"))


def test_two_workers_with_one_seed_meet_the_same_draws(clock):
    times = ServiceTimes(TIMES.tables, sigma=0.5)

    def service_ms(index: int, stream: int) -> float:
        device = Emulation(times, WorkerOptions(seed=3))
        device.prepare(plan("n"))
        started, done = span(process(device, job(clock.now_ns, source_index=index, stream=stream)))
        return done - started

    draws = [service_ms(index, stream) for index in range(3) for stream in range(2)]
    again = [service_ms(index, stream) for index in range(3) for stream in range(2)]
    assert draws == pytest.approx(again, abs=1e-6)
    assert len(set(draws)) == 6


def test_nothing_is_done_in_no_time(clock):
    nothing = workload_for(WorkType.NONE, WorkerOptions())
    assert nothing.prepare(plan("n")) == Weights.NONE
    assert span(process(nothing, job(990 * MS))) == (1000, 1000)


class FakeDetector:
    """Takes 20 ms and finds one object."""

    def __init__(self, source: str, clock: Clock) -> None:
        self.source = source
        self.warmed: list[tuple[int, int]] = []
        self._clock = clock

    def warm(self, width: int, height: int) -> None:
        self.warmed.append((width, height))

    def detect(self, frame: np.ndarray) -> np.ndarray:
        self._clock.now_ns += 20 * MS
        return np.ones((1, 6), np.float32)


class Frames:
    """Has a frame in every slot."""

    def array(self, slot: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        return np.zeros(shape, dtype)


@pytest.fixture
def detection(clock, monkeypatch):
    """Makes detections whose only trained grade is n, with stand-ins for the models."""
    made: list[FakeDetector] = []

    def find(self, work_type, grade, given):
        return Weighting(given or f"yolo11{grade}", is_trained=grade == "n")

    def detector(source, task, threads, device):
        made.append(FakeDetector(source, clock))
        return made[-1]

    monkeypatch.setattr(workloads.WeightsFinder, "find", find)
    monkeypatch.setattr("pipeline.worker.detector.Detector", detector)

    def make(**options) -> tuple[Detection, list[FakeDetector]]:
        return Detection(WorkType.YOLO_DETECTION, WorkerOptions(**options)), made

    return make


def test_one_model_per_grade_is_loaded_and_warmed_at_every_size(detection):
    work, made = detection()
    sizes = ((160, 90), (320, 180))
    work.prepare(Plan(WorkType.YOLO_DETECTION, ("n", "s"), {}, sizes, (0, 1), return_frames=False))
    assert [(model.source, tuple(model.warmed)) for model in made] == [("yolo11n", sizes), ("yolo11s", sizes)]


def test_weights_are_untrained_as_soon_as_any_grade_is(detection):
    work, _ = detection()
    assert work.prepare(plan("n", "s", load=(0,))) == Weights.TRAINED
    assert work.prepare(plan("n", "s", load=(1,))) == Weights.UNTRAINED


def test_a_grade_is_loaded_when_it_is_first_needed_and_kept(detection):
    work, made = detection()
    work.prepare(plan("n", "s", load=(0,)))
    for grade in (1, 0, 1):
        process(work, job(0, grade=grade), Frames())
    assert [model.source for model in made] == ["yolo11n", "yolo11s"]


def test_other_weights_are_loaded_anew(detection):
    work, made = detection()
    work.prepare(plan("n"))
    work.prepare(plan("n", weights={"n": "mine.pt"}))
    process(work, job(0), Frames())
    assert [model.source for model in made] == ["yolo11n", "mine.pt"]


def test_service_is_what_the_detector_takes_stretched_to_the_capacity(detection, clock):
    full, _ = detection()
    full.prepare(plan("n"))
    assert span(process(full, job(0), Frames())) == (1000, 1020)
    assert clock.slept_ns == []
    quarter, _ = detection(capacity=0.25)
    quarter.prepare(plan("n"))
    started, done = span(process(quarter, job(0), Frames()))
    assert clock.slept_ns == [60 * MS]
    assert done - started == 81, "80 ms, and the millisecond that it overslept: it was occupied"


def test_a_slowed_worker_idles_after_computing(detection, clock):
    work, _ = detection(capacity=0.5)
    work.prepare(plan("n"))
    work.slowdown = 3.0
    process(work, job(0), Frames())
    assert clock.slept_ns == [100 * MS], "20 ms of 120"
