"""What a worker does with a frame: nothing, sleep as long as another device would compute, or YOLO."""

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.messages import TaskHeader, Weights, WorkType
from pipeline.options import WorkerOptions
from pipeline.service_times import ServiceTimes, occupied_ns
from pipeline.worker.jobs import Job, Plan
from pipeline.worker.ring import SlotReader
from pipeline.worker.weights import TASKS, Weighting, WeightsFinder, ultralytics_download

if TYPE_CHECKING:
    from pipeline.worker.detector import Detector

NO_BOXES = np.empty((0, 6), np.float32)


@dataclass(frozen=True, slots=True)
class Processed:
    """A task's result; times in ns of the worker's clock. Occupied from started to done."""

    boxes: NDArray[np.float32]
    started_ns: int
    done_ns: int


class Workload(Protocol):
    """Something to do with frames.

    Attributes:
        slowdown: how many times longer than usual it takes, >= 1; may change between two frames.
    """

    slowdown: float

    def prepare(self, plan: Plan) -> Weights:
        """Load and warm what the plan asks for."""
        ...

    def begin_ns(self, job: Job) -> int:
        """Say when it begins with this job, which is the next one."""
        ...

    def process(self, job: Job, frames: SlotReader, started_ns: int) -> Processed:
        """Do it, begun at started_ns. Whatever it raises is said of this frame, and the next one is tried."""
        ...


def workload_for(work_type: WorkType, options: WorkerOptions) -> Workload:
    """Say what this type of work is.

    Raises:
        OSError, ValueError: the file of service times cannot be read, or is wrong.
    """
    match work_type:
        case WorkType.NONE:
            return PassThrough()
        case WorkType.EMULATED:
            times = ServiceTimes.load(options.service_times) if options.service_times else None
            return Emulation(times, options)
        case WorkType.YOLO_DETECTION | WorkType.YOLO_OBB:
            return Detection(work_type, options)


class PassThrough:
    """Nothing: only the frame's way takes time, however slow the device is."""

    slowdown = 1.0

    def prepare(self, plan: Plan) -> Weights:
        """There is nothing to load."""
        return Weights.NONE

    def begin_ns(self, job: Job) -> int:
        """At once."""
        return time.monotonic_ns()

    def process(self, job: Job, frames: SlotReader, started_ns: int) -> Processed:
        """Let no time pass."""
        return Processed(NO_BOXES, started_ns, started_ns)


class Emulation:
    """Another device: it is occupied as long as that would be, and computes nothing.

    Its times are those of the device, not of this process: a frame starts when it was received or when the
    device is done with the one before it, and is done exactly its service time later. So what this process
    spends, and how late it wakes, does not add up, and no time is burnt with spinning.

    Args:
        times: of the device; None = 0 ms.
        options: capacity, seed, and what the device takes beyond its service times.
    """

    def __init__(self, times: ServiceTimes | None, options: WorkerOptions) -> None:
        self.slowdown = 1.0
        self._times = times
        self._options = options
        self._handling_ns = _ns(options.handling_ms)
        self._grades: tuple[str, ...] = ()
        self._loaded: set[str] = set()
        self._seen: set[tuple[str, int, int]] = set()  # (grade, width, height) that are no longer new
        self._free_ns = 0  # when the device is done with everything so far

    def prepare(self, plan: Plan) -> Weights:
        """Load and warm as long as the device would. Raises ValueError: it does not know a grade."""
        self._grades = plan.grades
        missing = set(plan.grades) - set(self._times.tables) if self._times else None
        if missing:
            raise ValueError(f"the file of service times has no grade {', '.join(sorted(missing))}")
        grades = {plan.grades[index] for index in plan.load}
        new = {(grade, *size) for grade in grades for size in plan.sizes} - self._seen
        cost_ms = len(grades - self._loaded) * self._options.load_ms + len(new) * self._options.new_shape_ms
        self._loaded |= grades
        self._seen |= new
        if cost_ms:
            self._free_ns = max(time.monotonic_ns(), self._free_ns) + _ns(cost_ms)
            sleep_until_ns(self._free_ns)
        return Weights.EMULATED

    def begin_ns(self, job: Job) -> int:
        """Say when the device is free."""
        return max(job.received_ns, self._free_ns)

    def process(self, job: Job, frames: SlotReader, started_ns: int) -> Processed:
        """Sleep until the device would be done."""
        done_ns = started_ns + self._service_ns(job.task)
        self._free_ns = done_ns + self._handling_ns
        sleep_until_ns(done_ns)
        return Processed(NO_BOXES, started_ns, done_ns)

    def _service_ns(self, task: TaskHeader) -> int:
        if self._times is None:
            return 0
        width, height = picture_size(task.shape)
        grade = self._grades[task.grade]
        ms = self._times.draw_ms(grade, width, height, self._options.seed, task.stream, task.source_index)
        service_ns = occupied_ns(ms, self.slowdown, self._options.capacity)
        if (grade, width, height) in self._seen:
            return service_ns
        self._seen.add((grade, width, height))
        return service_ns + _ns(self._options.new_shape_ms)


