"""What a result depends on beside its configuration: the code's commit, the releases, the machine."""

import ast
import hashlib
import importlib.util
import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from pathlib import Path
from typing import Any

from pipeline.allowance import memory, usable_cores

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
OURS = ("agents", "envs", "pipeline")  # what decides what happens; experiments only looks on
REAL, SIMULATED, REPLAYED = "envs.pipeline_env", "envs.simulator.env", "envs.replay.env"  # the worlds


@cache  # a process computes with the code that it began with
def git_commit() -> str:
    """Commit of the code, "-dirty" where the work tree differs from it, "unknown" outside of git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=GIT_TIMEOUT_S
        )
        return done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


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
        "cores": str(len(usable_cores())),
        "memory_gb": f"{memory().total / 1e9:.1f}",
        "system": platform.platform(terse=True),
    }


def machine_text(facts: Mapping[str, str]) -> str:
    """Say what a machine computes with, of the facts of `machine`: what its speed depends on."""
    return f"{facts['cpu']}, {facts['cores']} cores"


def machine_line(facts: Mapping[str, str]) -> str:
    """Say all that is known of a machine, in a line, of the facts of `machine`."""
    return f"{machine_text(facts)}, {facts['memory_gb']} GB, {facts['system']}"


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
    return sha256(path)[:12]


def sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits, or of a folder's files' names and hashes. Raises OSError."""
    if path.is_dir():
        inside = sorted(file for file in path.rglob("*") if file.is_file())
        names = "".join(f"{sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in inside)
        return hashlib.sha256(names.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- which code a result depends on ---


@cache
def source_hash(module: str) -> str:
    """12 hexadecimal digits that change with any source that this module imports, directly or not."""
    own, _, _ = module.partition(".")
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = None if name in found else source_of(name)
        if path is not None:
            found[name] = path
            waiting += [other for other in imports_of(path) if other.partition(".")[0] in (*OURS, own)]
    digest = hashlib.sha256()
    for name, path in sorted(found.items()):
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def source_of(module: str) -> Path | None:
    """A module's file, found without importing anything; None if it has none, or is no module."""
    top, *inner = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent.joinpath(*inner)
    if not inner:
        return Path(spec.origin)
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Names of all that a source imports: modules, the packages that they are in, things in them."""
    return tuple(sorted(set(_imports(ast.parse(path.read_text(encoding="utf-8"))))))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield from accumulate(name.split("."), lambda outer, inner: f"{outer}.{inner}")
