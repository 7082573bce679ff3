"""What a calibration has measured so far, kept in a file: one that was interrupted is taken up again."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from experiments.program.files import write_whole


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """One device's frames at one grade and size; medians in ms.

    Attributes:
        service_ms: service time of every frame, at the device's capacity.
        forward_ms: from the producer to the worker.
        back_ms: from the end of inference to the collector.
    """

    service_ms: tuple[float, ...]
    forward_ms: float
    back_ms: float


@dataclass(frozen=True, slots=True)
class GridPoint:
    """One grade at one frame size, in px.

    Attributes:
        fps: at which it was held.
        busy: share of the time that workers computed.
        capture_ms: median time from a frame's scheduled capture to its being handed out.
        round_trip_ms: median of a short request to the producer.
        devices: one per device of the hardware.
    """

    grade: str
    width: int
    height: int
    fps: float
    busy: float
    capture_ms: float
    round_trip_ms: float
    devices: tuple[DeviceReading, ...]

    @property
    def size(self) -> str:
        """ "WIDTHxHEIGHT"."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Saturated:
    """Workers with more to do than they can.

    Attributes:
        handling_ms: per device, between two frames of a worker.
        slower: mean service time ÷ that at the same grade and size at its own rate.
    """

    handling_ms: tuple[float, ...]
    slower: float


@dataclass(frozen=True, slots=True)
class Measured:
    """All that has been measured; what has not is None or absent.

    Attributes:
        key: of everything that must be equal for it to be of use.
        cells: by "GRADE/WIDTHxHEIGHT".
        start_up: start_ms, load_ms and new_shape_ms of `envs.hardware.Device`.
        memory: memory_mb and used_mb of `envs.hardware.Host`.
    """

    key: str
    cells: dict[str, GridPoint] = field(default_factory=dict)
    saturated: Saturated | None = None
    start_up: dict[str, float] | None = None
    memory: dict[str, float] | None = None

    @property
    def n_parts(self) -> int:
        """How many parts of a calibration are there."""
        others = (self.saturated, self.start_up)
        return len(self.cells) + sum(part is not None for part in others)


def load(path: Path, key: str) -> Measured:
    """Read what a calibration with this key left in a file; nothing if there is none, or of another one."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Measured)
    except (OSError, msgspec.DecodeError):
        return Measured(key)
    return found if found.key == key else Measured(key)


def save(measured: Measured, path: Path) -> None:
    """Write all of it to a file, for those who want to know more than a profile tells. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, msgspec.json.encode(measured))
