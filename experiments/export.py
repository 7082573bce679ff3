"""`python -m experiments.export`: runs that lie on disk, for MLflow's page or for Rerun's viewer."""

import argparse
import logging
import shlex
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from experiments.display.rerun import write_recording
from experiments.program.entry import prepared_for_its_end
from experiments.program.errors import ConfigError, ExecutionError, sentence
from experiments.program.formatting import counted
from experiments.runs.record import SUMMARY

PROGRAM = "experiments.export"


def to_mlflow(paths: Sequence[Path], store: str, whole: bool, follow: bool, console: Console) -> None:
    """Take to MLflow what it lacks of runs, sweeps and folders of runs; killed ones are completed first.

    Raises:
        ConfigError: there is no run.
        ExecutionError: something is not in MLflow now.
    """
    from experiments.tracking.following import follow as follow_path  # MLflow and pandas take seconds
    from experiments.tracking.importing import UNREADABLE, MlflowImporter
    from experiments.tracking.store import in_a_sentence, store_errors

    importer, became, unreadable = MlflowImporter(store, whole, follow), Counter[str](), list[str]()
    try:
        for path in paths:
            if follow:
                follow_path(importer, path, waited=lambda s: bool(time.sleep(s)), say=console.print)
            shown = {"console": console, "disable": not console.is_terminal}
            taken = list(track(importer.take(path), "runs to MLflow", **shown))
            if not taken:
                raise ConfigError(f"{path} has no run: expected folders with a {SUMMARY}")
            became.update(what for _, what in taken if not what.startswith(UNREADABLE))
            unreadable += [f"{run} is {what}" for run, what in taken if what.startswith(UNREADABLE)]
    except store_errors() as error:
        raise ExecutionError(f"the store fails: {in_a_sentence(error)}") from error
    console.print(", ".join(f"{counted(n, 'run')} {what}" for what, n in became.items()))
    if unreadable:
        raise ExecutionError("; ".join(dict.fromkeys(unreadable)))


def to_rerun(runs: Sequence[Path]) -> None:
    """Write a recording of each run, and say how to open it. Raises ConfigError, ExecutionError."""
    for directory in runs:
        try:
            viewer = Path(sys.executable).parent / "rerun"
            print(shlex.join([str(viewer), str(write_recording(directory))]))
        except OSError as error:
            raise ExecutionError(sentence(error)) from error


def main(arguments: Sequence[str]) -> None:
    """Export what is named. Raises ConfigError, ExecutionError."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description="Take runs on disk elsewhere.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    mlflow = kinds.add_parser("mlflow", help="take to MLflow what it lacks of them")
    mlflow.add_argument(
        "paths",
        nargs="+",
        type=Path,
        help="folders of runs (results/NAME), sweeps, or single runs",
    )
    mlflow.add_argument("--whole", action="store_true", help="simulated runs step by step, too")
    mlflow.add_argument("--follow", action="store_true", help="go on until nobody is at them any more")
    mlflow.add_argument(
        "--store", default="", help="URI (default: $MLFLOW_TRACKING_URI, else mlflow.db beside the folder)"
    )
    rerun = kinds.add_parser("rerun", help="write a recording to scrub through, and say how to open it")
    rerun.add_argument("paths", nargs="+", type=Path, metavar="RUN", help="directory of a run that ended")
    said = parser.parse_args(arguments)
    if said.kind == "rerun":
        to_rerun(said.paths)
    else:
        logging.basicConfig(level=logging.ERROR)
        to_mlflow(said.paths, said.store, said.whole, said.follow, Console())


if __name__ == "__main__":
    with prepared_for_its_end(PROGRAM):
        main(sys.argv[1:])
