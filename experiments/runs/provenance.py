"""What a run is, the head of its summary; and what it depends on: configuration, code, releases, machine."""

import ast
import hashlib
import importlib.util
import json
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

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
SOURCES = {"pipeline": "envs.pipeline_env", "simulator": "envs.simulator.env", "replay": "envs.replay.env"}
GROUPS: tuple[str, ...] = ("agent", "video", "detector", "env", "hardware", "scenario", "slo")
HASHES = ("spec_hash", "config_hash", "code_hash", "run_hash")  # of an identity
NOT_WHAT_IS_MEASURED = ("seed", "live", "results", "name", "output")


@dataclass(frozen=True)
class Identity:
    """What a run is, apart from what becomes of it.

    Attributes:
        choices: the option chosen of each group.
        config: every key and its value, plain.
        texts: of `config.yaml`, by key: to write them anew takes longer than to play an episode.
        spec_hash: of knobs, SLOs and metrics.
        weights: SHA-256 by grade of those that workers here compute with.
        origin: who plays it: what was typed (`command`), or its `sweep` and number there (`sweep_run`).
    """

    choices: Mapping[str, str]
    config: Mapping[str, Any]
    texts: Mapping[str, str]
    spec_hash: str
    weights: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)

    def having(self, **values: Any) -> "Identity":
        """Return the identity of the same run, but with these keys of the configuration."""
        texts = {name: OmegaConf.to_yaml(OmegaConf.create({name: value})) for name, value in values.items()}
        return replace(self, config={**self.config, **values}, texts={**self.texts, **texts})

    @property
    def seed(self) -> int:
        """Of the run."""
        return int(self.config["seed"])

    @property
    def config_yaml(self) -> str:
        """The whole configuration, as it is recorded."""
        return "".join(self.texts.values())

    @cached_property
    def config_hash(self) -> str:
        """Equal for runs that differ only in their seed, and in what does not decide what is measured."""
        deciding = {name: value for name, value in self.config.items() if name not in NOT_WHAT_IS_MEASURED}
        output = self.config.get("output", {})
        deciding["output"] = {"video": output.get("video")}  # frames are carried back for it
        return digest(deciding)

    @cached_property
    def code_hash(self) -> str:
        """As `code_hash` of a configuration."""
        return code_hash(self.config, self.choices["env"])

    @property
    def run_hash(self) -> str:
        """Equal for runs that, but for real time, must come to the same."""
        return digest({"config": self.config_hash, "seed": self.seed, "code": self.code_hash})

    @property
    def name(self) -> str:
        """Short, for directories and lists."""
        parts = dict.fromkeys(self.choices[group] for group in ("agent", "hardware", "scenario"))
        return "-".join([*parts, f"s{self.seed}"])  # a drawn world has one name for all its parts

    @property
    def title(self) -> str:
        """One line for people."""
        parts = [f"{self.choices['agent']} on {self.choices['video']}"]
        parts += [f"{group} {self.choices[group]}" for group in ("hardware", "scenario")]
        return " · ".join([*parts, f"seed {self.seed}"])

    @property
    def metadata(self) -> dict[str, Any]:
        """The first entries of `summary.json`."""
        hashes = {name: getattr(self, name) for name in HASHES}
        own = {**self.choices, "seed": self.seed, **hashes, "git_commit": git_commit()}
        there = {"releases": releases(), "machine": machine(), "weights_sha256": dict(self.weights)}
        return {**own, **self.origin, **there}


def identify(
    cfg: DictConfig, choices: Mapping[str, str], spec_hash: str, weights: Mapping[str, str] | None = None
) -> Identity:
    """Return the identity of a composed configuration; of `choices`, only those of GROUPS are kept."""
    config: Any = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    texts = re.split(r"^(?=\w)", OmegaConf.to_yaml(cfg, resolve=True), flags=re.MULTILINE)[1:]
    by_key = dict(zip(config, texts, strict=True))
    return Identity({group: choices[group] for group in GROUPS}, config, by_key, spec_hash, weights or {})


def code_hash(config: Mapping[str, Any], env: str) -> str:
    """12 hexadecimal digits that change with the sources of agent, world and stream, or the checkpoint."""
    path = config["agent"].get("checkpoint")
    factory = config["video"].get("factory")  # of a stream that is not ours
    return digest(
        {
            "agent": source_hash(config["agent"]["_target_"].rpartition(".")[0]),
            "world": source_hash(SOURCES[env]),
            "stream": source_hash(factory.rpartition(".")[0]) if factory else "",
            "checkpoint": sha256(Path(path))[:12] if path and Path(path).is_file() else "",
        }
    )


# --- what a result depends on beside its configuration ---


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
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            found.update(accumulate(name.split("."), lambda outer, inner: f"{outer}.{inner}"))
    return tuple(sorted(found))
