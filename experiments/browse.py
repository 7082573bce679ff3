"""`elasticbench runs`: list, filter or delete logged runs."""

import argparse
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from experiments.program.console import plain_table
from experiments.program.entry import prepared_for_its_end
from experiments.program.errors import ConfigError
from experiments.program.formatting import counted, figure
from experiments.runs.logged import LoggedRun, runs_in
from experiments.runs.record import RunStatus

PROGRAM = "experiments.browse"
RESULTS = Path("results")
FACTS = ("agent", "hardware", "scenario", "slo", "env", "seed", "status")
DISPENSABLE = ("env", "slo", "scenario", "hardware")  # in this order, where the terminal is narrow
WIDE = 400  # of a file: nothing is cut
FIGURES = {"slo_fulfilment": "SLOs hold", "qoe_mean": "QoE", "reward_mean": "reward"}


def found_in(paths: Sequence[Path], conditions: Mapping[str, str]) -> list[LoggedRun]:
    """Return the runs of all folders that are as the conditions say, by name of fact.

    Raises:
        ConfigError: there is no such folder, or no run in it; no run has a fact of that name.
    """
    folders = paths or sorted(path for path in RESULTS.glob("*") if any(path.glob("*/summary.json")))
    if not folders:
        raise ConfigError(
            f"there are no runs in {RESULTS}/: say which folder, or begin with `elasticbench run`"
        )
    runs = [run for folder in folders for run in runs_in(folder)]
    for name in conditions:
        if not any(name in run.summary for run in runs):
            raise ConfigError(f"no run has a fact {name!r}; what they have is in their summary.json")
    return [
        run
        for run in runs
        if all(str(run.summary.get(name)) in value.split(",") for name, value in conditions.items())
    ]


def fitting(runs: Sequence[LoggedRun], console: Console) -> Table:
    """Return the table with as many columns as the terminal has room for; whoever reads a file has all."""
    for n in range(len(DISPENSABLE) + 1):
        table = table_of(runs, [fact for fact in FACTS if fact not in DISPENSABLE[:n]])
        if (
            not console.is_terminal
            or Measurement.get(console, console.options, table).maximum <= console.width
        ):
            break
    return table


def table_of(runs: Iterable[LoggedRun], facts: Sequence[str]) -> Table:
    """Return a table with a row for each run: these facts of it, what it came to, and where it lies."""
    rows = [
        (
            *(str(run.summary.get(name, "–")) for name in facts),
            *(figure(run.summary.get(name)) for name in FIGURES),
            str(run.directory),
        )
        for run in runs
    ]
    table = plain_table([*facts, *FIGURES.values(), "run"], rows, n_left=len(facts))
    table.columns[-1].justify = "left"
    return table


def delete(runs: Sequence[LoggedRun], is_sure: bool, console: Console) -> None:
    """Delete the directories of runs, after a question unless it is answered already.

    Raises:
        ConfigError: nobody is there to answer it; one of them goes on.
    """
    if going_on := [run for run in runs if run.summary["status"] == RunStatus.RUNNING]:
        raise ConfigError(f"{going_on[0].directory} goes on: end it first")
    n = counted(len(runs), "run")
    if not is_sure:
        if not sys.stdin.isatty():
            raise ConfigError(f"{n} would be deleted: say --yes where nobody can be asked")
        if console.input(f"delete {n}? [y/N] ").strip().lower() not in ("y", "yes"):
            console.print("nothing is deleted")
            return
    for run in runs:
        shutil.rmtree(run.directory)
    console.print(f"deleted {n}; what MLflow has of them stays there", highlight=False)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="elasticbench runs",
        description="List, filter or delete logged runs; one is shown by `elasticbench show RUN`.",
    )
    actions = made.add_subparsers(dest="action", required=True, metavar="list | delete")
    for name, purpose in (("list", "a line for each run"), ("delete", "delete their directories")):
        action = actions.add_parser(name, help=purpose, description=purpose)
        action.add_argument(
            "paths",
            nargs="*",
            type=Path,
            metavar="FOLDER",
            help="of runs, a sweep's, or a run's own (default: all of results/)",
        )
        action.add_argument(
            "--where", nargs="+", default=[], metavar="FACT=VALUE", help="e.g. agent=aif,rule status=FAILED"
        )
        if name == "delete":
            action.add_argument("--yes", action="store_true", help="do not ask")
    return made


def conditions_of(texts: Iterable[str]) -> dict[str, Any]:
    """Return the values by name of fact. Raises ConfigError: one is no FACT=VALUE."""
    pairs = [text.partition("=") for text in texts]
    if bad := ["".join(pair) for pair in pairs if not (pair[0] and pair[1])]:
        raise ConfigError(f"--where: expected FACT=VALUE, got {bad[0]!r}")
    return {name: value for name, _, value in pairs}


def main(argv: Sequence[str]) -> None:
    """Do what is asked for. Raises ConfigError."""
    said, console = parser().parse_args(argv), Console()
    if not console.is_terminal:
        console.width = WIDE
    runs = found_in(said.paths, conditions_of(said.where))
    if said.action == "delete":
        delete(runs, said.yes, console)
        return
    console.print(
        fitting(runs, console), crop=console.is_terminal, width=None if console.is_terminal else WIDE
    )
    console.print(counted(len(runs), "run"), highlight=False)


if __name__ == "__main__":
    with prepared_for_its_end(PROGRAM):
        main(sys.argv[1:])
