"""A run from its first word to its record, however it ends; who called for it decides what is shown."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from agents.base import Agent
from experiments.config.schemas import PipelineSchema
from experiments.display.lines import events_of
from experiments.display.plots import MEASURED, TWIN, Course, plot_network, plot_runs
from experiments.display.summary_view import write_page
from experiments.display.views import View
from experiments.execution.counterfactual import Counterfactual
from experiments.program.console import say
from experiments.program.entry import logging_to
from experiments.program.errors import ConfigError, ExecutionError
from experiments.program.interruption import Hearing, Interrupted, hearing
from experiments.runs.episode import Observer, Step, play
from experiments.runs.provenance import Identity
from experiments.runs.record import LOGS, NETWORK, PICTURE, RunRecord, RunStatus, status_of, what_broke
from experiments.runs.trace import read_trace
from experiments.worlds.builders import timeline_of
from experiments.worlds.host import alone
from experiments.worlds.plan import Plan
from pipeline.messages import Weights

logger = logging.getLogger(__name__)

Follow = Callable[[Path], Callable[[], object]]  # begins to take a run to MLflow; returns who ends it


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a run."""

    directory: Path  # that has everything
    summary: dict[str, Any]  # as in `summary.json`
    cause: BaseException | None  # what ended it before its time, if anything did
    interruption: KeyboardInterrupt | None  # a signal that came meanwhile: the whole program is to raise it

    @property
    def error(self) -> str:
        """One sentence, "" if it came to its own end and nothing went wrong on the way."""
        return str(self.summary["error"])

    def check(self) -> None:
        """Raise ExecutionError if it broke, and Interrupted if the program is to end for a signal."""
        if self.summary["status"] == RunStatus.FAILED:
            raise ExecutionError(f"{self.error} (logs: {self.directory / LOGS})") from self.cause
        if self.interruption is not None:
            raise self.interruption


class Attention(Observer):
    """Ends an episode after a signal that somebody on the way has swallowed."""

    def __init__(self, heard: Hearing) -> None:
        self._heard = heard

    def step(self, step: Step) -> None:
        """Raise Interrupted if a signal came."""
        self._heard.check()


class Extras:
    """What a run leaves beside its record, which none of it can undo: how it is judged, pictures, MLflow.

    `follow` is as for `execute`.
    """

    def __init__(self, record: RunRecord, plan: Plan, identity: Identity, follow: Follow | None) -> None:
        self.directory, self._record, self._plan, self._title = record.directory, record, plan, identity.title
        self._follow = follow
        wanted, is_real = plan.config.output.picture, isinstance(plan.config.env, PipelineSchema)
        self._draws = (is_real or "sweep" not in identity.origin) if wanted is None else wanted
        self._finish: Callable[[], object] | None = None
        self._twin: pd.DataFrame | None = None  # trace of the simulated twin

    def begin(self) -> None:
        """Let MLflow follow the run, or prepare itself for one that is over in a moment."""
        if self._follow is not None:
            self._finish = self._follow(self.directory)

    def judge(self, heard: Hearing, console: Console) -> None:
        """Add to the summary how good a run of the pipeline was, and its twin; what goes wrong is logged."""
        notes = {"golden_f1": self._note_golden, "certificate": lambda: self._note_certificate(console)}
        for what, note in notes.items():
            if (trouble := heard.attempt(note)) is not None:
                logger.warning("there is no %s: %s", what, what_broke(trouble, self.directory))

    def leave(self, agent: Agent, summary: Mapping[str, Any], heard: Hearing) -> bool:
        """Make all that is wanted; what goes wrong is logged, and a signal breaks off all that is left.

        Returns whether the next start need not come back to it: MLflow was not broken off.
        """
        for what, make in self._wanted(agent, summary):
            trouble = heard.attempt(make)
            if isinstance(trouble, Interrupted):
                logger.warning("%s: %s is left out; the record is complete", trouble, what)
                return self._finish is None
            if trouble is not None:
                logger.error("%s cannot be made: %s", what, what_broke(trouble, self.directory))
                logger.info("%s", what, exc_info=trouble)
        return True

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
        grades = plan.config.detector.grades
        if self._draws and (network := agent.network_figure()) is not None:
            yield "the agent's network", lambda: plot_network(network, plan.spec, title, directory / NETWORK)
        if self._draws and "steps" in summary:
            yield "the picture of the trace", self._draw_trace
            yield "the page", lambda: write_page(directory, title, summary, self._trace, grades)
        if self._finish is not None:
            yield "the entry in MLflow", self._finish

    def _draw_trace(self) -> None:
        config, grades = self._plan.config, self._plan.config.detector.grades
        courses = [Course(self._trace, grades, {})]
        if self._twin is not None:
            courses = [Course(self._trace, grades, MEASURED), Course(self._twin, grades, TWIN)]
        plot_runs(courses, self._title, self.directory / PICTURE, events_of(timeline_of(config)))


def execute(
    plan: Plan,
    agent: Agent,
    identity: Identity,
    console: Console,
    view: View | None = None,
    follow: Follow | None = None,
) -> Ended:
    """Play a run and record it, however it ends.

    The agent is for the plan's spec; new, or as it was when it was made, once it is reset. The console gets
    what deserves attention, `view` shows the run, if anything does, `follow` takes its directory to MLflow,
    None = it is nowhere but on disk. Raises OSError: its directory cannot be made, or not even its end be
    written there.
    """
    config, detected, asked = plan.config, plan.detections, Counterfactual(plan)
    what = {"weights": Weights.NONE, "detections": detected.kind, "trained_steps": agent.trained_steps}
    is_real, view = isinstance(config.env, PipelineSchema), view or View()
    line = f"detections: {detected.kind}: {detected.why}"
    say(console, line)
    with (
        hearing() as heard,
        RunRecord(
            Path(config.results) / config.name, identity, plan.spec, what, not is_real, asked.columns
        ) as record,
        logging_to(record.directory / LOGS / "run.log", console),
    ):
        logger.info("%s", line)
        extras = Extras(record, plan, identity, follow)
        cause = driven(plan, agent, [asked, record, view], extras, view, heard)
        if cause is None and is_real:
            extras.judge(heard, console)
        error = "" if cause is None else what_broke(cause, record.directory)
        summary = record.end(status_of(cause), error)
        if extras.leave(agent, summary, heard):
            record.close()
    by_hand = cause if isinstance(cause, KeyboardInterrupt) else None
    return Ended(record.directory, summary, cause, heard.interruption or by_hand)


def driven(
    plan: Plan, agent: Agent, observers: Sequence[Observer], extras: Extras, view: View, heard: Hearing
) -> BaseException | None:
    """Drive from the world's beginning to its end; what ended it before, if anything did.

    That is the first thing that went wrong, not what went wrong on the way out because of it.
    """
    world, env = ExitStack(), plan.config.env

    def drive() -> None:
        extras.begin()
        world.enter_context(view)
        if isinstance(env, PipelineSchema) and not env.control:
            world.enter_context(alone(extras.directory, view.say))
        made = plan.make_env(extras.directory, view.say)
        world.callback(made.close)
        world.callback(view.say, "the world ends")
        view.say("the agent warms up")
        agent.warm_up()
        view.say("the world starts")
        play(agent, made, plan.config.seed, [*observers, Attention(heard)])

    cause = heard.attempt(drive)
    if cause is not None:
        logger.info("the run did not finish", exc_info=cause)
    while (trouble := heard.attempt(world.close)) is not None:  # what is left on the stack is next
        logger.info("closing", exc_info=trouble)
        if cause is None and not isinstance(trouble, Interrupted):
            cause = trouble
    return cause
