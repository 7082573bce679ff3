"""`python -m experiments.runs_to_mlflow`: take to MLflow what it lacks of runs that lie on disk.

For runs that were made without MLflow, or whose store failed on the way, and for runs that were killed.
"""

import argparse
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from experiments.program.formatting import counted
from experiments.runs.logged import RUNS, SWEEPS, directories_of
from experiments.runs.record import SUMMARY, RunStatus
from experiments.sweeps.recover import finish, finish_killed
from experiments.tracking.entry import Entry, read_entry, write_entry
from experiments.tracking.run import SETTINGS, artifacts_of, tracking_uri
from experiments.tracking.store import Store, in_a_sentence, store_errors

PROGRAM = "experiments.runs_to_mlflow"
DESCRIPTION = "Take to MLflow what it lacks of runs that lie on disk."


class ImportingError(Exception):
    """Something cannot be imported; the text says what, and why."""


class Importer:
    """Imports runs' directories; each folder of runs is an experiment of the store beside it.

    Args:
        uri: of the store; "" = as `experiments.tracking.run.tracking_uri` has it.
        whole: whether simulated runs get the whole trace too, as those of the real pipeline do.
    """

    def __init__(self, uri: str, whole: bool) -> None:
        self._uri, self._whole = uri, whole
        self._stores: dict[Path, Store] = {}
        self._sweeps: dict[Path, dict[str, Path]] = {}

    def run(self, directory: Path) -> str:
        """Import one; returns what became of it.

        Raises:
            MlflowException: the store refused something.
            OSError, ValueError, KeyError: the directory cannot be read.
        """
        from experiments.tracking.importing import import_run

        summary = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))
        if summary["status"] == RunStatus.RUNNING:
            return "still going on"
        store = self._store(directory.parent)
        sweep = self._sweep_of(directory)
        parent = "" if sweep is None else self._parent(store, sweep)
        tags = {} if sweep is None else {"sweep": sweep.name}
        whole = self._whole or summary["env"] == "pipeline"
        return "imported" if import_run(store, directory, tags, parent, whole).is_new else "there already"

    def end_sweep(self, directory: Path) -> str:
        """Say that a sweep's process was killed; returns what became of it. Raises MlflowException."""
        store, entry = self._store(directory.parent.parent), read_entry(directory)
        if entry is None or store.status_of(entry.run_id) != RunStatus.RUNNING:
            return "there already"
        store.end(entry.run_id, RunStatus.KILLED)
        write_entry(directory, Entry(store.uri, entry.run_id, RunStatus.KILLED, complete=True))
        return "marked as killed"

    def _store(self, folder: Path) -> Store:
        if folder not in self._stores:
            uri = self._uri or tracking_uri(folder.parent)
            self._stores[folder] = Store(uri, artifacts_of(uri, folder.parent), folder.name)
        return self._stores[folder]

    def _sweep_of(self, directory: Path) -> Path | None:
        """The sweep's directory that has a run, if one has."""
        folder = directory.parent
        if folder not in self._sweeps:
            self._sweeps[folder] = {
                name: path.parent
                for path in sorted(folder.glob(f"{SWEEPS}/*/{RUNS}"), reverse=True)
                for name in json.loads(path.read_text(encoding="utf-8"))
            }
        return self._sweeps[folder].get(directory.name)

    @staticmethod
    def _parent(store: Store, sweep: Path) -> str:
        """The sweep's run; one that MLflow never had is made now."""
        entry = read_entry(sweep)
        if entry is None or entry.uri != store.uri or store.status_of(entry.run_id) is None:
            entry = Entry(store.uri, store.create(sweep.name, {}), RunStatus.FINISHED, complete=True)
            store.end(entry.run_id, entry.status)
            write_entry(sweep, entry)
        return entry.run_id


def found_in(paths: Iterable[Path], console: Console) -> Iterator[Path]:
    """Every run's directory; what was killed gets its trace and its summary first. Raises ImportingError."""
    for path in paths:
        if not path.is_dir():
            raise ImportingError(f"there is no folder {path}")
        if (path / SUMMARY).is_file():
            finish(path)
        else:
            finish_killed(path.parent.parent if (path / RUNS).is_file() else path, console)
        found = sorted(directories_of(path))
        if not found:
            raise ImportingError(f"{path} has no run: expected folders with a {SUMMARY}")
        yield from (directory.resolve() for directory in found)


def import_all(directories: Sequence[Path], importer: Importer, console: Console) -> Counter[str]:
    """Import each; returns how many came to what. Raises ImportingError: the store fails."""
    became = Counter[str]()
    for directory in track(directories, "runs to MLflow", console=console, transient=True):
        try:
            became[
                importer.run(directory) if (directory / SUMMARY).is_file() else importer.end_sweep(directory)
            ] += 1
        except (ValueError, KeyError, FileNotFoundError) as error:
            became["unreadable"] += 1
            console.print(f"{directory} cannot be read: {in_a_sentence(error)}", markup=False, soft_wrap=True)
        except store_errors() as error:
            raise ImportingError(f"the store refuses {directory.name}: {in_a_sentence(error)}") from error
    return became


def parser() -> argparse.ArgumentParser:
    """The program's command line."""
    made = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=DESCRIPTION)
    made.add_argument(
        "paths",
        nargs="+",
        type=Path,
        help="folders of runs (results/NAME), sweeps' directories, or single runs",
    )
    made.add_argument(
        "--whole", action="store_true", help="every step of simulated runs too, which by default are thinned"
    )
    made.add_argument(
        "--store",
        default="",
        help="URI (default: $MLFLOW_TRACKING_URI, else mlflow.db beside the folder of runs)",
    )
    made.add_argument(
        "--killed", action="store_true", help="paths are directories of runs and sweeps whose process is gone"
    )
    return made


def main() -> int:
    """Import; 2 if it could not begin, 1 if something is not in MLflow now."""
    options = parser().parse_args()
    os.environ.update(SETTINGS)
    logging.basicConfig(level=logging.ERROR)
    console = Console()
    try:
        paths: list[Path] = options.paths
        directories = paths if options.killed else list(dict.fromkeys(found_in(paths, console)))
    except (ImportingError, OSError, ValueError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    try:
        became = import_all(directories, Importer(options.store, options.whole), console)
    except ImportingError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    console.print(", ".join(f"{counted(n, 'run')} {what}" for what, n in became.items()))
    return 1 if became["unreadable"] else 0


if __name__ == "__main__":
    sys.exit(main())
