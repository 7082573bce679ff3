"""The devices that workers run on, and the host of producer and collector: one profile for every world.

The simulator computes with it, emulated workers sleep its service times, native workers are placed by it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pipeline.messages import WorkType
from pipeline.options import WorkerOptions
from pipeline.service_times import ServiceTimes


class Origin(StrEnum):
    """Where a figure comes from."""

    MEASURED = "measured"  # by us, on the device
    PUBLISHED = "published"  # by others
    SCALED = "scaled"  # computed from one of the above
    ASSUMED = "assumed"  # plausible, and nobody has measured it


@dataclass(frozen=True, slots=True)
class GradeTimes:
    """Service times of one grade on one device; sizes between and beyond are interpolated by `ServiceTimes`.

    Attributes:
        ms: mean service time in ms by frame size "WIDTHxHEIGHT" in px, at least one.
        origin: where they come from.
        source: document, or how they were scaled; not empty.
        quantiles_ms: by some of the same sizes, where they were measured: service times at equally spaced
            probabilities from 0 to 1, ascending, at least two; elsewhere times are log-normal.
    """

    ms: Mapping[str, float]
    origin: Origin
    source: str
    quantiles_ms: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.source:
            raise ValueError(f"service times {dict(self.ms)} need a source, got none")
        for size in self.ms:
            _size(size)
        if unknown := sorted(set(self.quantiles_ms) - set(self.ms)):
            raise ValueError(f"quantiles_ms are for sizes that have a mean in ms, got also {unknown}")

    def slowed(self, factor: float) -> Self:
        """Return times that are so many times as long, > 0."""
        ms = {size: factor * ms for size, ms in self.ms.items()}
        quantiles_ms = {size: [factor * ms for ms in many] for size, many in self.quantiles_ms.items()}
        return replace(self, ms=ms, quantiles_ms=quantiles_ms)

    @property
    def points(self) -> tuple[tuple[int, int, float], ...]:
        """(width, height, ms), ascending in pixels."""
        return tuple((*_size(size), float(self.ms[size])) for size in self._sizes)

    @property
    def shapes(self) -> tuple[tuple[float, ...], ...]:
        """Per point, the quantiles as multiples of the mean; empty where there are none."""
        return tuple(
            tuple(float(ms) / self.ms[size] for ms in self.quantiles_ms.get(size, ())) for size in self._sizes
        )

    @property
    def _sizes(self) -> list[str]:
        return sorted(self.ms, key=lambda size: math.prod(_size(size)))


@dataclass(frozen=True, slots=True)
class Link:
    """Between a device and the host of producer and collector, the same both ways.

    Attributes:
        delay_ms: one way, in [0, 200].
        mbit_s: of one way, > 0; infinite = frames take no time beyond the delay.
        shared: name of a medium, as an access point or the host's own port: of all links that share it,
            frames take turns, each at its own link's speed; "" = each worker has a link of its own.
    """

    delay_ms: float = 0.0
    mbit_s: float = math.inf
    shared: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.delay_ms <= 200:
            raise ValueError(f"delay_ms of a link must be in [0, 200], got {self.delay_ms}")
        if not re.fullmatch(r"[\w-]{0,40}", self.shared):
            raise ValueError(f"shared of a link is a name of letters, digits, _ and -, got {self.shared!r}")
        if not self.mbit_s > 0:
            raise ValueError(f"mbit_s of a link must be > 0, got {self.mbit_s}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Workers of one kind.

    Attributes:
        count: how many, >= 1.
        native: whether they really compute, on this machine; service times are then what a calibration
            measured, for the worlds that do not compute.
        pinned: whether each native worker gets a core of its own (core i mod the number of cores).
        threads: of one inference, >= 1.
        capacity: share of the device's speed to use, in (0, 1].
        times: per grade letter; may only be empty where the device is native.
        sigma: standard deviation of the logarithm of a service time that has no quantiles, >= 0.
        correlation: of service times of the same moment (`pipeline.service_times.MOMENT`), as a neighbour or
            a throttle makes it, in [0, 1).
        handling_ms: time between two frames of a busy worker beyond their service, >= 0.
        start_ms: from the start of a worker's program to its first word, >= 0.
        load_ms: to load the model of one grade, >= 0.
        new_shape_ms: what the first frame of a new size takes beyond the others, per grade, >= 0.
        link: to the producer's host.
        idle_w, busy_w: power when idle and when computing, in W; None = not known.
        power_source: where they come from; not empty if they are known.
    """

    count: int = 1
    native: bool = False
    pinned: bool = True
    threads: int = 1
    capacity: float = 1.0
    times: Mapping[str, GradeTimes] = field(default_factory=dict)
    sigma: float = 0.0
    correlation: float = 0.0
    handling_ms: float = 0.0
    start_ms: float = 2000.0
    load_ms: float = 0.0
    new_shape_ms: float = 0.0
    link: Link = Link()
    idle_w: float | None = None
    busy_w: float | None = None
    power_source: str = ""

    def __post_init__(self) -> None:
        if self.count < 1 or self.threads < 1:
            raise ValueError(f"count and threads must be >= 1, got {self.count} and {self.threads}")
        if not 0 < self.capacity <= 1:
            raise ValueError(f"capacity must be in (0, 1], got {self.capacity}")
        if not (self.native or self.times):
            raise ValueError("a device needs service times (times), unless it is this machine (native: true)")
        for name in ("handling_ms", "start_ms", "load_ms", "new_shape_ms"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be a finite number >= 0, got {getattr(self, name)}")
        self._check_power()
        if self.times:
            self.service_times()

    def _check_power(self) -> None:
        if (self.idle_w is None) != (self.busy_w is None):
            raise ValueError(f"give both idle_w and busy_w, or neither, got {self.idle_w} and {self.busy_w}")
        if self.idle_w is None or self.busy_w is None:
            return
        if not 0 <= self.idle_w <= self.busy_w < math.inf:
            raise ValueError(f"expected 0 <= idle_w <= busy_w, got {self.idle_w} and {self.busy_w}")
        if not self.power_source:
            raise ValueError("idle_w and busy_w need a power_source, got none")

    def service_times(self) -> ServiceTimes:
        """Its service times at full capacity, for emulation and simulation.

        Raises:
            ValueError: it has none; or a size, grade or time out of range.
        """
        tables = {grade: times.points for grade, times in self.times.items()}
        shapes = {grade: times.shapes for grade, times in self.times.items()}
        return ServiceTimes(tables, self.sigma, shapes, self.correlation)

    def emulation(self, service_times: Path) -> dict[str, Any]:
        """What a worker that emulates this device is told; a native one has a real device and link."""
        medium = str(service_times.with_name(f"link-{self.link.shared}")) if self.link.shared else ""
        return {
            "service_times": str(service_times),
            "handling_ms": self.handling_ms,
            "load_ms": self.load_ms,
            "new_shape_ms": self.new_shape_ms,
            "link_delay_ms": self.link.delay_ms,
            "link_mbit_s": self.link.mbit_s,
            "link_medium": medium,
        }

    def power_w(self, busy_share: float) -> float:
        """Mean power of one worker that is busy for this share of the time; NaN if it is not known."""
        if self.idle_w is None or self.busy_w is None:
            return math.nan
        return mean_power_w(busy_share, self.idle_w, self.busy_w)


def mean_power_w(busy_share: float, idle_w: float, busy_w: float) -> float:
    """Power between idle and busy, linear in the share of time that a device computes, clipped at 1."""
    return idle_w + (busy_w - idle_w) * min(busy_share, 1.0)


@dataclass(frozen=True, slots=True)
class Host:
    """The machine of producer and collector, as worlds that do not measure it need it.

    Attributes:
        memory_mb: all memory, in MB, above used_mb.
        used_mb: memory in use when the producer is ready, in MB, >= 0.
        message_ms: one way between producer and collector, in [0, 200].
        capture_ms: from the moment a frame is due to its being offered, >= 0.
    """

    memory_mb: float = 8000.0
    used_mb: float = 2000.0
    message_ms: float = 0.2
    capture_ms: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.used_mb < self.memory_mb:
            raise ValueError(f"expected 0 <= used_mb < memory_mb, got {self.used_mb} and {self.memory_mb}")
        if not (0 <= self.message_ms <= 200 and 0 <= self.capture_ms < math.inf):
            raise ValueError(
                "expected message_ms in [0, 200] and capture_ms >= 0, got "
                f"{self.message_ms} and {self.capture_ms}"
            )


@dataclass(frozen=True, slots=True)
class Hardware:
    """Every worker of a pipeline; worker i of a scenario is the i-th, counted through the devices.

    Attributes:
        devices: at least one; all native, or none.
        host: of producer and collector.
    """

    devices: tuple[Device, ...]
    host: Host = Host()

    def __post_init__(self) -> None:
        if not self.devices:
            raise ValueError("hardware needs at least one device, got none")
        if len({device.native for device in self.devices}) > 1:
            raise ValueError("devices must all be native or none of them: a stream has one work type")

    @property
    def workers(self) -> tuple[Device, ...]:
        """The device of each worker."""
        return tuple(device for device in self.devices for _ in range(device.count))

    @property
    def n_workers(self) -> int:
        """Number of workers, >= 1."""
        return sum(device.count for device in self.devices)

    @property
    def is_native(self) -> bool:
        """Whether its workers compute, on this machine."""
        return self.devices[0].native

    def emulated(self) -> Self:
        """The same with workers that sleep their service times.

        Raises:
            ValueError: a device that has none.
        """
        if any(not device.times for device in self.devices):
            raise ValueError(
                "this hardware has no service times yet: measure them with "
                "`python -m experiments.calibrate hardware=local`"
            )
        return replace(self, devices=tuple(replace(device, native=False) for device in self.devices))

    def slowed(self, factors: Sequence[float]) -> Self:
        """Return the same with service times so many times as long, > 0, a factor per device."""
        devices = (
            replace(device, times={grade: times.slowed(factor) for grade, times in device.times.items()})
            for device, factor in zip(self.devices, factors, strict=True)
        )
        return replace(self, devices=tuple(devices))

    def with_capacities(self, capacities: Sequence[float]) -> Self:
        """As many workers of its first device, each with this share of its speed; with none, its own."""
        if not capacities:
            return self
        device = self.devices[0]
        return replace(
            self, devices=tuple(replace(device, count=1, capacity=capacity) for capacity in capacities)
        )

    def work_type(self, native: WorkType) -> WorkType:
        """What the workers do: EMULATED, or what is asked of native ones."""
        return native if self.is_native else WorkType.EMULATED

    def check_grades(self, grades: Sequence[str]) -> None:
        """Raise ValueError if a device has service times, but not for each of these grades."""
        for device in self.devices:
            if device.times and (missing := sorted(set(grades) - set(device.times))):
                raise ValueError(
                    f"the hardware has no service times of grade {', '.join(missing)}; "
                    f"say detector.grades=[{','.join(device.times)}]"
                )

    def worker_options(self, directory: Path, cores: Sequence[int], seed: int = 0) -> list[WorkerOptions]:
        """Options of each worker, as the cluster wants them.

        Args:
            directory: gets device-0.json, …: the service times that emulated workers read, and what
                their links share.
            cores: ids to pin native workers to, at least one; see `pipeline.allowance.usable_cores`.
            seed: of the emulated service times.
        """
        directory.mkdir(parents=True, exist_ok=True)
        options: list[WorkerOptions] = []
        for number, device in enumerate(self.devices):
            path = directory / f"device-{number}.json"
            if not device.native:
                device.service_times().save(path)
            for _ in range(device.count):
                core = cores[len(options) % len(cores)]
                options.append(
                    WorkerOptions(
                        cores=(core,) if device.pinned and device.native else (),
                        threads=device.threads,
                        capacity=device.capacity,
                        seed=seed,
                        **({} if device.native else device.emulation(path)),
                    )
                )
        return options


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise ValueError(f"a size is WIDTHxHEIGHT in px, got {text!r}")
    return int(match[1]), int(match[2])
