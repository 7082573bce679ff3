"""`python -m experiments.export mlflow`: take to MLflow what it lacks of runs that lie on disk."""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from experiments.program.entry import prepared_for_its_end
from experiments.program.errors import ConfigError, ExecutionError
from experiments.program.formatting import counted
from experiments.runs.record import SUMMARY

PROGRAM = "experiments.export"


def export(paths: Sequence[Path], store: str, follow: bool, console: Console) -> None:
    """Take to MLflow what it lacks of runs, sweeps and folders of runs; killed ones are completed first.

    Raises:
        ConfigError: there is no run.
        ExecutionError: something is not in MLflow now.
    """
    from experiments.tracking.following import follow as follow_path  # MLflow and pandas take seconds
    from experiments.tracking.importing import UNREADABLE, MlflowImporter
    from experiments.tracking.store import in_a_sentence, store_errors

    importer, became, unreadable = MlflowImporter(store, follow), Counter[str](), list[str]()
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


def main(arguments: Sequence[str]) -> None:
    """Export what is named. Raises ConfigError, ExecutionError."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {PROGRAM}", description="Take to MLflow what it lacks of runs that lie on disk."
    )
    parser.add_argument("kind", choices=["mlflow"])
    parser.add_argument(
        "paths", nargs="+", type=Path, help="folders of runs (results/NAME), sweeps, or single runs"
    )
    parser.add_argument("--follow", action="store_true", help="go on until nobody is at them any more")
    parser.add_argument(
        "--store", default="", help="URI (default: $MLFLOW_TRACKING_URI, else mlflow.db beside the folder)"
    )
    said = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    export(said.paths, said.store, said.follow, Console())


if __name__ == "__main__":
    with prepared_for_its_end(PROGRAM):
        main(sys.argv[1:])
