"""Everything a run leaves behind, kept up to date while it goes on and completed however it ends."""

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from envs.spec import ElasticitySpec
from experiments.complaints import ConfigError, sentence
from experiments.loop import Step
from experiments.plots import plot_trace
from experiments.summary import degradation, summarise
from experiments.trace import JOURNAL, TRACE, TraceWriter, read_trace, row_of
from experiments.tracking.entry import run_name
from experiments.tracking.messages import Closing, Request
from experiments.tracking.run import AFTERWARDS, MlflowRun, TrackingError
from experiments.tracking.store import summary_figures, summary_tags

logger = logging.getLogger(__name__)

CONFIG, SUMMARY, PICTURE, LOGS = "config.yaml", "summary.json", "trace.png", "logs"
NETWORK = "network.png"  # of an agent that has one to draw


class RunStatus(StrEnum):
    """How a run ended. MLflow has the same words but DEGRADED, see `experiments.tracking.store`."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    DEGRADED = "DEGRADED"  # it came to its own end, but something died on the way that nobody meant to
    FAILED = "FAILED"
    KILLED = "KILLED"  # interrupted, or its process is gone


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
        draws: whether to leave a picture of the trace.
        records: whether to leave a recording for Rerun.
        request: how to open the run in MLflow; None = not at all.
    """

    def __init__(
        self,
        directory: Path,
        spec: ElasticitySpec,
        identity: Mapping[str, Any],
        config_yaml: str,
        draws: bool,
        records: bool,
        request: Request | None,
    ) -> None:
        self.directory = directory
        self.identity = dict(identity)
        self._spec = spec
        self._draws, self._records = draws, records
        self._knobs = [knob.name for knob in spec.knobs]
        (directory / CONFIG).write_text(config_yaml, encoding="utf-8")
        write_summary(directory, {**self.identity, "status": RunStatus.RUNNING, "error": ""})
        self._trace = TraceWriter(directory)
        self._mlflow = None if request is None else MlflowRun(request, directory / LOGS / "mlflow.log")
        self._is_live = request is not None and request.live

    @property
    def is_tracked(self) -> bool:
        """Whether MLflow follows it while it goes on."""
        return self._is_live

    def wait_opened(self) -> None:
        """Wait until MLflow has the run, if it is to follow it. Raises TrackingError."""
        if self._mlflow is not None and self._is_live:
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
        if status is RunStatus.FINISHED and (harm := degradation(figures)):
            status, error = RunStatus.DEGRADED, harm
        summary = {**self.identity, "status": status, "error": error, **figures}
        write_summary(self.directory, summary)
        if len(trace) and self._draws:
            plot_trace(trace, self._spec, title, self.directory / PICTURE)
        if len(trace) and self._records:
            self._leave_recording()
        if self._mlflow is not None:
            self._finish_mlflow(self._mlflow, status, error, summary)
        return summary

    def _leave_recording(self) -> None:
        from experiments.episode_to_rerun import write_recording  # it reads what is written here

        try:
            write_recording(self.directory)
        except (ConfigError, OSError) as trouble:  # the run itself is on disk by now
            logger.error("%s", sentence(trouble))

    def _finish_mlflow(
        self, run: MlflowRun, status: RunStatus, error: str, summary: Mapping[str, Any]
    ) -> None:
        closing = Closing(
            status=status,
            error=error,
            figures=summary_figures(summary),
            files=tuple(str(path.resolve()) for path in kept_files(self.directory)),
            tags=summary_tags(summary),
        )
        with run:
            try:
                rejected = run.finish(closing)
            except TrackingError as trouble:
                logger.error("%s. The files are whole. %s", trouble, AFTERWARDS.format(self.directory))
                return
        if rejected:
            logger.info("%d values were infinite or NaN; MLflow has the others", rejected)


def kept_files(directory: Path) -> list[Path]:
    """What a run's directory has to keep: its artifacts in MLflow."""
    found = [directory / name for name in (CONFIG, SUMMARY, TRACE, PICTURE, NETWORK)]
    found += [path for pattern in ("output.*", "detections.*", "*.rrd") for path in directory.glob(pattern)]
    return sorted(path for path in found if path.exists())


def write_summary(directory: Path, summary: Mapping[str, Any]) -> None:
    """Leave a summary that is whole at every moment."""
    partial = directory / f"{SUMMARY}.partial"
    partial.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    partial.replace(directory / SUMMARY)


def mlflow_request(
    directory: Path,
    uri: str,
    artifacts: str,
    experiment: str,
    tags: Mapping[str, Any],
    params: Mapping[str, Any],
    parent: str = "",
    live: bool = True,
) -> Request:
    """How to open the run of `directory` in MLflow; values become text.

    Args:
        directory: of the run's files.
        uri, artifacts, experiment: as in `experiments.tracking.store.Store`.
        tags, params: what the run is.
        parent: id of the run that this one is a child of; "" = none.
        live: whether MLflow follows it while it goes on, instead of taking it when it is over.
    """
    return Request(
        uri=uri,
        artifacts=artifacts,
        experiment=experiment,
        run=run_name(directory),
        tags={name: str(value) for name, value in tags.items()},
        params={name: str(value) for name, value in params.items()},
        journal=str((directory / JOURNAL).resolve()),
        parent=parent,
        live=live,
    )
