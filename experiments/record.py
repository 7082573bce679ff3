"""Everything a run leaves behind, kept up to date while it goes on and completed however it ends."""

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from envs.spec import ElasticitySpec
from experiments.journal_to_mlflow import Closing, Request
from experiments.loop import Step
from experiments.plots import plot_trace
from experiments.summary import summarise
from experiments.trace import JOURNAL, TRACE, TraceWriter, read_trace, row_of
from experiments.tracking import MlflowRun, TrackingError

logger = logging.getLogger(__name__)

CONFIG, SUMMARY, PICTURE, LOGS = "config.yaml", "summary.json", "trace.png", "logs"
NETWORK = "network.png"  # of an agent that has one to draw


class RunStatus(StrEnum):
    """How a run ended, in MLflow's words."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"  # interrupted


def status_of(cause: BaseException | None) -> RunStatus:
    """How a run ended that was ended by this."""
    if cause is None:
        return RunStatus.FINISHED
    return RunStatus.KILLED if isinstance(cause, KeyboardInterrupt) else RunStatus.FAILED


def make_run_directory(parent: Path, name: str) -> Path:
    """A new directory under `parent`, its own even for runs that start within the same second."""
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    parent.mkdir(parents=True, exist_ok=True)
    n = 1
    while True:
        directory = parent / (stem if n == 1 else f"{stem}-{n}")
        try:
            directory.mkdir()
        except FileExistsError:
            n += 1
            continue
        (directory / LOGS).mkdir()
        return directory


class RunRecord:
    """Trace, summary, picture, and the run in MLflow.

    Args:
        directory: the run's own.
        spec: names knobs and SLOs.
        identity: what the run is; heads `summary.json`.
        config_yaml: the resolved configuration.
        request: how to open the run in MLflow; None = not at all.
    """

    def __init__(
        self,
        directory: Path,
        spec: ElasticitySpec,
        identity: Mapping[str, Any],
        config_yaml: str,
        request: Request | None,
    ) -> None:
        self.directory = directory
        self.identity = dict(identity)
        self._spec = spec
        self._knobs = [knob.name for knob in spec.knobs]
        (directory / CONFIG).write_text(config_yaml, encoding="utf-8")
        self._trace = TraceWriter(directory)
        self._mlflow = None if request is None else MlflowRun(request, directory / LOGS / "mlflow.log")

    def wait_opened(self) -> None:
        """Wait until MLflow has the run. Raises TrackingError."""
        if self._mlflow is not None:
            self._mlflow.wait_opened()

    def step(self, step: Step) -> None:
        """Note one control interval."""
        self._trace.write(row_of(step, self._knobs))

    def close(self, status: RunStatus, error: str, title: str) -> dict[str, Any]:
        """Complete what the run leaves; returns the summary.

        MLflow's trouble is logged, not raised: the files are what counts.
        """
        self._trace.close()
        trace = read_trace(self.directory)
        figures = summarise(trace) if len(trace) else {}
        summary = {**self.identity, "status": status, "error": error, **figures}
        (self.directory / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        if len(trace):
            plot_trace(trace, self._spec, title, self.directory / PICTURE)
        if self._mlflow is not None:
            self._finish_mlflow(self._mlflow, status, error, summary)
        return summary

    def _finish_mlflow(
        self, run: MlflowRun, status: RunStatus, error: str, summary: Mapping[str, Any]
    ) -> None:
        figures = {name: value for name, value in summary.items() if isinstance(value, int | float)}
        closing = Closing(status=status, error=error, figures=figures, files=tuple(self._files()))
        with run:
            try:
                rejected = run.finish(closing)
            except TrackingError as trouble:
                logger.error("%s", trouble)
                return
        if rejected:
            logger.info("%d values were infinite or NaN; MLflow has the others", rejected)

    def _files(self) -> list[str]:
        kept = (CONFIG, SUMMARY, TRACE, PICTURE, NETWORK)
        found = [self.directory / name for name in kept] + sorted(self.directory.glob("output.*"))
        found += sorted(self.directory.glob("detections.*"))
        return [str(path.resolve()) for path in found if path.exists()]


def mlflow_request(
    directory: Path,
    uri: str,
    artifacts: str,
    experiment: str,
    tags: Mapping[str, Any],
    params: Mapping[str, Any],
) -> Request:
    """How to open the run of `directory` in MLflow; values become text."""
    return Request(
        uri=uri,
        artifacts=artifacts,
        experiment=experiment,
        run=directory.name,
        tags={name: str(value) for name, value in tags.items()},
        params={name: str(value) for name, value in params.items()},
        journal=str((directory / JOURNAL).resolve()),
    )
