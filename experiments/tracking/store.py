"""An MLflow store, as this project fills it: few calls, finite numbers, nothing cut in silence.

MLflow takes seconds to import, and does so here only when a `Store` is opened.
"""

import contextlib
import fcntl
import math
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BATCH = 1000  # the most values that MLflow takes in one call: metrics, parameters and tags together
MOST_PARAMS = 100  # of them parameters; as many tags
LONGEST_PARAM = 500  # characters; longer values are in the config artifact, where nothing is cut
ALLOWED = frozenset("/_-. :")  # in a metric's name, beside letters and digits
LONGEST_SENTENCE = 200  # characters; the whole is in the log
ASIDE = "(raised as a result of Query-invoked autoflush"
PARENT = "mlflow.parentRunId"  # tags: of MLflow's own, and ours
IN_MLFLOW = {"DEGRADED": "FAILED"}  # so that a search for FINISHED finds valid results only
REJECTED, TRACE_TAG, ERROR, DIRECTORY = "metrics_rejected", "trace", "error", "directory"


@dataclass(frozen=True, slots=True)
class Point:
    """A metric's value at a step; `at_ms` since 1970."""

    name: str
    value: float
    at_ms: int
    step: int


def metric_name(name: str) -> str:
    """A name that MLflow accepts: everything but letters, digits and `ALLOWED` becomes an underscore."""
    return "".join(c if (c.isascii() and c.isalnum()) or c in ALLOWED else "_" for c in name)


def figures_of(row: Mapping[str, Any]) -> tuple[dict[str, float], int]:
    """A row's finite numbers by metric name, and how many were infinite or NaN (MLflow stores neither)."""
    found, rejected = {}, 0
    for name, value in row.items():
        if not isinstance(value, int | float):
            continue
        if math.isfinite(value):
            found[metric_name(name)] = float(value)
        else:
            rejected += 1
    return found, rejected


def summary_figures(summary: Mapping[str, Any], prefix: str = "") -> dict[str, float | None]:
    """The numbers of a summary, nested ones by dotted name, truths as 0 or 1; the seed is no result."""
    found: dict[str, float | None] = {}
    for name, value in summary.items():
        if isinstance(value, Mapping):
            found |= summary_figures(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and name != "seed":
            found[prefix + name] = int(value) if isinstance(value, bool) else value
    return found


def summary_tags(summary: Mapping[str, Any]) -> dict[str, str]:
    """What a summary says that the run is: its words, and the seed; `status` in our words, see IN_MLFLOW.

    Releases and facts of the machine are there as `version.PACKAGE` and `machine.FACT`.
    """
    words = {name: value for name, value in summary.items() if isinstance(value, str)}
    words |= {f"version.{package}": release for package, release in summary.get("releases", {}).items()}
    words |= {f"machine.{name}": fact for name, fact in summary.get("machine", {}).items()}
    return {
        name: str(value)
        for name, value in {**words, "seed": summary.get("seed", "")}.items()
        if name != "error" and value != ""
    }


def now_ms() -> int:
    """Since 1970, as MLflow counts."""
    return int(1e3 * time.time())


def store_errors() -> tuple[type[Exception], ...]:
    """What a store may raise: it is locked, gone, full, refuses something."""
    from mlflow.exceptions import MlflowException

    return (MlflowException, OSError)


def in_a_sentence(error: BaseException) -> str:
    """Kind and first line of an error; MLflow's go on for pages, and SQLAlchemy's begin with an aside."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith(ASIDE)]
    return textwrap.shorten(
        f"{type(error).__name__}: {lines[0] if lines else 'no message'}", LONGEST_SENTENCE
    )


class Store:
    """One experiment of a store; both are made where they are not there yet.

    Args:
        uri: of the store.
        artifacts: where artifacts of a new experiment go; "" = the server's choice.
        experiment: its name.
    """

    def __init__(self, uri: str, artifacts: str, experiment: str) -> None:
        from mlflow.tracking import MlflowClient

        self.uri = uri
        with _first_use_alone(uri):
            self._client = MlflowClient(uri)
            self._experiment = self._experiment_id(experiment, artifacts)

    def status_of(self, run_id: str) -> str | None:
        """How a run stands; None = the store has no such run (any more)."""
        from mlflow.exceptions import MlflowException

        try:
            info = self._client.get_run(run_id).info
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return info.status if info.lifecycle_stage == "active" else None

    def create(self, name: str, tags: Mapping[str, str], start_ms: int | None = None) -> str:
        """A new run, which runs; returns its id."""
        run = self._client.create_run(self._experiment, start_ms, dict(tags), name)
        return run.info.run_id

    def write(
        self,
        run_id: str,
        points: Sequence[Point] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """All of it, in as few calls as MLflow allows; parameters that it would cut are left out."""
        from mlflow.entities import Metric, Param, RunTag

        short = [Param(metric_name(n), t) for n, t in (params or {}).items() if len(t) <= LONGEST_PARAM]
        metrics = [Metric(point.name, point.value, point.at_ms, point.step) for point in points]
        named = [RunTag(metric_name(name), text) for name, text in (tags or {}).items()]
        while short or metrics or named:
            n_tags, n_params = min(len(named), MOST_PARAMS), min(len(short), MOST_PARAMS)
            n_metrics = BATCH - n_tags - n_params
            self._client.log_batch(run_id, metrics[:n_metrics], short[:n_params], named[:n_tags])
            metrics, short, named = metrics[n_metrics:], short[n_params:], named[n_tags:]

    def keep(self, run_id: str, files: Iterable[Path]) -> None:
        """Copy files to the run's artifacts."""
        for file in files:
            self._client.log_artifact(run_id, str(file))

    def end(self, run_id: str, status: str, end_ms: int | None = None) -> None:
        """Say how a run ended, in our words, and when; None = now."""
        self._client.set_terminated(run_id, IN_MLFLOW.get(status, status), end_ms)

    def reopen(self, run_id: str) -> None:
        """A run that had ended runs again."""
        self._client.update_run(run_id, status="RUNNING")

    def last_steps(self, run_id: str) -> dict[str, int]:
        """The last step that each metric of a run has."""
        names = self._client.get_run(run_id).data.metrics
        histories = {name: self._client.get_metric_history(run_id, name) for name in names}
        return {name: max(point.step for point in history) for name, history in histories.items()}

    def _experiment_id(self, name: str, artifacts: str) -> str:
        experiment = self._client.get_experiment_by_name(name)
        if experiment is not None:
            return experiment.experiment_id
        return self._client.create_experiment(name, artifacts or None)


@contextlib.contextmanager
def _first_use_alone(uri: str) -> Iterator[None]:
    """Processes that create the same SQLite store at once break it: one at a time."""
    path = uri.removeprefix("sqlite:///")
    if path == uri:
        yield
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
