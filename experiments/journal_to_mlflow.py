"""A process of its own that carries a run's journal to MLflow while the run goes on.

It follows the journal as a reader follows a newspaper: the run never waits for it, shares no interpreter lock
with it, and its SQL takes what the machine has to spare (once the run is open, it is nice). If the run
is killed outright, this process sees its standard input close, and says FAILED in MLflow.

Standard input: a line with a `Request` in JSON, later a line with a `Closing`; end of input instead of the
latter means that the run is gone. Standard output: a line with an `Opened`, later one with a `Closed`.
"""

import contextlib
import fcntl
import json
import logging
import math
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import msgspec

logger = logging.getLogger(__name__)

BATCH = 1000  # the most metrics that MLflow takes in one call
LONGEST_PARAM = 500  # characters; longer values are in the config artifact, where nothing is cut
LOOK_EVERY_S = 1.0
NICENESS = 10
ALLOWED = frozenset("/_-. :")  # in a metric's name, beside letters and digits


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to open: where, under which names, and the journal to follow."""

    uri: str
    artifacts: str  # where artifacts of a new experiment go; "" = the server's choice
    experiment: str
    run: str
    tags: dict[str, str]
    params: dict[str, str]
    journal: str


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """How the run ended: FINISHED, FAILED or KILLED, its last figures, and the files to keep."""

    status: str
    error: str
    figures: Mapping[str, float | None]
    files: tuple[str, ...]


class Opened(msgspec.Struct, frozen=True):
    """The run exists in MLflow, or `error` says why not."""

    run_id: str = ""
    error: str = ""


class Closed(msgspec.Struct, frozen=True):
    """All of it is in MLflow but `rejected` values that were not finite; or `error` says why not."""

    rejected: int = 0
    error: str = ""


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


class RunLog:
    """One MLflow run, filled batch by batch."""

    def __init__(self, request: Request) -> None:
        from mlflow.tracking import MlflowClient  # takes seconds to import: only where it is used

        with _first_use_alone(request.uri):
            self._client = MlflowClient(request.uri)
            experiment = _experiment_id(self._client, request)
            run = self._client.create_run(experiment, run_name=request.run, tags=request.tags)
        self.run_id: str = run.info.run_id
        self.rejected = 0
        self._metrics: list[Any] = []
        params = {name: text for name, text in request.params.items() if len(text) <= LONGEST_PARAM}
        self._log_params(params)

    def add(self, row: Mapping[str, Any], step: int) -> None:
        """Note a row's figures; they are sent with the next full batch, or by `flush`."""
        from mlflow.entities import Metric

        figures, rejected = figures_of(row)
        self.rejected += rejected
        now_ms = int(1e3 * time.time())
        self._metrics += [Metric(name, value, now_ms, step) for name, value in figures.items()]
        while len(self._metrics) >= BATCH:
            self._send()

    def flush(self) -> None:
        """Send what is left."""
        while self._metrics:
            self._send()

    def close(self, closing: Closing) -> None:
        """Send all that is left, the files and the status."""
        self.add({f"summary.{name}": value for name, value in closing.figures.items()}, step=0)
        self.flush()
        for file in closing.files:
            self._client.log_artifact(self.run_id, file)
        self._client.set_tag(self.run_id, "metrics_rejected", str(self.rejected))
        if closing.error:
            self._client.set_tag(self.run_id, "error", closing.error)
        self._client.set_terminated(self.run_id, closing.status)

    def _send(self) -> None:
        batch, self._metrics = self._metrics[:BATCH], self._metrics[BATCH:]
        self._client.log_batch(self.run_id, metrics=batch)

    def _log_params(self, params: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        listed = [Param(metric_name(name), text) for name, text in params.items()]
        for i in range(0, len(listed), 100):  # MLflow's limit per call
            self._client.log_batch(self.run_id, params=listed[i : i + 100])


def _experiment_id(client: Any, request: Request) -> str:
    experiment = client.get_experiment_by_name(request.experiment)
    if experiment is not None:
        return experiment.experiment_id
    return client.create_experiment(request.experiment, artifact_location=request.artifacts or None)


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


class Journal:
    """Whole lines of a file that is still being written."""

    def __init__(self, path: str) -> None:
        self._file: TextIO = open(path, encoding="utf-8")  # noqa: SIM115 - lives as long as this object
        self._partial = ""

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows that have come since the last call."""
        while piece := self._file.readline():
            self._partial += piece
            if self._partial.endswith("\n"):
                yield json.loads(self._partial)
                self._partial = ""

    def close(self) -> None:
        """Stop reading; twice is harmless."""
        self._file.close()


def follow(log: RunLog, journal: Journal) -> Closing:
    """Carry rows over until standard input tells how the run ended, or closes."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda: said.put(sys.stdin.readline()), daemon=True).start()
    line = None
    while line is None:
        with contextlib.suppress(queue.Empty):
            line = said.get(timeout=LOOK_EVERY_S)
        for row in journal.rows():
            log.add(row, step=int(row["step"]))
    if line:
        return msgspec.json.decode(line, type=Closing)
    error = "the run's process is gone: it was killed, or it crashed"
    return Closing(status="FAILED", error=error, figures={}, files=())


def _say(message: Opened | Closed) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever asked may be gone
        sys.stdout.write(msgspec.json.encode(message).decode() + "\n")
        sys.stdout.flush()


def main() -> int:
    """Open, follow, close; 1 if MLflow refused something."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too, but the run tells how it ended
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    request = msgspec.json.decode(sys.stdin.readline(), type=Request)
    journal = Journal(request.journal)
    try:
        log = RunLog(request)
    except Exception as error:  # whatever it is, the run is told, and decides
        logger.exception("MLflow refused the run")
        _say(Opened(error=_sentence(error)))
        return 1
    _say(Opened(run_id=log.run_id))
    os.nice(NICENESS)  # from now on nobody waits for this process
    try:
        log.close(follow(log, journal))
    except Exception as error:  # likewise
        logger.exception("MLflow refused what the run left")
        _say(Closed(log.rejected, _sentence(error)))
        return 1
    _say(Closed(log.rejected))
    return 0


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"


if __name__ == "__main__":
    sys.exit(main())
