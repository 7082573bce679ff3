"""What a run leaves beside its trace: how it is judged, pictures, its entry in MLflow."""

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import pandas as pd
from rich.console import Console

from agents.base import Agent
from experiments.config.world_schemas import PipelineSchema
from experiments.display.lines import events_of
from experiments.display.plots import MEASURED, TWIN, Course, plot_network, plot_runs
from experiments.display.summary_view import write_page
from experiments.program.errors import ConfigError
from experiments.program.interruption import Hearing, Interrupted
from experiments.runs.record import LOGS, NETWORK, PICTURE, RunRecord, what_broke
from experiments.runs.trace import read_trace
from experiments.tracking.following import Follower, TrackingError, afterwards
from experiments.worlds.plan import Plan

logger = logging.getLogger(__name__)


class Extras:
    """None of them can undo the record.

    Args:
        record: of the run.
        plan: of the run.
        title: one line, on pictures.
        tracked: URI of the MLflow store that is to have it; None = none.
        draws: whether pictures are to be left.
    """

    def __init__(self, record: RunRecord, plan: Plan, title: str, tracked: str | None, draws: bool) -> None:
        self.directory = record.directory
        self._record, self._plan, self._title, self._draws = record, plan, title, draws
        self._tracked = tracked
        self._follower: Follower | None = None
        self._twin: pd.DataFrame | None = None  # trace of the simulated twin

    def begin(self) -> None:
        """Let MLflow follow the run, or prepare itself for one that is over in a moment."""
        if self._tracked is not None:
            self._follower = Follower(self.directory, self._tracked, self.directory / LOGS / "mlflow.log")

    def judge(self, heard: Hearing, console: Console) -> None:
        """Add to the summary how good a run of the pipeline was, and its twin; what goes wrong is logged.

        Args:
            heard: signals; one breaks off what is under way.
            console: says what takes its time.
        """
        if not isinstance(self._plan.config.env, PipelineSchema):
            return
        for what, note in (
            ("golden_f1", self._note_golden),
            ("certificate", lambda: self._note_certificate(console)),
        ):
            if (trouble := heard.attempt(note)) is not None:
                logger.warning("there is no %s: %s", what, what_broke(trouble, self.directory))

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

    @cached_property
    def _trace(self) -> pd.DataFrame:
        """Of the whole run: nothing is asked of it before the last step."""
        return read_trace(self.directory)

    def _note_golden(self) -> None:
        from experiments.execution.golden import golden_f1  # it needs FFmpeg

        if (f1 := golden_f1(self._plan, self.directory)) is not None:
            self._record.note(golden_f1=f1)

    def _note_certificate(self, console: Console) -> None:
        from experiments.execution.certificate import certify  # the simulator is compiled

        try:
            with console.status("the simulated twin plays; at first the simulator is compiled, for minutes"):
                figures, self._twin = certify(self._plan, self._trace)
        except ConfigError as error:
            self._record.note(no_certificate=str(error))
        else:
            self._record.note(certificate=figures)

    def _wanted(self, agent: Agent, summary: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], object]]]:
        directory, title, plan = self.directory, self._title, self._plan
        has_steps = "steps" in summary
        if self._draws and has_steps:
            yield "the picture of the trace", self._draw_trace
        if self._draws and (network := agent.network_figure()) is not None:
            yield "the agent's network", lambda: plot_network(network, plan.spec, title, directory / NETWORK)
        if self._draws and has_steps:
            grades = plan.config.detector.grades
            yield "the page", lambda: write_page(directory, title, summary, self._trace, grades)
        if self._follower is not None:
            yield "the entry in MLflow", self._follower.finish

    def _draw_trace(self) -> None:
        config, trace = self._plan.config, self._trace
        grades, courses = config.detector.grades, [Course(trace, config.detector.grades, {})]
        if self._twin is not None:
            courses = [Course(trace, grades, MEASURED), Course(self._twin, grades, TWIN)]
        plot_runs(courses, self._title, self.directory / PICTURE, events_of(config, trace))
