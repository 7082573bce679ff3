"""`elasticbench runs`, `show`, `export`, `world`: look at logged runs, take them to MLflow; drawn worlds."""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import track

from envs.procedural.world import world
from experiments.display.lines import events_of
from experiments.display.plots import Course, draw_worlds, plot_runs
from experiments.display.summary_view import print_summary
from experiments.display.views import trace_view
from experiments.program.console import counted, figure, plain_table, say
from experiments.program.entry import prepared_for_its_end
from experiments.program.errors import ConfigError, ExecutionError, blaming, meant
from experiments.program.style import FORMATS
from experiments.report.agent_styles import agent_styles
from experiments.results.naming import named_agents, named_cells
from experiments.results.run_row import from_folders
from experiments.runs.logged import LoggedRun, runs_in
from experiments.runs.record import SUMMARY
from experiments.worlds.builders import timeline_of
from experiments.worlds.drawn import described

Action = Callable[[argparse.Namespace, Console], None]

RESULTS = Path("results")
FIGURES = {"slo_fulfilment": "SLOs hold", "qoe_mean": "QoE", "reward_mean": "reward"}
FACTS = ("agent", "seed", "hardware", "scenario", "slo", "env")  # a narrow terminal has no room for the last
WIDE = 400  # characters of a line in a file: nothing is cut
MOST_DRAWN = 40  # runs in one picture
STORE = "mlflow.db beside the folder"
DRAWN = "below 1,000,000 to train on, below 2,000,000 to validate, from 1,000,000,000 on to judge by"
THICK, THIN = 1.5, 0.8  # lines: of the only run of its label, and of one of several


def found_in(paths: Sequence[Path], where: Sequence[str]) -> list[LoggedRun]:
    """Return the runs of all folders, by default of results/, that are as the conditions FACT=VALUE say.

    Raises ConfigError: there is no such folder, or no run in it; a condition is none; no run has that fact.
    """
    if bad := [text for text in where if "=" not in text]:
        raise ConfigError(f"--where: expected FACT=VALUE, got {bad[0]!r}")
    conditions = {name: value.split(",") for name, _, value in (text.partition("=") for text in where)}
    folders = paths or sorted(path for path in RESULTS.glob("*") if any(path.glob(f"*/{SUMMARY}")))
    if not folders:
        raise ConfigError(
            f"there are no runs in {RESULTS}/: say which folder, or begin with `elasticbench run`"
        )
    runs = [run for folder in folders for run in runs_in(folder)]
    facts = sorted({name for run in runs for name in run.summary})
    for name in conditions:
        if name not in facts:
            hint = meant(name, facts, otherwise="see any summary.json")
            raise ConfigError(f"--where FACT=VALUE: no run has a fact {name!r}; {hint}")
    return [run for run in runs if all(str(run.summary.get(name)) in conditions[name] for name in conditions)]


def list_runs(said: argparse.Namespace, console: Console) -> None:
    """Print a line for each run: where it lies, what it came to, what it was. Raises ConfigError."""
    runs = found_in(said.paths, said.where)
    if not console.is_terminal:
        console.width = WIDE
    rows = [
        (
            str(run.directory),
            str(run.summary["status"]),
            *(figure(run.summary.get(name)) for name in FIGURES),
            *(str(run.summary.get(name, "–")) for name in FACTS),
        )
        for run in runs
    ]
    console.print(plain_table(["run", "status", *FIGURES.values(), *FACTS], rows, n_left=2))
    console.print(counted(len(runs), "run"), highlight=False)


def show(said: argparse.Namespace, console: Console) -> None:
    """Print runs' traces and what they came to, or draw all into one picture. Raises ConfigError."""
    runs = found_in(said.paths, said.where)
    if said.picture is not None:
        plot_runs(*courses_of([run.directory for run in runs]), said.picture)
        say(console, f"picture    {said.picture}")
        return
    for run in runs:
        if "steps" in run.summary:  # it did not end before its first
            grades, events = run.config.detector.grades, events_of(timeline_of(run.config))
            console.print(trace_view(run.trace(), grades, events, console.width))
        print_summary(console, run.summary, run.directory, "")


