"""Runs from MLflow: what a search in its own words finds, read back from the artifacts that runs leave."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse
from urllib.request import url2pathname

import pandas as pd

from experiments.program.errors import ConfigError, sentence
from experiments.program.formatting import counted
from experiments.results.run_row import Row, row_of
from experiments.runs.logged import read_run
from experiments.runs.record import CONFIG, SUMMARY
from experiments.runs.trace import TRACE, read_trace
from experiments.tracking.store import DIRECTORY, SETTINGS, is_absent

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000  # runs per answer
AT_ONCE = 8  # runs that are fetched from a server
RUNS_TAG = "agent"  # every run of an agent has it; a sweep's own run has not


def from_mlflow(query: str, uri: str, experiment: str | None, scratch: Path) -> tuple[list[Row], list[str]]:
    """Return the runs that a search finds, and what a reader must know of those that left too little.

    Args:
        query: in MLflow's words, such as "tags.agent = 'aif' and tags.scenario = 'steady'".
        uri: of the store.
        experiment: its name there; None = all.
        scratch: a folder for what must be fetched; the runs need it until their traces are read.

    Raises:
        ConfigError: there is no such store or experiment, it does not understand the query, or finds nothing.
    """
    if is_absent(uri):
        raise ConfigError(f"mlflow: there is no store at {uri} yet")
    os.environ.update(SETTINGS)
    from mlflow import MlflowClient  # takes seconds to import
    from mlflow.exceptions import MlflowException

    try:
        client = MlflowClient(uri)
        runs = [run for run in search(client, query, experiment) if RUNS_TAG in run.data.tags]
    except MlflowException as error:
        raise ConfigError(f"mlflow={query!r}: {sentence(error)} ({uri})") from error
    if not runs:
        raise ConfigError(f"mlflow={query!r} finds no run of an agent ({uri})")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda run: row_in(client, run, scratch), runs))
    absent = without_files([run for run, row in zip(runs, rows, strict=True) if row is None])
    rows = [row for row in rows if row is not None]
    if not rows:
        raise ConfigError(f"mlflow={query!r}: {absent}")
    return rows, [f"Left out: {absent}."] if absent else []


def search(client: "MlflowClient", query: str, experiment: str | None) -> list["Run"]:
    """Return all runs that a query finds, page by page. Raises ConfigError, MlflowException."""
    known = {one.name: one.experiment_id for one in client.search_experiments()}
    if experiment not in (None, *known):
        names = ", ".join(sorted(known))
        raise ConfigError(f"experiment: MLflow has none called {experiment!r}; there are {names}")
    within = list(known.values()) if experiment is None else [known[experiment]]
    found: list[Run] = []
    token: str | None = ""
    while token is not None:
        page = client.search_runs(within, query, max_results=PAGE, page_token=token or None)
        found += page
        token = page.token or None
    return found


def row_in(client: "MlflowClient", run: "Run", scratch: Path) -> Row | None:
    """Read a run of MLflow's; None if it left no configuration or summary there. Raises ConfigError."""
    run_id, place = run.info.run_id, f"MLflow run {run.info.run_id}"
    if (directory := local_directory(run)) is not None:
        if not all((directory / name).is_file() for name in (SUMMARY, CONFIG)):
            return None
        return row_of(read_run(directory), place, directory_name(run))
    directory = scratch / run_id
    directory.mkdir(parents=True)
    if not all([fetch(client, run_id, name, directory) for name in (SUMMARY, CONFIG)]):
        return None
    row = row_of(read_run(directory), place, directory_name(run))
    return row | {"trace": lambda: fetched_trace(client, run_id, directory)}


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


def fetched_trace(client: "MlflowClient", run_id: str, directory: Path) -> pd.DataFrame:
    """Fetch a trace that is on a server; only the rows are kept. Raises FileNotFoundError."""
    if not fetch(client, run_id, TRACE, directory):
        raise FileNotFoundError(f"MLflow run {run_id} has no {TRACE}")
    trace = read_trace(directory)
    (directory / TRACE).unlink()
    return trace


def fetch(client: "MlflowClient", run_id: str, name: str, directory: Path) -> bool:
    """Copy an artifact to a directory; False if there is none."""
    from mlflow.exceptions import MlflowException

    try:
        client.download_artifacts(run_id, name, str(directory))
    except (MlflowException, OSError):
        return False
    return True


def without_files(runs: Sequence["Run"]) -> str:
    """Say how many there are, how they ended, and which is the first; "" if there are none."""
    if not runs:
        return ""
    ends = pd.Series([run.info.status for run in runs]).value_counts()
    how = ", ".join(f"{n} {status}" for status, n in ends.items())
    left = f"{counted(len(runs), 'MLflow run')} without {CONFIG} or {SUMMARY}"
    return f"{left} ({how}), the first {runs[0].info.run_id}"
