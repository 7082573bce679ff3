"""Runs of a comparison as one table, and by cell: a row per run, whatever source it is from.

| column | meaning |
|---|---|
| `agent`, `video`, `detector`, `env`, `hardware`, `scenario`, `slo` | options of its groups; an agent without a file is called by its class |
| `seed`, `spec_hash`, `config_hash`, `git_commit`, `status` | the head of `summary.json` |
| `code_hash`, `weights`, `detections`, `error`, `machine`, `releases` | likewise; "" where a run does not say |
| `trained_steps`, `golden_f1` | likewise; 0 and None where a run does not say |
| `poor` | how the simulated twin of a run of the pipeline fell short, by its certificate; "" if it did not, or there is none |
| `name`, `steps`, `control_interval_s` | as they were asked for |
| `place` | where it was found, for people; no other run has it |
| `begun` | local time as "20261126-011423", or something that sorts as it; of two, the later one is newer |
| `world` | a digest, equal for equal worlds |
| `config` | all that was asked for, as plain values |
| `run` | what was read back, which has the same by its schemas, and the trace |
"""  # noqa: E501 - a table's row is a line

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.program.errors import ConfigError
from experiments.runs.logged import LoggedRun, runs_in
from experiments.runs.provenance import GROUPS, digest, machine_line
from experiments.runs.record import SUMMARY
from experiments.statistics.episode import GOLDEN, TRAINED

SPEC = "spec_hash"
HEAD = (*GROUPS, "seed", SPEC, "config_hash", "git_commit", "status")  # every run's summary has these
BESIDE = ("code_hash", "weights", "detections", "error")  # and these some
STANDING_IN = ("weights", "detections")  # of these, what may be real or not
UNREADABLE = ("world", "config", "run")  # columns that nobody can ask for in a text
WORLD = tuple(group for group in GROUPS if group != "agent")  # what an episode takes place in
ELSEWHERE = ("remote", "replay")  # options that say: the run has no say in this group
NAMING = ("hardware", "scenario", "slo")  # groups whose options a cell is called by
STAMP = re.compile(r"\d{8}-\d{6}")  # that the name of a run's directory begins with

Row = dict[str, Any]
Runs = Any  # a frame of such rows; type checkers do not know what selecting from a frame gives


def from_folders(folders: Sequence[str]) -> list[Row]:
    """Return every run of folders of runs, of sweeps or of single runs, each once. Raises ConfigError."""
    here = Path.cwd()
    found = {run.directory.resolve(): run for folder in folders for run in runs_in(Path(folder))}
    return [
        row_of(run, str(path.relative_to(here) if path.is_relative_to(here) else path))
        for path, run in found.items()
    ]


def row_of(run: LoggedRun, place: str) -> Row:
    """Return the row of a run. Raises ConfigError: `experiments.run` wrote none such, or it lacks a part."""
    facts, begun = run.summary, run.directory.name
    if absent := [key for key in HEAD if key not in facts]:
        raise ConfigError(f"{place}: {SUMMARY} is no run's: it has no {', '.join(absent)}")
    if not STAMP.match(begun):
        written_at = datetime.fromtimestamp((run.directory / SUMMARY).stat().st_mtime, UTC).astimezone()
        begun = f"{written_at:%Y%m%d-%H%M%S}-{begun}"
    config = run.values
    row = {
        **{name: facts[name] for name in HEAD},
        **{name: facts.get(name) or "" for name in BESIDE},
        "name": config.get("name", ""),
        "steps": config["env"]["steps"],
        "control_interval_s": config["env"]["control_interval_s"],
        "machine": machine_line(facts["machine"]) if facts.get("machine") else "",
        "releases": " ".join(f"{name} {of}" for name, of in sorted(facts.get("releases", {}).items())),
        TRAINED: facts.get(TRAINED, 0),
        GOLDEN: facts.get(GOLDEN),
        "poor": facts.get("certificate", {}).get("poor", ""),
        "place": place,
        "begun": begun,
        "config": config,
        "run": run,
    }
    # what cells are called counts too, for two names are meant as two worlds
    return row | {"world": digest({"named": [row[group] for group in NAMING], **world_of(row)})}


def world_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return all that an episode depends on beside its agent, its seed and the code."""
    world = {group: row["config"][group] for group in WORLD if row[group] not in ELSEWHERE}
    if "hardware" in world:
        world["output"] = {"video": row["config"]["output"]["video"]}  # results carry the frames back
    if row["env"] == "pipeline":
        world |= {fact: row[fact] for fact in STANDING_IN}
    return world


@dataclass(frozen=True, eq=False, slots=True)
class Cell:
    """A world, and the runs that took place in it."""

    name: str  # hardware/scenario, /SLOs unless they are the default, and what else other cells do not have
    runs: Runs  # at least one; they are alike but for agent and seed

    @property
    def first(self) -> Any:
        """One of them."""
        return self.runs.iloc[0]

    @property
    def seeds(self) -> list[int]:
        """Under which it was played, ascending."""
        return sorted(self.runs["seed"].unique().tolist())

    @property
    def is_real(self) -> bool:
        """Whether its runs took real time."""
        return self.first["env"] == "pipeline"
