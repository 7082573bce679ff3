"""What a result depends on beside its configuration: the code's commit, the releases, the machine."""

import hashlib
import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
RELEASES = (
    "elasticbench",
    "gymnasium",
    "inferactively-pymdp",
    "jax",
    "mlflow",
    "numba",
    "numpy",
    "numpyro",
    "opencv-python",
    "openvino",
    "pgmpy",
    "pyzmq",
    "scipy",
    "stable-baselines3",
    "torch",
    "ultralytics",
)
GIT_TIMEOUT_S = 5.0


@cache  # a process computes with the code that it began with
def git_commit() -> str:
    """Commit of the code, "-dirty" where the work tree differs from it, "unknown" outside of git."""
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=GIT_TIMEOUT_S
    )
    return done.stdout.strip()


def command() -> str:
    """Return what was typed to start this process, quoted for the shell."""
    return shlex.join(sys.orig_argv)


@cache
def releases() -> dict[str, str]:
    """Version by package, of those whose release can change a result; absent ones are left out."""
    found = {"python": platform.python_version()}
    for package in RELEASES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue  # an extra that is not installed
    return found


@cache
def machine() -> dict[str, str]:
    """What this computer is: processor, cores this process may use, memory, system."""
    return {
        "cpu": _cpu_model(),
        "cores": str(len(psutil.Process().cpu_affinity() or ()) or psutil.cpu_count()),
        "memory_gb": f"{psutil.virtual_memory().total / 1e9:.1f}",
        "system": platform.platform(terse=True),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def digest(values: Mapping[str, Any]) -> str:
    """12 hexadecimal digits that change with anything in `values`."""
    canonical = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def file_hash(path: Path) -> str:
    """12 hexadecimal digits that change with a file's content. Raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
