"""The devices that workers run on: cores of this machine, or devices emulated by their service times."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pipeline.messages import WorkType
from pipeline.options import WorkerOptions
from pipeline.service_times import ServiceTimes


class Origin(StrEnum):
    """Where a service time comes from."""

    MEASURED = "measured"  # by us, on the device
    PUBLISHED = "published"  # by others
    SCALED = "scaled"  # computed from one of the above


@dataclass(frozen=True, slots=True)
class GradeTimes:
    """Service times of one grade on one device; sizes between and beyond are interpolated by `ServiceTimes`.

    Attributes:
        ms: mean service time in ms by frame size "WIDTHxHEIGHT" in px, at least one.
        origin: where they come from.
        source: document, or how they were scaled; not empty.
    """

    ms: Mapping[str, float]
    origin: Origin
    source: str

    def __post_init__(self) -> None:
        if not self.source:
            raise ValueError(f"service times {dict(self.ms)} need a source, got none")
        for size in self.ms:
            _size(size)

    @property
    def points(self) -> tuple[tuple[int, int, float], ...]:
        """(width, height, ms), ascending in pixels."""
        points = [(*_size(size), float(ms)) for size, ms in self.ms.items()]
        return tuple(sorted(points, key=lambda point: point[0] * point[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Workers of one kind.

    Attributes:
        count: how many, >= 1.
        pinned: whether each native worker gets a core of its own (core i mod the number of cores).
        threads: of one inference, >= 1.
        capacity: share of the device's speed to use, in (0, 1].
        times: per grade letter; empty = native: this machine computes.
        sigma: standard deviation of the logarithm of an emulated service time, >= 0.
    """

    count: int = 1
    pinned: bool = True
    threads: int = 1
    capacity: float = 1.0
    times: Mapping[str, GradeTimes] = field(default_factory=dict)
    sigma: float = 0.0

    def __post_init__(self) -> None:
        if self.count < 1 or self.threads < 1:
            raise ValueError(f"count and threads must be >= 1, got {self.count} and {self.threads}")
        if not 0 < self.capacity <= 1:
            raise ValueError(f"capacity must be in (0, 1], got {self.capacity}")

    @property
    def is_emulated(self) -> bool:
        """Whether its service times are slept instead of computed."""
        return bool(self.times)

    def service_times(self) -> ServiceTimes:
        """Its service times at full capacity, for emulation and simulation.

        Raises:
            ValueError: a native device has none; or a size, grade or time out of range.
        """
        return ServiceTimes({grade: times.points for grade, times in self.times.items()}, self.sigma)


@dataclass(frozen=True, slots=True)
class Hardware:
    """Every worker of a pipeline; worker i of a scenario is the i-th, counted through the devices."""

    devices: tuple[Device, ...]

    def __post_init__(self) -> None:
        if not self.devices:
            raise ValueError("hardware needs at least one device, got none")
        if len({device.is_emulated for device in self.devices}) > 1:
            raise ValueError("devices must all be native or all emulated: a stream has one work type")

    @property
    def n_workers(self) -> int:
        """Number of workers, >= 1."""
        return sum(device.count for device in self.devices)

    @property
    def is_emulated(self) -> bool:
        """Whether its workers sleep instead of computing."""
        return self.devices[0].is_emulated

    def work_type(self, native: WorkType) -> WorkType:
        """What the workers do: EMULATED, or what is asked of native ones."""
        return WorkType.EMULATED if self.is_emulated else native

    def worker_options(self, directory: Path, cores: Sequence[int], seed: int = 0) -> list[WorkerOptions]:
        """Options of each worker, as the cluster wants them.

        Args:
            directory: gets device-0.json, …: the service times that emulated workers read.
            cores: ids to pin native workers to, at least one; see `usable_cores`.
            seed: of the emulated service times' luck.
        """
        directory.mkdir(parents=True, exist_ok=True)
        options: list[WorkerOptions] = []
        for number, device in enumerate(self.devices):
            path = directory / f"device-{number}.json"
            if device.is_emulated:
                device.service_times().save(path)
            for _ in range(device.count):
                core = cores[len(options) % len(cores)]
                options.append(
                    WorkerOptions(
                        cores=(core,) if device.pinned and not device.is_emulated else (),
                        threads=device.threads,
                        capacity=device.capacity,
                        service_times=str(path) if device.is_emulated else "",
                        seed=seed,
                    )
                )
        return options


def usable_cores() -> tuple[int, ...]:
    """Ids of the cores that this process may use, ascending."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise ValueError(f"a size is WIDTHxHEIGHT in px, got {text!r}")
    return int(match[1]), int(match[2])
