"""Runs from MLflow: what a search in its own words finds, read back from the artifacts that runs leave."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import pandas as pd

from experiments.results.run_row import Candidate, candidate_of
from experiments.program.errors import ConfigError, sentence
from experiments.runs.logged import read_run
from experiments.runs.record import CONFIG, SUMMARY
from experiments.runs.trace import TRACE, read_trace
from experiments.tracking.store import DIRECTORY, SETTINGS, is_absent
from experiments.program.formatting import counted

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000  # runs per answer
AT_ONCE = 8  # runs that are fetched from a server
RUNS_TAG = "agent"  # every run of an agent has it; a sweep's own run has not
TOLD_BY_TAGS = ("machine.", "version.")  # which no file of a run says


def from_mlflow(
    query: str, uri: str, experiment: str | None, scratch: Path
) -> tuple[list[Candidate], list[str]]:
    """The runs that a search finds, and what a reader must know of those that left too little.

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
        found = list(pool.map(lambda run: candidate_in(client, run, scratch), runs))
    absent = [run for run, candidate in zip(runs, found, strict=True) if candidate is None]
    candidates = [candidate for candidate in found if candidate is not None]
    if not candidates:
        raise ConfigError(f"mlflow={query!r}: {without_files(absent)}")
    return candidates, [f"Left out: {without_files(absent)}."] if absent else []


def search(client: "MlflowClient", query: str, experiment: str | None) -> Iterator["Run"]:
    """All runs that a query finds, page by page. Raises ConfigError, MlflowException."""
    known = client.search_experiments()
    chosen = [one.experiment_id for one in known if experiment in (None, one.name)]
    if not chosen:
        names = ", ".join(sorted(one.name for one in known))
        raise ConfigError(f"experiment: MLflow has none called {experiment!r}; there are {names}")
    token: str | None = ""
    while token is not None:
        page = client.search_runs(chosen, query, max_results=PAGE, page_token=token or None)
        yield from page
        token = page.token or None


def candidate_in(client: "MlflowClient", run: "Run", scratch: Path) -> Candidate | None:
    """A run of MLflow's; None if it left no configuration or summary there. Raises ConfigError."""
    run_id, tags = run.info.run_id, run.data.tags
    place = f"MLflow run {run_id}"
    directory = local_directory(run)
    if directory is not None:
        if not all((directory / name).is_file() for name in (SUMMARY, CONFIG)):
            return None
        candidate = candidate_of(read_run(directory), place, directory_name(run))
    else:
        directory = scratch / run_id
        directory.mkdir(parents=True)
        if not all([fetch(client, run_id, name, directory) for name in (SUMMARY, CONFIG)]):
            return None
        candidate = candidate_of(read_run(directory), place, directory_name(run))
        candidate = replace(candidate, trace=lambda: fetched_trace(client, run_id, directory))
    told = {name: value for name, value in tags.items() if name.startswith(TOLD_BY_TAGS)}
    return replace(candidate, facts={**candidate.facts, **told})


def directory_name(run: "Run") -> str:
    """Of the directory that it was recorded in, which says when it began; else what it would be called."""
    if DIRECTORY in run.data.tags:
        return Path(run.data.tags[DIRECTORY]).name
    began = datetime.fromtimestamp(1e-3 * run.info.start_time)
    return f"{began:%Y%m%d-%H%M%S}-{run.info.run_name}"


def local_directory(run: "Run") -> Path | None:
    """Of its artifacts, if they are on this machine."""
    found = urlparse(run.info.artifact_uri or "")
    if found.scheme not in ("", "file"):
        return None
    path = Path(url2pathname(found.path))
    return path if path.is_dir() else None


def fetched_trace(client: "MlflowClient", run_id: str, directory: Path) -> pd.DataFrame:
    """A trace that is on a server; only the rows are kept. Raises FileNotFoundError."""
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


def without_files(runs: list[Any]) -> str:
    """In words: how many, how they ended, and the first of them."""
    counts = Counter(run.info.status for run in runs)
    how = ", ".join(f"{n} {status}" for status, n in counts.most_common())
    left = f"{counted(len(runs), 'MLflow run')} without {CONFIG} or {SUMMARY}"
    return f"{left} ({how}), the first {runs[0].info.run_id}"
