"""`elasticbench runs`: list, show, draw or delete logged runs; `elasticbench show` is its `runs show`."""

import argparse
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from experiments.display.lines import events_of
from experiments.display.plots import Course, plot_runs
from experiments.display.summary_view import print_summary
from experiments.display.views import trace_view
from experiments.program.console import plain_table, say
from experiments.program.entry import prepared_for_its_end
from experiments.program.errors import ConfigError
from experiments.program.formatting import counted, figure
from experiments.program.style import FORMATS
from experiments.report.agent_styles import agent_styles
from experiments.results.naming import named_agents, named_cells
from experiments.results.run_row import from_folders
from experiments.runs.logged import LoggedRun, runs_in
from experiments.runs.record import RunStatus

PROGRAM = "experiments.browse"
RESULTS = Path("results")
FIGURES = {"slo_fulfilment": "SLOs hold", "qoe_mean": "QoE", "reward_mean": "reward"}
FACTS = ("agent", "seed", "hardware", "scenario", "slo", "env")  # a narrow terminal has no room for the last
WIDE = 400  # of a file: nothing is cut
MOST_DRAWN = 40  # runs in one picture
THICK, THIN = 1.5, 0.8  # lines: of the only run of its label, and of one of several


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


def table_of(runs: Iterable[LoggedRun]) -> Table:
    """Return a table with a row for each run: where it lies, what it came to, what it was."""
    rows = [
        (
            str(run.directory),
            str(run.summary["status"]),
            *(figure(run.summary.get(name)) for name in FIGURES),
            *(str(run.summary.get(name, "–")) for name in FACTS),
        )
        for run in runs
    ]
    return plain_table(["run", "status", *FIGURES.values(), *FACTS], rows, n_left=2)


def show(run: LoggedRun, console: Console) -> None:
    """Print a run's trace and what it came to. Raises ConfigError: its configuration cannot be read."""
    try:
        trace = run.trace()
    except FileNotFoundError:
        trace = pd.DataFrame()
    if len(trace):
        grades, events = run.config.detector.grades, events_of(run.config, trace)
        console.print(trace_view(trace, grades, events, console.width))
    print_summary(console, run.summary, run.directory, "")


def courses_of(folders: Sequence[Path]) -> tuple[list[Course], str]:
    """Return runs to be drawn, by what their agents are called, and by their cells where there are several.

    Args:
        folders: of runs, of sweeps, or single ones.

    Returns:
        The runs, those of one name alike, and a title: their cell where there is one.

    Raises:
        ConfigError: there are too many, or one has no steps.
    """
    rows = from_folders([str(folder) for folder in folders])
    if len(rows) > MOST_DRAWN:
        raise ConfigError(f"a picture has room for {MOST_DRAWN} runs, got {len(rows)}: name some of them")
    runs = pd.DataFrame(rows)
    (agents, _), (cells, _) = named_agents(runs), named_cells(runs)
    is_one = len(set(cells)) == 1
    labels = agents if is_one else [f"{agent}-{cell}" for agent, cell in zip(agents, cells, strict=True)]
    styles, courses = agent_styles(labels), []
    for i, (label, row) in enumerate(zip(labels, rows, strict=True)):
        try:
            trace = row["trace"]()
        except FileNotFoundError as error:
            raise ConfigError(str(error)) from error
        if trace.empty:
            raise ConfigError(f"{row['place']} has no step to draw")
        look = {
            "color": styles[label].colour,
            "linestyle": styles[label].line,
            "linewidth": THICK if labels.count(label) == 1 else THIN,
            "label": label if label not in labels[:i] else "_",
        }
        courses.append(Course(trace, row["config"]["detector"]["grades"], look))
    return courses, cells[0] if is_one else ""


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
    made = argparse.ArgumentParser(prog="elasticbench runs", description="List, show or delete logged runs.")
    actions = made.add_subparsers(dest="action", required=True, metavar="list | show | delete")
    for name, purpose in (
        ("list", "A line for each run."),
        ("show", "What a run came to, and its trace as time goes: knobs, SLOs, worth, the agent's figures."),
        ("delete", "Delete their directories."),
    ):
        action = actions.add_parser(name, help=purpose, description=purpose)
        action.add_argument(
            "paths",
            nargs="+" if name == "show" else "*",
            type=Path,
            metavar="FOLDER",
            help="of runs, a sweep's, or a run's own"
            + ("" if name == "show" else " (default: all of results/)"),
        )
        action.add_argument(
            "--where", nargs="+", default=[], metavar="FACT=VALUE", help="e.g. agent=aif,rule status=FAILED"
        )
        if name == "show":
            action.add_argument(
                "--picture",
                type=Path,
                metavar="FILE",
                help="draw all of them into one picture instead, a panel for each knob and SLO "
                f"({', '.join(FORMATS)})",
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
    runs = found_in(said.paths, conditions_of(said.where))
    if said.action == "delete":
        delete(runs, said.yes, console)
    elif said.action == "list":
        if not console.is_terminal:
            console.width = WIDE
        console.print(table_of(runs))
        console.print(counted(len(runs), "run"), highlight=False)
    elif said.picture is None:
        for run in runs:
            show(run, console)
    else:
        plot_runs(*courses_of([run.directory for run in runs]), said.picture)
        say(console, f"picture    {said.picture}")


if __name__ == "__main__":
    with prepared_for_its_end(PROGRAM):
        main(sys.argv[1:])
