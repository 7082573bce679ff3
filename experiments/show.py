"""`elasticbench show RUN`: what a run came to and its trace, in the terminal; or several, drawn together."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from experiments.display.events import events_of
from experiments.display.summary_view import print_summary
from experiments.display.trace_view import trace_view
from experiments.program.console import say
from experiments.program.entry import prepared_for_its_end
from experiments.program.errors import ConfigError
from experiments.report.series import Course, plot_series
from experiments.results.naming import named_agents, named_cells
from experiments.results.run_row import from_folders
from experiments.runs.logged import LoggedRun, runs_in

MOST_DRAWN = 40  # runs in one picture


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


def courses_of(folders: Sequence[str]) -> tuple[list[Course], str]:
    """Return runs to be drawn, by what their agents are called, and by their cells where there are several.

    Args:
        folders: of runs, of sweeps, or single ones.

    Returns:
        The runs, and a title: their cell where there is one.

    Raises:
        ConfigError: there is none, there are too many, or one has no steps.
    """
    rows = from_folders(folders)
    runs = pd.DataFrame(rows)
    if len(rows) > MOST_DRAWN:
        raise ConfigError(f"a picture has room for {MOST_DRAWN} runs, got {len(rows)}: name some of them")
    agents, _ = named_agents(runs)
    cells, _ = named_cells(runs)
    is_one = len(set(cells)) == 1
    labels = agents if is_one else [f"{agent}-{cell}" for agent, cell in zip(agents, cells, strict=True)]
    courses = []
    for label, row in zip(labels, rows, strict=True):
        try:
            trace = row["trace"]()
        except FileNotFoundError as error:
            raise ConfigError(str(error)) from error
        if trace.empty:
            raise ConfigError(f"{row['place']} has no step to draw")
        courses.append(Course(label, trace, row["config"]["detector"]["grades"]))
    return courses, cells[0] if is_one else ""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="elasticbench show",
        description="Show what a run came to, and its trace as time goes: knobs, SLOs, worth, the figures of "
        "the agent.",
    )
    made.add_argument(
        "paths", nargs="+", metavar="RUN", help="a run's directory, a sweep's, or a folder of runs"
    )
    made.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="draw all of them into one picture instead, a panel for each knob and SLO (.png, .svg, .pdf)",
    )
    return made


def main(argv: Sequence[str]) -> None:
    """Show what is named. Raises ConfigError."""
    said, console = parser().parse_args(argv), Console()
    if said.picture is None:
        for run in (run for path in said.paths for run in runs_in(Path(path))):
            show(run, console)
        return
    plot_series(*courses_of(said.paths), said.picture)
    say(console, f"picture    {said.picture}")


if __name__ == "__main__":
    with prepared_for_its_end("experiments.show"):
        main(sys.argv[1:])
