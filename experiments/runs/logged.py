"""Runs that have been recorded, read back from what they left, and whether two of them are the same."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.config.schemas import VARIANTS, RunConfig, schema_for
from experiments.program.errors import ConfigError, sentence
from experiments.runs.provenance import GROUPS
from experiments.runs.record import CONFIG, SUMMARY, RunStatus
from experiments.runs.summary import dotted
from experiments.runs.trace import WALL_CLOCK, read_trace

RUNS = "runs.json"  # in a sweep's directory: its runs' directories, relative to the folder of all runs
ABOUT = "sweep.json"  # in a sweep's directory: what was asked for, and how it stands
LOCK = "lock"  # in a sweep's directory: held for as long as the sweep's process lives
SWEEPS = "sweeps"  # in a folder of runs: the sweeps' directories
# in a summary: what a result depends on beside configuration and seed
DEPENDED_ON = ("code_hash", "git_commit", "releases", "machine", "weights_sha256")
STAMPED = str.maketrans(" ", "-", ":-")  # a time as names of runs begin with it


@dataclass(frozen=True)
class LoggedRun:
    """What a run left in its directory; `summary` is what `summary.json` says."""

    directory: Path
    summary: dict[str, Any]

    @property
    def agent(self) -> str:
        """The agent's file in conf/agent."""
        return str(self.summary["agent"])

    @property
    def is_finished(self) -> bool:
        """Whether it came to its own end, and nothing died on the way that was not meant to."""
        return self.summary["status"] == RunStatus.FINISHED

    @cached_property
    def values(self) -> dict[str, Any]:
        """All that was asked for, as plain values. Raises ConfigError.

        OmegaConf reads it fifteen times as slowly; that is left to those few runs whose world must be built.
        """
        path = self.directory / CONFIG
        try:
            found = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        except (OSError, yaml.YAMLError) as error:
            raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
        if not isinstance(found, dict) or not {*GROUPS, "output"} <= found.keys():
            raise ConfigError(f"{path} is not the configuration of a run")
        return found

    @cached_property
    def config(self) -> RunConfig:
        """The same by its schemas. Raises ConfigError: another release wrote it, in words of its own."""
        schema, raw = OmegaConf.structured(RunConfig), OmegaConf.create(self.values)
        try:
            modernise(raw)
            for group in VARIANTS:
                if variant := schema_for(group, str(self.summary[group]), raw[group]):
                    schema[group] = OmegaConf.structured(variant)
            found = OmegaConf.to_object(OmegaConf.merge(schema, raw))
        except (KeyError, OmegaConfBaseException) as error:
            path = self.directory / CONFIG
            raise ConfigError(f"{path} cannot be read as a run's configuration: {sentence(error)}") from error
        assert isinstance(found, RunConfig)
        return found

    def trace(self) -> pd.DataFrame:
        """One row per control interval. Raises FileNotFoundError."""
        return read_trace(self.directory)


def modernise(raw: DictConfig) -> None:
    """Bring what releases until b8146d5 wrote to where it is now; what they lack, schemas have."""
    raw.hardware.pop("accuracy", None)
    raw.hardware.host.pop("baseline_mb", None)
    raw.output.pop("recording", None)
    if "qoe_weights" in raw.slo:
        raw.qoe = {"weights": raw.slo.pop("qoe_weights")}


def read_run(directory: Path) -> LoggedRun:
    """Return the run of a directory. Raises ConfigError: there is none."""
    path = directory / SUMMARY
    try:
        return LoggedRun(directory, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ConfigError(f"{directory} is no directory of a run that ended: it has no {SUMMARY}") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not what a run left: {error}") from error


def runs_in(folder: Path) -> list[LoggedRun]:
    """Every run of a folder of runs, a sweep's, or its own, by name. Raises ConfigError: there is none."""
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}")
    found = [read_run(directory) for directory in sorted(directories_of(folder))]
    if not found:
        raise ConfigError(f"{folder} has no run that ended: expected folders with a {SUMMARY}")
    return found


def called(folder: Path) -> str:
    """Return the name of a folder of runs or of a run; of a sweep, its folder's and when it was begun."""
    if folder.parent.name != SWEEPS:
        return folder.name
    about, name = folder / ABOUT, folder.name
    if about.is_file():
        name = json.loads(about.read_text(encoding="utf-8"))["started"].translate(STAMPED)
    return f"{folder.parent.parent.name}-{name}"


def directories_of(folder: Path) -> Iterable[Path]:
    """Of all runs that ended."""
    if (folder / SUMMARY).is_file():
        return [folder]
    if (folder / RUNS).is_file():
        names = json.loads((folder / RUNS).read_text(encoding="utf-8"))
        found = (folder.parent.parent / name for name in names)
        return [directory for directory in found if (directory / SUMMARY).is_file()]
    return [path.parent for path in folder.glob(f"*/{SUMMARY}")]


def finished_in(folder: Path) -> dict[str, str]:
    """Return the directories of all runs that are FINISHED, by their `run_hash`; of several, the newest.

    A DEGRADED one is no valid result, and is played again.
    """
    found = {}
    for path in sorted(folder.glob(f"*/{SUMMARY}")):
        summary = json.loads(path.read_text(encoding="utf-8"))
        if summary["status"] == RunStatus.FINISHED and "run_hash" in summary:
            found[summary["run_hash"]] = path.parent.name
    return found


# --- the same, or not ---


def first_difference(before: pd.DataFrame, now: pd.DataFrame) -> str:
    """Say where two traces part: in which step, and there in which column first; "" if they do nowhere.

    Numbers are equal to the last bit, as a whole number or not; WALL_CLOCK is not looked at.
    """
    columns = [name for name in dict.fromkeys([*before, *now]) if name not in WALL_CLOCK]
    rows = zip_longest(before.to_dict("records"), now.to_dict("records"), fillvalue={})
    for step, pair in enumerate(rows):
        for name in columns:
            old, new = (row.get(name, "nothing") for row in pair)
            if exact(old) != exact(new):
                return f"step {step}, {name}: {old} then, {new} now"
    return ""


def exact(value: Any) -> str:
    """Return a value as a text that is equal for equal ones alone."""
    return float(value).hex() if isinstance(value, int | float) else str(value)


def changes_since(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return which of DEPENDED_ON is another in the summary of a run than in that of an earlier one."""
    then, today = (
        dotted({name: run[name] for name in DEPENDED_ON if run.get(name)}) for run in (before, now)
    )
    return [
        f"{what}: {then.get(what, 'not recorded')} then, {today.get(what, 'none')} now"
        for what in then | today
        if then.get(what) != today.get(what)
    ]
