"""A run's entry in MLflow, as the run sees it: opened at the start, closed with how it ended."""

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import msgspec

from experiments.runs.provenance import ROOT
from experiments.tracking.entry import read_entry
from experiments.tracking.messages import Closed, Closing, Opened, Request

OPEN_TIMEOUT_S = 120.0  # MLflow imports for 2 s and creates its tables in 3 s, on an idle core
CLOSE_TIMEOUT_S = 120.0  # the last batches, and the video's upload
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # 6 s in all; by itself it goes on for minutes
}
MARK_TIMEOUT_S = 300.0
AFTERWARDS = "To import what it lacks, later: python -m experiments.runs_to_mlflow {}"


class TrackingError(Exception):
    """MLflow cannot record the run; the text says why."""


def tracking_uri(results: Path) -> str:
    """Where runs are recorded: $MLFLOW_TRACKING_URI, else SQLite under `results`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(results / 'mlflow.db').resolve()}"


def is_absent(uri: str) -> bool:
    """Whether a store is a file that is not there yet: MLflow would make one, only to find nothing in it."""
    return uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file()


def artifacts_of(uri: str, results: Path) -> str:
    """Where a new experiment of a store keeps its files; "" = where its server says."""
    return (results.resolve() / "mlflow-artifacts").as_uri() if uri.startswith("sqlite:") else ""


def mark_killed(directories: Iterable[Path]) -> None:
    """Tell MLflow of runs and sweeps that were killed, and give it what it lacks of them.

    Costs nothing where MLflow has all of them. A run's summary must say by now how it ended; a sweep has
    none, and becomes KILLED.

    Raises:
        TrackingError: the store refused something, or took too long.
    """
    entries = {directory: read_entry(directory) for directory in directories}
    left = [directory for directory, entry in entries.items() if entry is not None and not entry.complete]
    if not left:
        return
    paths = [str(directory.resolve()) for directory in left]
    command = [sys.executable, "-m", "experiments.runs_to_mlflow", "--killed", *paths]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=MARK_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise TrackingError(f"MLflow was not told within {MARK_TIMEOUT_S:g} s of what was killed") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise TrackingError(f"MLflow was not told of what was killed: {said[-1]}")


class Scribe:
    """A process that writes to MLflow, told and answering by lines of JSON; it ends when nobody holds it.

    Args:
        module: what it runs.
        log: file that gets its complaints.
    """

    def __init__(self, module: str, log: Path) -> None:
        self._log = log
        with log.open("ab") as complaints:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                bufsize=0,
                cwd=ROOT,
                env=os.environ | SETTINGS,
            )
        self._heard = b""

    def tell(self, message: msgspec.Struct) -> None:
        """Say something; the process takes it at its leisure. Raises TrackingError."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(message) + b"\n")
        except BrokenPipeError:
            raise TrackingError(f"the process that writes to MLflow is gone (more in {self._log})") from None

    def whisper(self, message: msgspec.Struct) -> None:
        """Say something that need not be heard: if the process is gone, the next `tell` finds out."""
        with contextlib.suppress(TrackingError):
            self.tell(message)

    def answer(self, kind: Any, timeout_s: float) -> Any:
        """Its next word, one of a kind of messages. Raises TrackingError: there is none within this time."""
        assert self._process.stdout is not None
        deadline_s = time.monotonic() + timeout_s
        while b"\n" not in self._heard:
            left_s = max(0.0, deadline_s - time.monotonic())
            if not select.select([self._process.stdout], [], [], left_s)[0]:
                raise TrackingError(f"MLflow did not answer within {timeout_s:g} s (more in {self._log})")
            piece = self._process.stdout.read(1 << 16)
            if not piece:
                raise TrackingError(f"the process that writes to MLflow is gone (more in {self._log})")
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        return msgspec.json.decode(line, type=kind)

    def opened(self, what: str, timeout_s: float = OPEN_TIMEOUT_S) -> str:
        """The id in MLflow of what was asked for. Raises TrackingError: it was refused, or took too long."""
        opened: Opened = self.answer(Opened, timeout_s)
        if opened.error:
            raise TrackingError(f"MLflow did not open the {what}: {opened.error} (more in {self._log})")
        return opened.run_id

    def close(self) -> None:
        """End the process; twice is harmless."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class MlflowRun:
    """One run in MLflow, kept by a process of its own (`experiments.tracking.journal_to_mlflow`).

    Args:
        request: what to open.
        log: file that gets that process's complaints.
    """

    def __init__(self, request: Request, log: Path) -> None:
        self._log = log
        self._scribe = Scribe("experiments.tracking.journal_to_mlflow", log)
        self._run_id: str | None = None
        self._scribe.tell(request)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def wait_opened(self, timeout_s: float = OPEN_TIMEOUT_S) -> str:
        """The run's id in MLflow, once it has one; "" for a run that is imported afterwards.

        Raises:
            TrackingError: MLflow refused it, or took too long.
        """
        if self._run_id is None:
            self._run_id = self._scribe.opened("run", timeout_s)
        return self._run_id

    def finish(self, closing: Closing, timeout_s: float = CLOSE_TIMEOUT_S) -> int:
        """Record what is not there yet: rows, files, status; returns how many values were not finite.

        Raises:
            TrackingError: MLflow refused something, or took too long.
        """
        self.wait_opened()
        self._scribe.tell(closing)
        closed: Closed = self._scribe.answer(Closed, timeout_s)
        if closed.error:
            raise TrackingError(f"MLflow did not take all of the run: {closed.error} (more in {self._log})")
        return closed.rejected

    def close(self) -> None:
        """End the process; twice is harmless."""
        self._scribe.close()
