"""What this machine consumes, where its sensors can be read: of processor packages, or a Jetson's input."""

import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Protocol

INPUT_RAILS = ("VDD_IN", "POM_5V_IN")  # of all that a Jetson module takes, by generation


class PowerSource(StrEnum):
    """Where a power comes from; said wherever figures of energy are recorded."""

    RAPL = "rapl"  # energy counters of the processor's packages, of this machine as a whole
    INA = "ina"  # voltage and current of a Jetson's input rail, at the moment of reading
    PROFILE = "profile"  # of the hardware profile's devices, by the time that they compute


class PowerSensor(Protocol):
    """Mean power of this machine, measured."""

    @property
    def source(self) -> PowerSource:
        """Which sensor it is."""
        ...

    def read_w(self) -> float:
        """Return the power in W since the last reading, or since the sensor was opened."""
        ...


class Rapl:
    """Energy counters, which begin again at their range.

    Args:
        zones: directories of `powercap` with energy_uj and max_energy_range_uj, one per package.
        clock: monotonic time in ns.

    Raises:
        OSError, ValueError: a counter cannot be read.
    """

    source = PowerSource.RAPL

    def __init__(self, zones: Sequence[Path], clock: Callable[[], int]) -> None:
        self._zones, self._clock = zones, clock
        self._ranges_uj = [_number(zone / "max_energy_range_uj") for zone in zones]
        self._read_ns, self._counts_uj = clock(), self._counters()

    def read_w(self) -> float:
        """Return the mean power of all packages since the last reading. Raises OSError, ValueError."""
        now_ns, counts_uj = self._clock(), self._counters()
        grown = zip(counts_uj, self._counts_uj, self._ranges_uj, strict=True)
        used_uj = sum((now - then) % (most + 1) for now, then, most in grown)
        passed_us = max(now_ns - self._read_ns, 1) * 1e-3
        self._read_ns, self._counts_uj = now_ns, counts_uj
        return used_uj / passed_us

    def _counters(self) -> list[int]:
        return [_number(zone / "energy_uj") for zone in self._zones]


class Ina:
    """The input rail of a Jetson, by the sensor's hwmon directory and the rail's number there."""

    source = PowerSource.INA

    def __init__(self, directory: Path, rail: str) -> None:
        self._volts, self._amperes = directory / f"in{rail}_input", directory / f"curr{rail}_input"
        self.read_w()

    def read_w(self) -> float:
        """Return the power at this moment; the files are in mV and mA. Raises OSError, ValueError."""
        return _number(self._volts) * _number(self._amperes) * 1e-6


def open_sensor(
    sysfs: Path = Path("/sys"), clock: Callable[[], int] = time.monotonic_ns
) -> PowerSensor | None:
    """Open this machine's power sensor; None if it has none, or none that may be read.

    Args:
        sysfs: where the kernel has its devices.
        clock: monotonic time in ns.
    """
    try:
        zones = sorted(sysfs.glob("class/powercap/intel-rapl:*"))
        if packages := [zone for zone in zones if _text(zone / "name").startswith("package")]:
            return Rapl(packages, clock)
        for label in sorted(sysfs.glob("class/hwmon/hwmon*/in*_label")):
            if _text(label) in INPUT_RAILS:
                return Ina(label.parent, label.name.removeprefix("in").removesuffix("_label"))
    except (OSError, ValueError):
        return None
    return None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _number(path: Path) -> int:
    return int(_text(path))