def courses_of(folders: Sequence[Path]) -> tuple[list[Course], str]:
    """Return runs to be drawn, those of one name alike, and a title: their cell where there is one.

    They are called by their agents, and by their cells where there are several; `folders` are of runs, of
    sweeps, or single ones. Raises ConfigError: there are too many, or one has no steps.
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
        with blaming("picture"):
            trace = row["run"].trace()
        if trace.empty:
            raise ConfigError(f"{row['place']} has no step to draw")
        style, width = styles[label], THICK if labels.count(label) == 1 else THIN
        shown = label if label not in labels[:i] else "_"
        look = {"color": style.colour, "linestyle": style.line, "linewidth": width, "label": shown}
        courses.append(Course(trace, row["config"]["detector"]["grades"], look))
    return courses, cells[0] if is_one else ""


def export(said: argparse.Namespace, console: Console) -> None:
    """Take to MLflow what it lacks of runs, sweeps and folders of runs; killed ones are completed first.

    Raises ConfigError: there is no run; ExecutionError: something is not in MLflow now.
    """
    from experiments.tracking.following import follow  # MLflow takes seconds
    from experiments.tracking.importing import UNREADABLE, MlflowImporter
    from experiments.tracking.store import in_a_sentence, store_errors

    logging.basicConfig(level=logging.ERROR)
    importer, became = MlflowImporter(said.store, said.follow), list[tuple[Path, str]]()
    try:
        for path in said.paths:
            if said.follow:
                follow(importer, path, waited=lambda s: bool(time.sleep(s)), say=console.print)
            shown = {"console": console, "disable": not console.is_terminal}
            taken = list(track(importer.take(path), "runs to MLflow", **shown))
            if not taken:
                raise ConfigError(f"{path} has no run: expected folders with a {SUMMARY}")
            became += taken
    except store_errors() as error:
        raise ExecutionError(f"the store fails: {in_a_sentence(error)}") from error
    counts = Counter(what for _, what in became if not what.startswith(UNREADABLE))
    console.print(", ".join(f"{counted(n, 'run')} {what}" for what, n in counts.items()))
    if unreadable := dict.fromkeys(f"{run} is {what}" for run, what in became if what.startswith(UNREADABLE)):
        raise ExecutionError("; ".join(unreadable))


def describe(said: argparse.Namespace, console: Console) -> None:
    """Say what drawn worlds are like, and draw them. Raises ConfigError."""
    worlds = []
    for number in said.numbers:
        with blaming("world"):
            worlds.append(world(number))
        say(console, f"world {number}", style="bold")
        for name, text in described(worlds[-1]).items():
            say(console, f"  {name}: {text}")
    if said.picture:
        draw_worlds(worlds, said.picture)
        say(console, f"picture    {said.picture}")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="elasticbench runs", description="List, show or export logged runs.")
    actions = made.add_subparsers(required=True, metavar="list | show | export | world")

    def action(do: Action, command: str, purpose: str) -> argparse.ArgumentParser:
        name = command.rpartition(" ")[2]
        added = actions.add_parser(name, prog=f"elasticbench {command}", help=purpose, description=purpose)
        added.set_defaults(do=do)
        return added

    listed = action(list_runs, "runs list", "A line for each run.")
    shown = action(show, "show", "What runs came to, and their traces as time goes.")
    taken = action(export, "export", "Take to MLflow what it lacks of runs on disk.")
    drawn = action(describe, "world", "What drawn worlds are like.")
    drawn.add_argument("numbers", nargs="+", type=int, metavar="NUMBER", help=f"which: {DRAWN}")
    taken.add_argument("kind", choices=["mlflow"])
    for one, n, default in ((listed, "*", " (default: all of results/)"), (shown, "+", ""), (taken, "+", "")):
        what = f"of runs, a sweep's, or a run's own{default}"
        one.add_argument("paths", nargs=n, type=Path, metavar="FOLDER", help=what)
    taken.add_argument("--follow", action="store_true", help="go on until nobody is at them any more")
    taken.add_argument("--store", default="", help=f"URI (default: $MLFLOW_TRACKING_URI, else {STORE})")
    for one in (listed, shown):
        one.add_argument(
            "--where", nargs="+", default=[], metavar="FACT=VALUE", help="e.g. agent=aif,rule status=FAILED"
        )
    for one in (shown, drawn):
        one.add_argument(
            "--picture", type=Path, metavar="FILE", help=f"draw all of them into one ({', '.join(FORMATS)})"
        )
    return made


def main(argv: Sequence[str]) -> None:
    """Do what is asked for. Raises ConfigError, ExecutionError."""
    said = parser().parse_args(argv)
    said.do(said, Console())


if __name__ == "__main__":
    with prepared_for_its_end("experiments.browse"):
        main(sys.argv[1:])
