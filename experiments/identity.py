"""What a run is: the head of its summary, and its tags and parameters in MLflow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.facts import digest, git_commit, machine, releases

GROUPS: tuple[str, ...] = ("agent", "video", "detector", "env", "hardware", "scenario", "slo")
NOT_WHAT_IS_MEASURED = ("seed", "live", "results", "name", "output")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a run is, apart from what becomes of it.

    Attributes:
        choices: the option chosen of each group.
        config_yaml: the whole configuration, resolved.
        params: the same, flat: dotted key -> text.
        config_hash: of all that decides what is measured; equal for runs that differ only in their seed.
        spec_hash: of knobs, SLOs and metrics.
        seed: of the run.
        git_commit: of the code.
    """

    choices: Mapping[str, str]
    config_yaml: str
    params: Mapping[str, str]
    config_hash: str
    spec_hash: str
    seed: int
    git_commit: str

    @property
    def title(self) -> str:
        """One line for people."""
        parts = [f"{self.choices['agent']} on {self.choices['video']}"]
        parts += [f"{group} {self.choices[group]}" for group in ("hardware", "scenario")]
        return " · ".join([*parts, f"seed {self.seed}"])

    @property
    def summary_head(self) -> dict[str, Any]:
        """The first entries of `summary.json`."""
        hashes = {"spec_hash": self.spec_hash, "config_hash": self.config_hash}
        return {**self.choices, "seed": self.seed, **hashes, "git_commit": self.git_commit}

    @property
    def tags(self) -> dict[str, str]:
        """For MLflow: the head, releases and the machine."""
        tags = {name: str(value) for name, value in self.summary_head.items()}
        tags |= {f"version.{package}": release for package, release in releases().items()}
        return tags | {f"machine.{name}": fact for name, fact in machine().items()}


def identify(cfg: DictConfig, choices: Mapping[str, str], spec_hash: str) -> Identity:
    """Of a composed configuration and the options that Hydra chose."""
    resolved = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    assert isinstance(resolved, dict)
    plain = {str(name): value for name, value in resolved.items()}
    deciding = {name: value for name, value in plain.items() if name not in NOT_WHAT_IS_MEASURED}
    return Identity(
        choices={group: choices[group] for group in GROUPS},
        config_yaml=OmegaConf.to_yaml(cfg, resolve=True),
        params=_flat("", plain),
        config_hash=digest(deciding),
        spec_hash=spec_hash,
        seed=int(plain["seed"]),
        git_commit=git_commit(),
    )


def _flat(prefix: str, value: Any) -> dict[str, str]:
    if isinstance(value, dict) and value:
        found: dict[str, str] = {}
        for name, item in value.items():
            found |= _flat(f"{prefix}.{name}" if prefix else str(name), item)
        return found
    return {prefix: str(value)}
