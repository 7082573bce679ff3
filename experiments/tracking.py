"""A run's entry in MLflow, as the run sees it: opened at the start, closed with how it ended."""

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import msgspec

from experiments.facts import ROOT
from experiments.journal_to_mlflow import Closed, Closing, Opened, Request

OPEN_TIMEOUT_S = 120.0  # MLflow imports for 2 s and creates its tables in 3 s, on an idle core
CLOSE_TIMEOUT_S = 120.0  # the last batches, and the video's upload
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


class TrackingError(Exception):
    """MLflow cannot record the run; the text says why."""


def tracking_uri(results: Path) -> str:
    """Where runs are recorded: $MLFLOW_TRACKING_URI, else SQLite under `results`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(results / 'mlflow.db').resolve()}"


class MlflowRun:
    """One run in MLflow, kept by a process of its own (`experiments.journal_to_mlflow`).

    Args:
        request: what to open.
        log: file that gets that process's complaints.
    """

    def __init__(self, request: Request, log: Path) -> None:
        self._log = log
        with log.open("wb") as complaints:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "experiments.journal_to_mlflow"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                bufsize=0,
                cwd=ROOT,
                env=os.environ | QUIET,
            )
        self._opened: Opened | None = None
        self._tell(request)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def wait_opened(self, timeout_s: float = OPEN_TIMEOUT_S) -> str:
        """The run's id in MLflow, once it has one.

        Raises:
            TrackingError: MLflow refused it, or took too long.
        """
        if self._opened is None:
            self._opened = msgspec.json.decode(self._answer(timeout_s), type=Opened)
        if self._opened.error:
            raise TrackingError(f"MLflow did not open the run: {self._opened.error} (more in {self._log})")
        return self._opened.run_id

    def finish(self, closing: Closing, timeout_s: float = CLOSE_TIMEOUT_S) -> int:
        """Record the rest of the journal, the files and the status; returns how many values were not finite.

        Raises:
            TrackingError: MLflow refused something, or took too long.
        """
        self.wait_opened()
        self._tell(closing)
        closed = msgspec.json.decode(self._answer(timeout_s), type=Closed)
        if closed.error:
            raise TrackingError(f"MLflow did not take all of the run: {closed.error} (more in {self._log})")
        return closed.rejected

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

    def _tell(self, message: Request | Closing) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(message) + b"\n")
        except BrokenPipeError:
            raise TrackingError(f"the process that writes to MLflow is gone (more in {self._log})") from None

    def _answer(self, timeout_s: float) -> bytes:
        assert self._process.stdout is not None
        deadline_s, answer = time.monotonic() + timeout_s, b""
        while not answer.endswith(b"\n"):
            left_s = max(0.0, deadline_s - time.monotonic())
            if not select.select([self._process.stdout], [], [], left_s)[0]:
                raise TrackingError(f"MLflow did not answer within {timeout_s:g} s (more in {self._log})")
            piece = self._process.stdout.read(1 << 16)
            if not piece:
                raise TrackingError(f"the process that writes to MLflow is gone (more in {self._log})")
            answer += piece
        return answer
