"""What the programs take while they run, and whether anything is left of them."""

import contextlib
import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from scipy.stats import theilslopes

from benchmarks.soak.hurting import inference_of

SHARED = "/dev/shm/"
WARM_S = 120.0  # of a program's life: allocators and caches fill
FEWEST = 5  # minutes that a slope takes
MB = 1e6


class Sample(NamedTuple):
    """A process at a time.

    Attributes:
        at_s: since the beginning.
        name: the program's, as "worker-0", or "worker-0 inference".
        memory_mb: resident, shared memory included.
        descriptors: open.
    """

    at_s: float
    name: str
    memory_mb: float
    descriptors: int

    @property
    def role(self) -> str:
        """Return what it is: "producer", "collector", "worker" or "inference"."""
        return "inference" if self.name.endswith("inference") else self.name.partition("-")[0]


class Slope(NamedTuple):
    """By how much something grows in an hour, and the 95 % interval of that (Theil and Sen)."""

    per_h: float
    lowest: float
    highest: float


class Watch:
    """Looks at processes, and remembers what there was of them.

    Attributes:
        samples: in order of time.
    """

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._seen: set[psutil.Process] = set()  # a process is equal to itself, not to a later one of its id
        self._segments: set[Path] = set()

    def look(self, at_s: float, pids: Mapping[str, int]) -> None:
        """Take a sample of every program, by name, and of its inference."""
        for name, process in _processes(pids):
            with contextlib.suppress(psutil.NoSuchProcess):
                memory_mb = process.memory_info().rss / MB
                self.samples.append(Sample(at_s, name, memory_mb, process.num_fds()))
                self._seen |= {process, *process.children()}
                self._segments |= _segments(process.pid)

    def left(self) -> tuple[list[int], list[Path]]:
        """List the processes and the segments of shared memory that were seen and are still there."""
        alive = [process for process in self._seen if process.is_running()]
        return (
            [process.pid for process in alive if process.status() != psutil.STATUS_ZOMBIE],
            [path for path in self._segments if path.exists()],
        )


def _processes(pids: Mapping[str, int]) -> Iterator[tuple[str, psutil.Process]]:
    for name, pid in pids.items():
        with contextlib.suppress(psutil.NoSuchProcess):
            yield name, psutil.Process(pid)
            yield from ((f"{name} inference", child) for child in inference_of(pid))


def _segments(pid: int) -> set[Path]:
    """List the named shared memory that a process has, where /proc tells; `psutil.memory_maps` is slow."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
        names = {line[line.index(SHARED) :] for line in lines if SHARED in line}
        return {Path(name) for name in names if not name.endswith("(deleted)")}
    return set()


def write_samples(path: Path, samples: Sequence[Sample]) -> None:
    """Write a table of all samples."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(Sample._fields)
        rows.writerows(samples)


def by_name(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Group samples by the process that they are of."""
    grouped: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        grouped[sample.name].append(sample)
    return dict(grouped)


def longest_lived(samples: Sequence[Sample], program: str) -> list[Sample]:
    """Return the samples of the one that was there for longest of all of this role."""
    lives = [own for own in by_name(samples).values() if own[0].role == program]
    return max(lives, key=lambda own: own[-1].at_s - own[0].at_s, default=[])


def slope(samples: Sequence[Sample], values: Sequence[float]) -> Slope | None:
    """Return how a value grows: through the medians of its minutes, once it is warm; None if those are few.

    Args:
        samples: of one process; its first WARM_S are left out.
        values: one for each.
    """
    minutes: dict[int, list[float]] = defaultdict(list)
    for sample, value in zip(samples, values, strict=True):
        if sample.at_s - samples[0].at_s >= WARM_S:
            minutes[int(sample.at_s // 60)].append(value)
    if len(minutes) < FEWEST:
        return None
    hours = np.array(list(minutes)) / 60
    found: Any = theilslopes([float(np.median(own)) for own in minutes.values()], hours, 0.95)
    return Slope(float(found.slope), float(found.low_slope), float(found.high_slope))
