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
from experiments.display.plots import plot_certificate
from experiments.display.views import View
from experiments.execution.counterfactual import Counterfactual, counterfactual_of
from experiments.execution.extras import Extras
from experiments.program.console import say
from experiments.program.entry import logging_to
from experiments.program.errors import ConfigError
from experiments.program.interruption import Hearing, Interrupted, hearing
from experiments.runs.episode import Observer, Step, play
from experiments.runs.identity import Identity
from experiments.runs.record import CERTIFICATE, LOGS, RunRecord, status_of, what_broke
from experiments.runs.trace import read_trace
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
        interruption: what came while it went on or was recorded and is meant for the whole program, which is
            to raise it: a signal.
    """

    directory: Path
    summary: dict[str, Any]
    cause: BaseException | None
    interruption: KeyboardInterrupt | None

    @property
    def error(self) -> str:
        """One sentence, "" if it came to its own end and nothing went wrong on the way."""
        return str(self.summary["error"])


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
    config = plan.config
    folder = Path(config.results) / config.name
    detected = plan.detections
    head = {
        **identity.metadata,
        "weights": Weights.NONE,
        "detections": detected.kind,
        "trained_steps": agent.trained_steps,
    }
    say(console, detected.line)
    asked = counterfactual_of(plan)
    with (
        hearing() as heard,
        RunRecord(
            folder,
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
        extras = Extras(record.directory, plan, identity, tracked, draws)
        cause = driven(plan, agent, record, asked, extras, view, heard)
        if cause is None:
            afterwards = {
                "golden_f1": lambda: note_golden(plan, record),
                "certificate": lambda: note_certificate(plan, record, draws, console),
            }
            for what, note in afterwards.items():
                if (trouble := heard.attempt(note)) is not None:
                    logger.warning("there is no %s: %s", what, what_broke(trouble, record.directory))
        error = "" if cause is None else what_broke(cause, record.directory)
        summary = record.end(status_of(cause), error)
        if extras.leave(agent, summary, heard):
            record.close()
    by_hand = cause if isinstance(cause, KeyboardInterrupt) else None
    return Ended(record.directory, summary, cause, heard.interruption or by_hand)


def note_golden(plan: Plan, record: RunRecord) -> None:
    """Add to the summary how near the run came to the highest grade, where that is asked for."""
    if isinstance(plan.config.env, PipelineSchema):
        from experiments.execution.golden import golden_f1  # it needs FFmpeg

        if (f1 := golden_f1(plan, record.directory)) is not None:
            record.note(golden_f1=f1)


def note_certificate(plan: Plan, record: RunRecord, draws: bool, console: Console) -> None:
    """Add to the summary how far the simulated twin of a run of the pipeline was, or why nobody can tell."""
    if not isinstance(plan.config.env, PipelineSchema):
        return
    from experiments.execution.certificate import certify, check_certifiable
    from experiments.worlds.pipeline import PipelinePlan

    assert isinstance(plan, PipelinePlan)
    trace = read_trace(record.directory)
    try:
        check_certifiable(plan, trace)
        with console.status("the simulated twin plays; at first the simulator is compiled, for minutes"):
            certificate = certify(plan, trace)
    except ConfigError as error:
        record.note(no_certificate=str(error))
        return
    record.note(certificate=certificate.figures)
    if draws:
        plot_certificate(trace, certificate.twin, record.directory / CERTIFICATE)


def driven(
    plan: Plan,
    agent: Agent,
    record: RunRecord,
    asked: Counterfactual,
    extras: Extras,
    view: View,
    heard: Hearing,
) -> BaseException | None:
    """Drive to the end; what ended it before, if anything did.

    That is the first thing that went wrong, not what went wrong on the way out because of it.
    """
    world = ExitStack()
    cause = heard.attempt(lambda: drive(plan, agent, [asked, record, view], extras, view, heard, world))
    if cause is not None:
        logger.info("the run did not finish", exc_info=cause)
    while (trouble := heard.attempt(world.close)) is not None:  # what is left on the stack is next
        logger.info("closing", exc_info=trouble)
        if cause is None and not isinstance(trouble, Interrupted):
            cause = trouble
    return cause


def drive(
    plan: Plan,
    agent: Agent,
    observers: Sequence[Observer],
    extras: Extras,
    view: View,
    heard: Hearing,
    world: ExitStack,
) -> None:
    """From the world's beginning to its end; what must be closed is left on the stack."""
    config, directory = plan.config, extras.directory
    extras.begin()
    world.enter_context(view)
    if isinstance(config.env, PipelineSchema) and not config.env.control:
        world.enter_context(alone(directory, view.say))
    env = plan.make_env(directory, view.say)
    world.callback(env.close)
    world.callback(view.say, "the world ends")
    view.say("the agent warms up")
    agent.warm_up()
    view.say("the world starts")
    play(agent, env, config.seed, [*observers, Attention(heard)])


class Attention(Observer):
    """Ends an episode after a signal that somebody on the way has swallowed."""

    def __init__(self, heard: Hearing) -> None:
        self._heard = heard

    def step(self, step: Step) -> None:
        """Raise Interrupted if a signal came."""
        self._heard.check()
