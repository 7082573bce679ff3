"""One logged run as a comparison sees it: who, where, when, and how to read what happened."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from experiments.config.schemas import RunConfig
from experiments.program.errors import ConfigError
from experiments.runs.identity import GROUPS
from experiments.runs.logged import LoggedRun
from experiments.runs.provenance import digest
from experiments.runs.record import CONFIG, SUMMARY, RunStatus
from experiments.studies.cells import WORLD

HEAD = (*GROUPS, "seed", "spec_hash", "config_hash", "git_commit", "status")  # every run's summary has these
ELSEWHERE = ("remote", "replay")  # options that say: the run has no say in this group
NAMING = ("hardware", "scenario", "slo")  # groups whose options a cell is called by
STAMP = re.compile(r"\d{8}-\d{6}")  # that the name of a run's directory begins with
CHECKPOINT = "checkpoint"
CUSTOM = "custom"  # of conf/agent: whatever class the user names


@dataclass(frozen=True, eq=False)
class Candidate:
    """A run of a collection.

    Attributes:
        place: where it was found, for people; no other run has it.
        begun: local time as "20261126-011423", or something that sorts as it; of two, the later one is newer.
        facts: the options of its groups, its seed, its hashes, its status: the head of `summary.json`.
        config: all that was asked for, as plain values.
        typed: the same by its schemas; raises ConfigError.
        trace: one row per control interval, columns as `experiments.runs.trace.row_of` has them; raises OSError.
    """

    place: str
    begun: str
    facts: Mapping[str, Any]
    config: Mapping[str, Any]
    typed: Callable[[], RunConfig]
    trace: Callable[[], pd.DataFrame]

    @property
    def agent(self) -> str:
        """Its file in conf/agent, its class if it has none, or whatever its importer calls it."""
        name = str(self.facts["agent"])
        return str(self.config["agent"]["_target_"]).rpartition(".")[2] if name == CUSTOM else name

    @property
    def seed(self) -> int:
        """Of the run."""
        return int(self.facts["seed"])

    @property
    def is_finished(self) -> bool:
        """Whether it came to its own end, and nothing died on the way that was not meant to."""
        return self.facts["status"] == RunStatus.FINISHED

    @property
    def values(self) -> dict[str, Any]:
        """What its agent is made of; of a checkpoint only the file's name, for folders move."""
        values = dict(self.config["agent"])
        if values.get(CHECKPOINT):
            values[CHECKPOINT] = Path(values[CHECKPOINT]).name
        return values

    @cached_property
    def world(self) -> dict[str, Any]:
        """All that its episode depends on beside its agent, its seed and the code."""
        world = {group: self.config[group] for group in WORLD if self.facts[group] not in ELSEWHERE}
        if "hardware" in world:
            world["output"] = {"video": self.config["output"]["video"]}  # results carry the frames back
        if self.facts["env"] == "pipeline":
            world["weights"] = self.facts.get("weights")  # the real ones, or stood in for
        return world

    @cached_property
    def world_digest(self) -> str:
        """Equal for equal worlds; what cells are called counts too, for two names are meant as two worlds."""
        return digest({"named": [self.facts[group] for group in NAMING], **self.world})


def candidate_of(run: LoggedRun, place: str, name: str) -> Candidate:
    """Of a run that was read back.

    Args:
        run: as it was logged.
        place: where, for people.
        name: that its directory was given.

    Raises:
        ConfigError: it is no run of `experiments.run`, or its configuration is gone.
    """
    if absent := [key for key in HEAD if key not in run.summary]:
        raise ConfigError(f"{place}: {SUMMARY} is no run's: it has no {', '.join(absent)}")
    return Candidate(
        place=place,
        begun=begun(run.directory, name),
        facts=run.summary,
        config=plain_config(run.directory),
        typed=lambda: run.config,
        trace=run.trace,
    )


def plain_config(directory: Path) -> dict[str, Any]:
    """A run's `config.yaml`, as it stands there. Raises ConfigError.

    OmegaConf reads it fifteen times as slowly; it is left to those few runs whose world must be built.
    """
    path = directory / CONFIG
    try:
        with path.open(encoding="utf-8") as file:
            found = yaml.load(file, yaml.CSafeLoader)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict) or not {*WORLD, "agent", "output"} <= found.keys():
        raise ConfigError(f"{path} is not the configuration of a run")
    return found


def begun(directory: Path, name: str) -> str:
    """When a run began: its directory's name says it; else when its summary was written."""
    if STAMP.match(name):
        return name
    written_s = (directory / SUMMARY).stat().st_mtime
    return f"{datetime.fromtimestamp(written_s, UTC).astimezone():%Y%m%d-%H%M%S}-{name}"
