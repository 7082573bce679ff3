"""Runs from MLflow: what a search in its own syntax finds, read where it lies or from its artifacts."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments.program.console import counted
from experiments.program.errors import ConfigError, sentence
from experiments.runs.logged import LoggedRun, read_run
from experiments.runs.record import CONFIG, SUMMARY
from experiments.runs.trace import TRACE
from experiments.tracking.store import DIRECTORY, SETTINGS

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
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
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
    except MlflowException as error:
        raise ConfigError(f"mlflow={query!r}: {sentence(error)} ({uri})") from error
    runs = [run for run in found if RUNS_TAG in run.data.tags]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        read = list(pool.map(lambda run: found_run(client, run, scratch), runs))
    there = [one for one in read if one is not None]
    absent = [run.info.run_id for run, one in zip(runs, read, strict=True) if one is None]
    lacking = f"{counted(len(absent), 'MLflow run')} without {CONFIG} or {SUMMARY}, the first {absent[:1]}"
    if not there:
        raise ConfigError(f"mlflow={query!r} finds {lacking if absent else 'no run of an agent'} ({uri})")
    return there, [f"Left out: {lacking}."] if absent else []


def found_run(client: "MlflowClient", run: "Run", scratch: Path) -> FoundRun | None:
    """Read a run of MLflow's; None if it left no configuration or summary there. Raises ConfigError."""
    run_id, recorded = run.info.run_id, Path(run.data.tags[DIRECTORY])
    directory = recorded
    if not (recorded / SUMMARY).is_file():  # it is of another machine
        directory = scratch / run_id
        directory.mkdir()
        there = {file.path for file in client.list_artifacts(run_id)}
        if not {CONFIG, SUMMARY} <= there:
            return None
        for name in there & {CONFIG, SUMMARY, TRACE}:
            client.download_artifacts(run_id, name, str(directory))
    return FoundRun(read_run(directory), f"MLflow run {run_id}", recorded.name)