def _ns(ms: float) -> int:
    return round(ms * 1e6)


class Detection:
    """YOLO11 on this device, slowed to its capacity; one model per grade."""

    def __init__(self, work_type: WorkType, options: WorkerOptions) -> None:
        self.slowdown = 1.0
        self._work_type = work_type
        self._options = options
        self._finder = WeightsFinder(ultralytics_download)
        self._plan = Plan(work_type, (), {}, (), (), return_frames=False)
        self._models: dict[str, tuple[Weighting, Detector]] = {}
        self._settings = quiet_ultralytics()

    def prepare(self, plan: Plan) -> Weights:
        """Load and warm. Raises FileNotFoundError, ModelError, or what a backend raises."""
        if plan.weights != self._plan.weights:
            self._models.clear()
        self._plan = plan
        for grade in plan.load:
            model = self._model(plan.grades[grade])
            for width, height in plan.sizes:
                model.warm(width, height)
        is_trained = all(weighting.is_trained for weighting, _ in self._models.values())
        return Weights.TRAINED if is_trained else Weights.UNTRAINED

    def begin_ns(self, job: Job) -> int:
        """At once."""
        return time.monotonic_ns()

    def process(self, job: Job, frames: SlotReader, started_ns: int) -> Processed:
        """Detect, then idle until the time of a device of this capacity, slowed down so, is over."""
        task = job.task
        frame = frames.array(job.slot, task.dtype, task.shape)
        boxes = self._model(self._plan.grades[task.grade]).detect(frame)
        done_ns = time.monotonic_ns()
        if self._options.capacity < 1 or self.slowdown > 1:
            ms = (done_ns - started_ns) * 1e-6
            sleep_until_ns(started_ns + occupied_ns(ms, self.slowdown, self._options.capacity))
            done_ns = time.monotonic_ns()
        return Processed(boxes, started_ns, done_ns)

    def _model(self, grade: str) -> "Detector":
        if grade not in self._models:
            from pipeline.worker.detector import Detector

            weighting = self._finder.find(self._work_type, grade, self._plan.weights.get(grade))
            device = "cpu" if self._options.cores else None
            task = TASKS[self._work_type]
            self._models[grade] = weighting, Detector(weighting.source, task, self._options.threads, device)
        return self._models[grade][1]


def quiet_ultralytics() -> tempfile.TemporaryDirectory:
    """Settings of Ultralytics for this process alone, before it is imported; the folder lives as long as it.

    Nothing is asked of the network at import (that may take long where it is silent), nothing is installed
    behind the user's back, only errors are logged, and no two workers write one settings.json.
    """
    settings = tempfile.TemporaryDirectory(prefix="elasticbench-ultralytics-")
    os.environ["YOLO_CONFIG_DIR"] = settings.name
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ["YOLO_VERBOSE"] = "false"
    return settings


def sleep_until_ns(deadline_ns: int) -> None:
    """Sleep until then on the monotonic clock; not at all if that is past."""
    left_ns = deadline_ns - time.monotonic_ns()
    if left_ns > 0:
        time.sleep(left_ns * 1e-9)


def picture_size(shape: Sequence[int]) -> tuple[int, int]:
    """(width, height) of an array seen as a picture, each >= 1; one axis is a row of pixels."""
    height, width = (shape[0], shape[1]) if len(shape) >= 2 else (1, shape[0] if shape else 1)
    return max(1, width), max(1, height)
