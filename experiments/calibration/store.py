"""What a calibration has measured so far, kept in a file: one that was interrupted is taken up again."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from experiments.program.files import write_whole


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """One device's frames of one cell; medians in ms.

    Attributes:
        service_ms: service time of every frame, at the device's capacity.
        forward_ms: from the producer to the worker.
        back_ms: from the end of inference to the collector.
    """

    service_ms: tuple[float, ...]
    forward_ms: float
    back_ms: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One grade at one frame size.

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


@dataclass(frozen=True, slots=True)
class Saturated:
    """Workers with more to do than they can.

    Attributes:
        handling_ms: per device, between two frames of a worker.
        slower: mean service time ÷ that of the same cell at its own rate.
    """

    handling_ms: tuple[float, ...]
    slower: float


@dataclass(frozen=True, slots=True)
class StartUp:
    """What beginning takes, in ms: see `envs.hardware.Device`."""

    start_ms: float
    load_ms: float
    new_shape_ms: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the producer's host, in MB: see `envs.hardware.Host`."""

    baseline_mb: float
    memory_mb: float
    used_mb: float


@dataclass(frozen=True, slots=True)
class Measured:
    """All that has been measured; what has not is None or absent.

    Attributes:
        key: of everything that must be equal for it to be of use.
        cells: by "GRADE/WIDTHxHEIGHT".
        accuracy: F1 by grade and frame size "WIDTHxHEIGHT".
    """

    key: str
    cells: dict[str, Cell] = field(default_factory=dict)
    saturated: Saturated | None = None
    start_up: StartUp | None = None
    memory: Memory | None = None
    accuracy: dict[str, dict[str, float]] | None = None


class Store:
    """A `Measured` in a file of its own, written anew with every addition.

    Args:
        path: of the file; named after the key by the caller.
        key: see `Measured`; a file with another one is of no use.
    """

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self.measured = Measured(key)

    def take_up(self) -> bool:
        """Go on from the file; False, and empty, if there is none with this key."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=Measured)
        except (OSError, msgspec.DecodeError):
            return False
        if found.key != self.measured.key:
            return False
        self.measured = found
        return True

    def add_cell(self, name: str, cell: Cell) -> None:
        """Note a cell."""
        self.add(cells={**self.measured.cells, name: cell})

    def add(self, **parts: Any) -> None:
        """Note other parts of `Measured`, by name."""
        self.measured = dataclasses.replace(self.measured, **parts)
        self.keep(self._path)

    def keep(self, path: Path) -> None:
        """Write all of it to another file, for those who want to know more than a profile tells."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(self.measured))

    def forget(self) -> None:
        """Remove the file: what is measured next is measured anew."""
        self._path.unlink(missing_ok=True)
