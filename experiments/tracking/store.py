"""An MLflow store, as this project fills it: few calls, finite numbers, a directory's run found by its tag.

MLflow takes seconds to import, and is imported only where a store is opened.
"""

import json
import math
import os
import re
import shlex
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from filelock import FileLock

if TYPE_CHECKING:
    from mlflow.entities import Run

STAMP = re.compile(r"^\d{8}-\d{6}-")
LONGEST_SENTENCE = 200  # characters; the whole is in the log
ASIDE = "(raised as a result of Query-invoked autoflush"
IN_MLFLOW = {"DEGRADED": "FAILED"}  # so that a search for FINISHED finds valid results only
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # 6 s in all; by itself it goes on for minutes
}
NOTE = "mlflow.note.content"  # tag that MLflow's page reads
DIRECTORY = "directory"  # tag of ours: where a run's or a sweep's files lie
RUNNING = "RUNNING"
VIEW = "figures"  # key of the view that its runs can be opened in, with these columns beside their names
COLUMNS = ("qoe_mean", "qoe_by.f1", "golden_f1", "reward_mean", "slo_fulfilment", "switches_per_min")

Point = tuple[str, float, int, int]  # a metric's name, its value, when in ms since 1970, its step


def tracking_uri(results: Path) -> str:
    """Return where runs are recorded: $MLFLOW_TRACKING_URI, else SQLite under `results`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(results / 'mlflow.db').resolve()}"


def mlflow_command(uri: str) -> str:
    """Return what to type to see all runs: the MLflow of this installation, and paths as seen from here.

    A server has a page already: its address.
    """
    if uri.startswith(("http://", "https://")):
        return uri
    here = f"{Path.cwd()}{os.sep}"
    program = str(Path(sys.executable).parent / "mlflow").removeprefix(here)
    store = uri.replace(f"sqlite:///{here}", "sqlite:///")
    return shlex.join([program, "ui", "--backend-store-uri", store])


def metric_name(name: str) -> str:
    """Return a name that MLflow accepts: whatever else becomes an underscore."""
    return re.sub(r"[^A-Za-z0-9/_\-. :]", "_", name)


def figures_of(row: Mapping[str, Any]) -> dict[str, float]:
    """Return a row's finite numbers by metric name; MLflow stores no others."""
    numbers = {name: value for name, value in row.items() if isinstance(value, int | float)}
    return {metric_name(name): float(value) for name, value in numbers.items() if math.isfinite(value)}


def store_errors() -> tuple[type[Exception], ...]:
    """Return what a store may raise: it is locked, gone, full, refuses something."""
    from mlflow.exceptions import MlflowException

    return (MlflowException, OSError)


def in_a_sentence(error: BaseException) -> str:
    """Return kind and first line of an error; MLflow's go on for pages, SQLAlchemy's begin with an aside."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith(ASIDE)]
    return textwrap.shorten(
        f"{type(error).__name__}: {lines[0] if lines else 'no message'}", LONGEST_SENTENCE
    )


class Store:
    """One experiment of a store, by its name; both are made where they are not there yet.

    `results` is the folder of all results: files go beside the runs, unless a server keeps them.
    """

    def __init__(self, uri: str, results: Path, experiment: str) -> None:
        os.environ.update(SETTINGS)
        from mlflow.tracking import MlflowClient

        file = Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
        artifacts = None if file is None else (results.resolve() / "mlflow-artifacts").as_uri()
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        # processes that create the same SQLite store at once break it
        with nullcontext() if file is None else FileLock(f"{file}.lock"):
            self._client = MlflowClient(uri)
            known = self._client.get_experiment_by_name(experiment)
            self._experiment = (
                self._client.create_experiment(experiment, artifacts)
                if known is None
                else known.experiment_id
            )
        self._set_up_page({} if known is None else known.tags)

    def _set_up_page(self, known: Mapping[str, str]) -> None:
        """Have the experiment's page lead to its runs, in a view with their figures as columns.

        No tag opens a view by itself: the page of 3.17 begins with what it has for language models.
        """
        state = {"selectedColumns": [f"metrics.`summary.{name}`" for name in COLUMNS]}
        runs = f"#/experiments/{self._experiment}/runs?viewStateShareKey={VIEW}"
        wanted = {
            "mlflow.experimentKind": "custom_model_development",
            f"mlflow.sharedViewState.{VIEW}": json.dumps(state),
            NOTE: f"[The runs with their figures]({runs}&workflowType=machine_learning)",
        }
        for name in wanted.keys() - known.keys():
            self._client.set_experiment_tag(self._experiment, name, wanted[name])

    def run_of(self, directory: Path) -> "Run | None":
        """Return a directory's run; None = it has none (any more). One that does not run has all of it."""
        named = f'tags.{DIRECTORY} = "{directory.resolve()}"'
        return next(iter(self._client.search_runs([self._experiment], named, max_results=1)), None)

    def create(self, directory: Path, tags: Mapping[str, str], start_ms: int) -> str:
        """Make a new run of a directory, which runs; returns its id."""
        named = {metric_name(tag): text for tag, text in tags.items()}
        named[DIRECTORY] = str(directory.resolve())
        return self._client.create_run(self._experiment, start_ms, named, run_name(directory)).info.run_id

    def write(
        self,
        run_id: str,
        points: Sequence[Point] = (),
        params: Mapping[str, Any] = MappingProxyType({}),
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write all of it, in as few calls as MLflow allows; what is long it cuts, and `config.yaml` has."""
        from mlflow.entities import Metric, Param, RunTag

        self._client.log_batch(
            run_id,
            [Metric(*point) for point in points],
            [Param(metric_name(name), str(value)) for name, value in params.items()],
            [RunTag(metric_name(name), text) for name, text in tags.items()],
        )

    def keep(self, run_id: str, files: Iterable[Path]) -> None:
        """Copy files to the run's artifacts."""
        for file in files:
            self._client.log_artifact(run_id, str(file))

    def stand(self, run_id: str, status: str, at_ms: int) -> None:
        """Say how a run stands, in our words, and if it has ended, when."""
        if status == RUNNING:
            self._client.update_run(run_id, status=RUNNING)
        else:
            self._client.set_terminated(run_id, IN_MLFLOW.get(status, status), at_ms)


def run_name(directory: Path) -> str:
    """Return what a run is called in MLflow: without the time, which would hide the rest in lists."""
    return STAMP.sub("", directory.name)
