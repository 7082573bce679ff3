"""What a run is: the head of its summary."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.runs.provenance import (
    REAL,
    REPLAYED,
    SIMULATED,
    digest,
    file_hash,
    git_commit,
    machine,
    releases,
    source_hash,
)

GROUPS: tuple[str, ...] = ("agent", "video", "detector", "env", "hardware", "scenario", "slo")
NOT_WHAT_IS_MEASURED = ("seed", "live", "results", "name", "output")
SEED_LINE = re.compile(r"^seed: .*$", re.MULTILINE)
AGENT_LINES = re.compile(r"^agent:\n(?:[ -].*\n)+", re.MULTILINE)
TRAINED_LINE = re.compile(r"^trained_on: .*$", re.MULTILINE)
SOURCES = {"pipeline": REAL, "simulator": SIMULATED, "replay": REPLAYED}  # of each env


@dataclass(frozen=True, slots=True)
class Identity:
    """What a run is, apart from what becomes of it.

    Attributes:
        choices: the option chosen of each group.
        config_yaml: the whole configuration, resolved.
        deciding: what of it decides what is measured.
        config_hash: of that; equal for runs that differ only in their seed.
        spec_hash: of knobs, SLOs and metrics.
        code_hash: of the sources of agent and world, and of the checkpoint, if there is one.
        seed: of the run.
        git_commit: of the code.
        weights: SHA-256 by grade of those that workers here compute with.
        origin: who plays it: what was typed (`command`), or the id of a sweep (`sweep`).
    """

    choices: Mapping[str, str]
    config_yaml: str
    deciding: Mapping[str, Any]
    config_hash: str
    spec_hash: str
    code_hash: str
    seed: int
    git_commit: str
    weights: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)

    def under_seed(self, seed: int) -> "Identity":
        """Return the identity of the same run under another seed."""
        config_yaml = replaced(SEED_LINE, f"seed: {seed}", self.config_yaml)
        return replace(self, seed=seed, config_yaml=config_yaml)

    def of_agent(self, name: str, values: DictConfig, trained_on: str | None) -> "Identity":
        """Return the identity of the same run of another agent.

        Args:
            name: what it is called.
            values: what it is made of.
            trained_on: of conf/training, None where it learns nothing beforehand.
        """
        agent = OmegaConf.to_container(values, resolve=True, enum_to_str=True)
        lines = OmegaConf.to_yaml(OmegaConf.create({"agent": agent}))
        config_yaml = replaced(AGENT_LINES, lines, self.config_yaml)
        config_yaml = replaced(TRAINED_LINE, f"trained_on: {trained_on or 'null'}", config_yaml)
        deciding = {**self.deciding, "agent": agent, "trained_on": trained_on}
        return replace(
            self,
            choices={**self.choices, "agent": name},
            config_yaml=config_yaml,
            deciding=deciding,
            config_hash=digest(deciding),
            code_hash=code_hash(deciding, self.choices["env"]),
        )

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
        hashes = {
            "spec_hash": self.spec_hash,
            "config_hash": self.config_hash,
            "code_hash": self.code_hash,
            "run_hash": self.run_hash,
        }
        own = {**self.choices, "seed": self.seed, **hashes, "git_commit": self.git_commit, **self.origin}
        return {**own, "releases": releases(), "machine": machine(), "weights_sha256": dict(self.weights)}


def replaced(pattern: re.Pattern[str], lines: str, config_yaml: str) -> str:
    """Return a configuration with other lines where every configuration has those of a pattern, once."""
    found, n = pattern.subn(lambda _: lines, config_yaml)
    assert n == 1, pattern.pattern
    return found


def identify(
    cfg: DictConfig, choices: Mapping[str, str], spec_hash: str, weights: Mapping[str, str] | None = None
) -> Identity:
    """Of a composed configuration, the options that Hydra chose, and SHA-256 by grade of weights in use."""
    resolved = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    assert isinstance(resolved, dict)
    plain = {str(name): value for name, value in resolved.items()}
    deciding = {name: value for name, value in plain.items() if name not in NOT_WHAT_IS_MEASURED}
    deciding["output"] = {"video": plain.get("output", {}).get("video")}  # frames are carried back for it
    return Identity(
        choices={group: choices[group] for group in GROUPS},
        config_yaml=OmegaConf.to_yaml(cfg, resolve=True),
        deciding=deciding,
        config_hash=digest(deciding),
        spec_hash=spec_hash,
        code_hash=code_hash(deciding, choices["env"]),
        seed=int(plain["seed"]),
        git_commit=git_commit(),
        weights=weights or {},
    )


def code_hash(config: Mapping[str, Any], env: str) -> str:
    """12 hexadecimal digits that change with the sources of agent, world and stream, or the checkpoint."""
    path = config["agent"].get("checkpoint")
    checkpoint = file_hash(Path(path)) if path and Path(path).is_file() else ""
    factory = config["video"].get("factory")  # of a stream that is not ours
    return digest(
        {
            "agent": source_hash(config["agent"]["_target_"].rpartition(".")[0]),
            "world": source_hash(SOURCES[env]),
            "stream": source_hash(factory.rpartition(".")[0]) if factory else "",
            "checkpoint": checkpoint,
        }
    )
