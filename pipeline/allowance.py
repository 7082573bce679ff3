"""What this process may have of its host: cores, memory, and a folder for what can be had again.

A container has less than its host: Linux says how much in the files of control groups, of both versions.
"""

import contextlib
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

GROUPS, MOUNT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
UNLIMITED = ("max", "-1")


class Memory(NamedTuple):
    """Bytes in all, and in use."""

    total: int
    used: int


def usable_cores() -> tuple[int, ...]:
    """Return ids of the cores that this process may use, ascending; no more of them than it may keep busy."""
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
    else:
        cores = list(range(os.cpu_count() or 1))
    return tuple(cores[: math.ceil(min(cpu_quota(), len(cores)))])


def cpu_quota() -> float:
    """Return how many cores this process may keep busy, > 0; infinite without a limit."""
    quotas = [math.inf]
    for folder in _groups("cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota and quota not in UNLIMITED:
            quotas.append(int(quota) / int(period))
    return min(quotas)


def memory() -> Memory:
    """Return the memory that this process may have, and how much of that is taken."""
    host = psutil.virtual_memory()
    least = Memory(host.total, host.total - host.available)
    for folder in _groups("memory"):
        limit = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        used = _read(folder / "memory.current") or _read(folder / "memory.usage_in_bytes")
        if limit and used and limit not in UNLIMITED and int(limit) < least.total:
            least = Memory(int(limit), max(int(used) - _cached(folder), 0))
    return least


def cache_folder() -> Path:
    """Return where to keep what can be downloaded or compiled again: $XDG_CACHE_HOME, else ~/.cache.

    Who has no home, or none to write to, as an unknown user in a container, has a temporary folder.
    """
    base, home = Path(tempfile.gettempdir()), os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(RuntimeError):  # nobody knows of a home
        wanted = Path(home) if home else Path.home() / ".cache"
        there = next(folder for folder in (wanted, *wanted.parents) if folder.exists())
        base = wanted if os.access(there, os.W_OK | os.X_OK) else base
    return base / "elasticbench"


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folders that may limit this process: its group's, and those of all groups that this is in."""
    for line in _read(GROUPS).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = MOUNT / controller if controllers else MOUNT
        group = root / path.lstrip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(root))


def _cached(folder: Path) -> int:
    """Return the bytes of files that the system gives up when somebody needs the room."""
    found = dict(line.split(" ", 1) for line in _read(folder / "memory.stat").splitlines())
    return int(found.get("total_inactive_file", found.get("inactive_file", 0)))


def _read(path: Path) -> str:
    """Return a file's text; "" if there is none, as outside of Linux."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
