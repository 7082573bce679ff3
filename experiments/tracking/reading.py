"""Runs from MLflow: what a search in its own syntax finds, read where it lies or from its artifacts."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.program.console import counted
from experiments.program.errors import ConfigError, sentence
from experiments.runs.logged import LoggedRun, read_run
from experiments.runs.record import CONFIG, SUMMARY
from experiments.runs.trace import TRACE
from experiments.tracking.store import DIRECTORY, SETTINGS

if TYPE_CHECKING:
    from mlflow.entities import Run

AT_ONCE = 8  # runs that are fetched from a server
RUNS_TAG = "agent"  # every run of an agent has it; a sweep's own run has not
NO_BAR = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}


def found_in_mlflow(query: str, uri: str, scratch: Path) -> tuple[list[tuple[LoggedRun, str]], list[str]]:
    """Return the runs that a search finds, each with its place, and notes on those that left too little.

    `query` is in MLflow's syntax, such as "tags.agent = 'aif' and tags.scenario = 'steady'"; `scratch` is a
    folder for what must be fetched, which the runs need as long as they are read.

    Raises:
        ConfigError: there is no such store, it does not understand the query, or finds nothing.
    """
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        raise ConfigError(f"mlflow: there is no store at {uri} yet; MLFLOW_TRACKING_URI can say another")
    os.environ.update(SETTINGS | NO_BAR)
    import mlflow  # takes seconds
    from mlflow.exceptions import MlflowException

    mlflow.set_tracking_uri(uri)
    try:
        found: Any = mlflow.search_runs(
            search_all_experiments=True, filter_string=query, output_format="list"
        )
    except MlflowException as error:
        raise ConfigError(f"mlflow={query!r}: {sentence(error)} ({uri})") from error
    runs = [run for run in found if RUNS_TAG in run.data.tags]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        read = list(pool.map(lambda run: found_run(run, scratch), runs))
    there = [one for one in read if one is not None]
    lacking = f"{counted(len(runs) - len(there), 'MLflow run')} without {CONFIG} or {SUMMARY}"
    if not there:
        raise ConfigError(f"mlflow={query!r} finds {lacking if runs else 'no run of an agent'} ({uri})")
    return there, [f"Left out: {lacking}."] if len(there) < len(runs) else []


def found_run(run: "Run", scratch: Path) -> tuple[LoggedRun, str] | None:
    """Read a run of MLflow's; None if it left no configuration or summary there. Raises ConfigError."""
    from mlflow import artifacts

    run_id, directory = run.info.run_id, Path(run.data.tags[DIRECTORY])
    if not (directory / SUMMARY).is_file():  # it is of another machine
        directory = scratch / run_id / directory.name
        directory.mkdir(parents=True)
        there = {file.path for file in artifacts.list_artifacts(run_id=run_id)}
        if not {CONFIG, SUMMARY} <= there:
            return None
        for name in there & {CONFIG, SUMMARY, TRACE}:
            artifacts.download_artifacts(run_id=run_id, artifact_path=name, dst_path=str(directory))
    return read_run(directory), f"MLflow run {run_id}"
