"""A run from its first word to its record, however it ends; who called for it decides what is shown."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from agents.base import Agent
from experiments.config.world_schemas import PipelineSchema
from experiments.display.views import View
from experiments.execution.counterfactual import counterfactual_of
from experiments.execution.extras import Extras
from experiments.program.console import say
from experiments.program.entry import logging_to
from experiments.program.errors import ExecutionError
from experiments.program.interruption import Hearing, Interrupted, hearing
from experiments.runs.episode import Observer, Step, play
from experiments.runs.provenance import Identity
from experiments.runs.record import LOGS, RunRecord, RunStatus, status_of, what_broke
from experiments.worlds.host import alone
from experiments.worlds.plan import Plan
from pipeline.messages import Weights

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a run.

    Attributes:
        directory: that has everything.
        summary: as in `summary.json`.
        cause: what ended it before its time, if anything did.
        interruption: a signal that came while it went on or was recorded; the whole program is to raise it.
    """

    directory: Path
    summary: dict[str, Any]
    cause: BaseException | None
    interruption: KeyboardInterrupt | None

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


def execute(
    plan: Plan,
    agent: Agent,
    identity: Identity,
    tracked: str | None,
    draws: bool,
    view: View,
    console: Console,
) -> Ended:
    """Play a run and record it, however it ends.

    Args:
        plan: of the run.
        agent: for the plan's spec; new, or as it was when it was made, once it is reset.
        identity: what the run is.
        tracked: URI of the MLflow store that follows it; None = nowhere but on disk.
        draws: whether pictures are to be left.
        view: shows it.
        console: gets what deserves attention.

    Raises:
        OSError: its directory cannot be made, or not even its end be written there.
    """
    config, detected, asked = plan.config, plan.detections, counterfactual_of(plan)
    head = {
        **identity.metadata,
        "weights": Weights.NONE,
        "detections": detected.kind,
        "trained_steps": agent.trained_steps,
    }
    say(console, detected.line)
    with (
        hearing() as heard,
        RunRecord(
            Path(config.results) / config.name,
            identity.name,
            plan.spec,
            head,
            identity.config_yaml,
            is_simulated=not isinstance(config.env, PipelineSchema),
            further=asked.columns,
        ) as record,
        logging_to(record.directory / LOGS / "run.log", console),
    ):
        logger.info("%s", detected.line)
        extras = Extras(record, plan, identity.title, tracked, draws)
        cause = driven(plan, agent, [asked, record, view], extras, view, heard)
        if cause is None:
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


class Attention(Observer):
    """Ends an episode after a signal that somebody on the way has swallowed."""

    def __init__(self, heard: Hearing) -> None:
        self._heard = heard

    def step(self, step: Step) -> None:
        """Raise Interrupted if a signal came."""
        self._heard.check()
