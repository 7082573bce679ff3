"""Runs from MLflow: what a search in its own syntax finds, read back from the artifacts that runs leave."""

import contextlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlparse
from urllib.request import url2pathname

import pandas as pd

from experiments.program.console import counted
from experiments.program.errors import ConfigError, sentence
from experiments.runs.logged import LoggedRun, read_run
from experiments.runs.record import CONFIG, SUMMARY
from experiments.runs.trace import TRACE
from experiments.tracking.store import DIRECTORY, SETTINGS, is_absent

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

AT_ONCE = 8  # runs that are fetched from a server
RUNS_TAG = "agent"  # every run of an agent has it; a sweep's own run has not
NO_BAR = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}


class FoundRun(NamedTuple):
    """A run of MLflow's as it was logged; where, for people; the name of the directory it was recorded in."""

    run: LoggedRun
    place: str
    name: str


def client_of(uri: str) -> "MlflowClient":
    """Return a client of a store. Raises ConfigError: it is a file that is not there."""
    if is_absent(uri):
        raise ConfigError(f"mlflow: there is no store at {uri} yet; MLFLOW_TRACKING_URI can say another")
    os.environ.update(SETTINGS | NO_BAR)
    from mlflow import MlflowClient  # takes seconds to import

    return MlflowClient(uri)


def found_in_mlflow(
    query: str, uri: str, experiment: str | None, scratch: Path
) -> tuple[list[FoundRun], list[str]]:
    """Return the runs that a search finds, and what a reader must know of those that left too little.

    Args:
        query: in MLflow's syntax, such as "tags.agent = 'aif' and tags.scenario = 'steady'".
        uri: of the store.
        experiment: its name there; None = all.
        scratch: a folder for what must be fetched; the runs need it as long as they are read.

    Raises:
        ConfigError: there is no such store or experiment, it does not understand the query, or finds nothing.
    """
    client = client_of(uri)
    import mlflow
    from mlflow.exceptions import MlflowException

    known = {one.name: one.experiment_id for one in client.search_experiments()}
    if experiment not in (None, *known):
        names = ", ".join(sorted(known))
        raise ConfigError(f"mlflow_experiment: there is none called {experiment!r}; there are {names}")
    within = list(known.values()) if experiment is None else [known[experiment]]
    mlflow.set_tracking_uri(uri)
    try:
        found: Any = mlflow.search_runs(within, query, output_format="list")
        runs = [run for run in found if RUNS_TAG in run.data.tags]
    except MlflowException as error:
        raise ConfigError(f"mlflow={query!r}: {sentence(error)} ({uri})") from error
    if not runs:
        raise ConfigError(f"mlflow={query!r} finds no run of an agent ({uri})")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        read = list(pool.map(lambda run: found_run(client, run, scratch), runs))
    there = [found for found in read if found is not None]
    if len(there) == len(read):
        return there, []
    absent = without_files([run for run, found in zip(runs, read, strict=True) if found is None])
    if not there:
        raise ConfigError(f"mlflow={query!r}: {absent}")
    return there, [f"Left out: {absent}."]


def found_run(client: "MlflowClient", run: "Run", scratch: Path) -> FoundRun | None:
    """Read a run of MLflow's; None if it left no configuration or summary there. Raises ConfigError."""
    run_id, directory = run.info.run_id, local_directory(run)
    if directory is None:
        directory = scratch / run_id
        directory.mkdir()
        for name in (CONFIG, SUMMARY, TRACE):
            fetch(client, run_id, name, directory)
    if not all((directory / name).is_file() for name in (SUMMARY, CONFIG)):
        return None
    return FoundRun(read_run(directory), f"MLflow run {run_id}", directory_name(run))


def directory_name(run: "Run") -> str:
    """Return that of the directory it was recorded in, which says when it began; else what it would be."""
    if DIRECTORY in run.data.tags:
        return Path(run.data.tags[DIRECTORY]).name
    began = datetime.fromtimestamp(1e-3 * run.info.start_time)
    return f"{began:%Y%m%d-%H%M%S}-{run.info.run_name}"


def local_directory(run: "Run") -> Path | None:
    """Return that of its artifacts, if they are on this machine."""
    found = urlparse(run.info.artifact_uri or "")
    path = Path(url2pathname(found.path))
    return path if found.scheme in ("", "file") and path.is_dir() else None


def fetch(client: "MlflowClient", run_id: str, name: str, directory: Path) -> None:
    """Copy an artifact to a directory, if there is one."""
    from mlflow.exceptions import MlflowException

    with contextlib.suppress(MlflowException, OSError):
        client.download_artifacts(run_id, name, str(directory))


def without_files(runs: Sequence["Run"]) -> str:
    """Say how many there are, how they ended, and which is the first."""
    ends = pd.Series([run.info.status for run in runs]).value_counts()
    how = ", ".join(f"{n} {status}" for status, n in ends.items())
    left = f"{counted(len(runs), 'MLflow run')} without {CONFIG} or {SUMMARY}"
    return f"{left} ({how}), the first {runs[0].info.run_id}"
