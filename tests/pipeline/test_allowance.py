"""What a container leaves of its host, in the files of both versions of control groups."""

import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest

from pipeline import allowance
from pipeline.allowance import cache_folder, cpu_quota, memory, usable_cores

MB = 1_000_000


@pytest.fixture
def grouped(tmp_path, monkeypatch) -> Callable[[str, Mapping[str, str]], None]:
    """Be in these groups, as /proc/self/cgroup says it, with these files below /sys/fs/cgroup."""

    def grouped(groups: str, files: Mapping[str, str]) -> None:
        (tmp_path / "cgroup").write_text(groups)
        for name, text in files.items():
            path = tmp_path / "mounted" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        monkeypatch.setattr(allowance, "GROUPS", tmp_path / "cgroup")
        monkeypatch.setattr(allowance, "MOUNT", tmp_path / "mounted")

    return grouped


@pytest.mark.parametrize(
    ("groups", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000"}, math.inf),
        (
            "0::/a/b\n",
            {"cpu.max": "max 100000", "a/cpu.max": "50000 100000", "a/b/cpu.max": "max 100000"},
            0.5,
        ),
        (
            "4:cpu,cpuacct:/d\n",
            {"cpu/d/cpu.cfs_quota_us": "200000", "cpu/d/cpu.cfs_period_us": "100000"},
            2.0,
        ),
        (
            "4:cpu,cpuacct:/d\n0::/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            math.inf,
        ),
        ("", {}, math.inf),
    ],
)
def test_a_quota_is_that_of_the_group_and_of_all_around_it(grouped, groups, files, quota):
    grouped(groups, files)
    assert cpu_quota() == quota


def test_no_more_cores_are_used_than_the_quota_keeps_busy(grouped, monkeypatch):
    monkeypatch.setattr(allowance.os, "sched_getaffinity", lambda _: {2, 5, 7}, raising=False)
    assert usable_cores() == (2, 5, 7)
    grouped("0::/\n", {"cpu.max": "110000 100000"})
    assert usable_cores() == (2, 5)


def test_a_system_without_affinity_has_all_cores(monkeypatch):
    monkeypatch.delattr(allowance.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(allowance.os, "cpu_count", lambda: 3)
    monkeypatch.setattr(allowance, "cpu_quota", lambda: math.inf)
    assert usable_cores() == (0, 1, 2)


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        (
            "0::/\n",
            {
                "memory.max": f"{200 * MB}",
                "memory.current": f"{90 * MB}",
                "memory.stat": f"inactive_file {30 * MB}",
            },
        ),
        (
            "5:memory:/d\n",
            {
                "memory/d/memory.limit_in_bytes": f"{200 * MB}",
                "memory/d/memory.usage_in_bytes": f"{90 * MB}",
                "memory/d/memory.stat": f"cache 1\ntotal_inactive_file {30 * MB}",
                "memory/memory.limit_in_bytes": "9223372036854771712",
                "memory/memory.usage_in_bytes": "1",
            },
        ),
    ],
)
def test_memory_is_the_containers_without_what_the_system_gives_up(grouped, groups, files):
    grouped(groups, files)
    assert memory() == (200 * MB, 60 * MB)


def test_memory_without_a_limit_is_the_hosts(grouped):
    grouped("0::/\n", {"memory.max": "max", "memory.current": "5"})
    assert memory().total == psutil.virtual_memory().total


def test_caches_are_where_the_user_says_else_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own" / "elasticbench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "elasticbench"


def test_who_has_no_home_has_temporary_caches(monkeypatch):
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    assert cache_folder() == Path(tempfile.gettempdir()) / "elasticbench"
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    monkeypatch.setattr(allowance.os, "access", lambda *_: False)  # as of a container's unknown user
    assert cache_folder() == Path(tempfile.gettempdir()) / "elasticbench"
