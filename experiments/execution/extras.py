"""What a run leaves beside its record: pictures, a recording for Rerun, its entry in MLflow."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agents.base import Agent
from experiments.display.events import events_of
from experiments.display.plots import plot_network, plot_trace
from experiments.display.rerun.recording import write_recording
from experiments.display.run_page import write_page
from experiments.program.interruption import Hearing, Interrupted
from experiments.runs.identity import Identity
from experiments.runs.record import LOGS, NETWORK, PICTURE, what_broke
from experiments.runs.trace import read_trace
from experiments.tracking.following import Follower, TrackingError, afterwards
from experiments.worlds.plan import Plan

logger = logging.getLogger(__name__)


class Extras:
    """None of them can undo the record, which is complete before the first is made.

    Args:
        directory: the run's.
        plan: of the run.
        identity: what it is.
        tracked: URI of the MLflow store that is to have it; None = none.
        draws: whether pictures are to be left.
    """

    def __init__(
        self, directory: Path, plan: Plan, identity: Identity, tracked: str | None, draws: bool
    ) -> None:
        self.directory, self._plan, self._identity, self._draws = directory, plan, identity, draws
        self._tracked = tracked
        self._follower: Follower | None = None

    def begin(self) -> None:
        """Let MLflow follow the run, or prepare itself for one that is over in a moment."""
        if self._tracked is not None:
            self._follower = Follower(self.directory, self._tracked, self.directory / LOGS / "mlflow.log")

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
            if isinstance(trouble, TrackingError):
                logger.error("%s. The files are whole. %s", trouble, afterwards(self.directory))
            elif trouble is not None:
                logger.info("%s", what, exc_info=trouble)
                logger.error("%s cannot be made: %s", what, what_broke(trouble, self.directory))
        else:
            return True
        return self._follower is None

    def _wanted(self, agent: Agent, summary: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], object]]]:
        directory, title, spec = self.directory, self._identity.title, self._plan.spec
        has_steps = "steps" in summary
        if self._draws and has_steps:
            yield "the picture of the trace", self._draw_trace
        if self._draws and (network := agent.network_figure()) is not None:
            yield "the agent's network", lambda: plot_network(network, spec, title, directory / NETWORK)
        if self._draws and has_steps:
            yield "the page", lambda: self._write_page(summary)
        if self._plan.config.output.recording and has_steps:
            yield "the recording for Rerun", lambda: write_recording(directory)
        if self._follower is not None:
            yield "the entry in MLflow", self._follower.finish

    def _draw_trace(self) -> None:
        trace = read_trace(self.directory)
        events = events_of(self._plan.config, trace)
        plot_trace(trace, self._plan.spec, events, self._identity.title, self.directory / PICTURE)

    def _write_page(self, summary: Mapping[str, Any]) -> None:
        trace, grades = read_trace(self.directory), self._plan.config.detector.grades
        write_page(self.directory, self._identity.title, summary, trace, grades)
