"""What a run leaves beside its record: pictures, a recording for Rerun, its entry in MLflow."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.base import Agent, NetworkFigure
from experiments.config.world_schemas import PipelineSchema
from experiments.display.network_figure import plot_network
from experiments.display.plots import plot_trace
from experiments.program.interruption import Hearing, Interrupted
from experiments.runs.identity import Identity
from experiments.runs.record import LOGS, NETWORK, PICTURE, kept_files, what_broke
from experiments.runs.trace import JOURNAL, read_trace
from experiments.tracking.entry import run_name
from experiments.tracking.messages import Closing, Request
from experiments.tracking.run import AFTERWARDS, MlflowRun, TrackingError, artifacts_of
from experiments.tracking.store import summary_figures, summary_tags
from experiments.worlds.run_spec import Plan

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tracked:
    """Where MLflow records a run while it goes on.

    Attributes:
        uri: of the store.
        parent: id of the sweep's run there; "" = the run stands alone.
    """

    uri: str
    parent: str = ""


class Extras:
    """None of them can undo the record, which is complete before the first is made.

    Args:
        directory: the run's.
        plan: of the run.
        identity: what it is.
        tracked: None = not in MLflow.
        draws: whether pictures are to be left.
    """

    def __init__(
        self, directory: Path, plan: Plan, identity: Identity, tracked: Tracked | None, draws: bool
    ) -> None:
        self.directory, self._plan, self._identity, self._draws = directory, plan, identity, draws
        self._request = None if tracked is None else request_of(directory, plan, identity, tracked)
        self._mlflow: MlflowRun | None = None

    @property
    def is_followed(self) -> bool:
        """Whether MLflow follows the run while it goes on."""
        return self._request is not None and self._request.live

    def begin(self) -> None:
        """Let MLflow prepare itself, while the run does."""
        if self._request is not None:
            self._mlflow = MlflowRun(self._request, self.directory / LOGS / "mlflow.log")

    def wait_opened(self) -> None:
        """Wait until MLflow has a run that it is to follow. Raises TrackingError."""
        if self._mlflow is not None and self.is_followed:
            self._mlflow.wait_opened()

    def leave(self, agent: Agent, summary: Mapping[str, Any], heard: Hearing) -> bool:
        """Make all that is wanted; what goes wrong is logged.

        Args:
            agent: that was at work.
            summary: of the run, complete.
            heard: signals; one breaks off all that is left.

        Returns:
            Whether the next start need not come back to it: MLflow was not broken off.
        """
        for what, make in self._wanted(agent, summary):
            trouble = heard.attempt(make)
            if isinstance(trouble, Interrupted):
                logger.warning("%s: %s is left out; the record is complete", trouble, what)
                break
            if trouble is not None:
                logger.info("%s", what, exc_info=trouble)
                logger.error("%s cannot be made: %s", what, what_broke(trouble, self.directory))
        else:
            return True
        if self._mlflow is not None:
            heard.attempt(self._mlflow.close)
        return self._mlflow is None

    def _wanted(self, agent: Agent, summary: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], None]]]:
        has_steps = "steps" in summary
        if self._draws and has_steps:
            yield "the picture of the trace", self._draw_trace
        if self._draws and (network := agent.network_figure()) is not None:
            yield "the agent's network", lambda: self._draw_network(network)
        if self._plan.config.output.recording and has_steps:
            yield "the recording for Rerun", self._leave_recording
        if self._mlflow is not None:
            yield "the entry in MLflow", lambda: self._finish_mlflow(summary)

    def _draw_trace(self) -> None:
        trace = read_trace(self.directory)
        plot_trace(trace, self._plan.spec, self._identity.title, self.directory / PICTURE)

    def _draw_network(self, network: NetworkFigure) -> None:
        plot_network(network, self._plan.spec, self._identity.title, self.directory / NETWORK)

    def _leave_recording(self) -> None:
        from experiments.episode_to_rerun import write_recording  # it reads what is written here

        write_recording(self.directory)

    def _finish_mlflow(self, summary: Mapping[str, Any]) -> None:
        assert self._mlflow is not None
        closing = Closing(
            status=summary["status"],
            error=summary["error"],
            figures=summary_figures(summary),
            files=tuple(str(path.resolve()) for path in kept_files(self.directory)),
            tags=summary_tags(summary),
        )
        with self._mlflow as run:
            try:
                rejected = run.finish(closing)
            except TrackingError as trouble:
                logger.error("%s. The files are whole. %s", trouble, AFTERWARDS.format(self.directory))
                return
        if rejected:
            logger.info("%d values were infinite or NaN; MLflow has the others", rejected)


def request_of(directory: Path, plan: Plan, identity: Identity, tracked: Tracked) -> Request:
    """How a run is to be opened in MLflow."""
    config = plan.config
    return mlflow_request(
        directory,
        tracked.uri,
        artifacts_of(tracked.uri, Path(config.results)),
        config.name,
        identity.tags,
        identity.params,
        tracked.parent,
        live=isinstance(config.env, PipelineSchema),
    )


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
