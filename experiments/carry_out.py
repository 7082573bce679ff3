"""A run from its first word to its record, however it ends; who called for it decides what is shown."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from agents.base import Agent
from agents.causal.agent import Causal
from experiments.complaints import sentence
from experiments.host import alone
from experiments.identity import Identity
from experiments.logs import logging_to
from experiments.loop import Step, run_episode
from experiments.network_figure import plot_network
from experiments.plan import Plan
from experiments.record import LOGS, NETWORK, RunRecord, make_run_directory, mlflow_request, status_of
from experiments.tracking.run import artifacts_of
from experiments.views import View
from experiments.world_config import PipelineSchema
from pipeline.messages import Weights
from pipeline.program import ClusterError

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


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a run.

    Attributes:
        directory: that has everything.
        summary: as in `summary.json`.
        cause: what ended it before its time, if anything did.
    """

    directory: Path
    summary: dict[str, Any]
    cause: BaseException | None

    @property
    def error(self) -> str:
        """One sentence, "" if it came to its own end and nothing went wrong on the way."""
        return str(self.summary["error"])


def carry_out(
    plan: Plan,
    agent: Agent,
    identity: Identity,
    tracked: Tracked | None,
    draws: bool,
    view: View,
    console: Console,
) -> Ended:
    """Carry out a plan and record it.

    Args:
        plan: of the run.
        agent: for the plan's spec; new, or as it was when it was made, once it is reset.
        identity: what the run is.
        tracked: None = nowhere but on disk.
        draws: whether a picture of the trace is to be left.
        view: shows it.
        console: gets what deserves attention.
    """
    config = plan.config
    directory = make_run_directory(Path(config.results) / config.name, identity.name)
    with logging_to(directory / LOGS / "run.log", console):
        record = open_record(plan, identity, directory, tracked, draws)
        cause = driven(plan, agent, record, view)
        if draws and isinstance(agent, Causal):
            plot_network(agent.picture(), plan.spec, identity.title, directory / NETWORK)
        summary = record.close(status_of(cause), "" if cause is None else sentence(cause), identity.title)
    return Ended(directory, summary, cause)


def driven(plan: Plan, agent: Agent, record: RunRecord, view: View) -> BaseException | None:
    """Drive to the end; what ended it before, if anything did."""
    try:
        with view:
            if isinstance(plan.config.env, PipelineSchema) and not plan.config.env.control:
                with alone(record.directory, view.say):
                    drive(plan, agent, record, view)
            else:
                drive(plan, agent, record, view)
    except BaseException as error:
        logger.info("the run did not finish", exc_info=error)
        return error
    return None


def drive(plan: Plan, agent: Agent, record: RunRecord, view: View) -> None:
    """From the world's beginning to its end."""
    seed = plan.config.seed
    env = plan.make_env(record.directory, view.say)
    try:
        view.say("the agent warms up")
        agent.warm_up()
        agent.reset(seed)
        if record.is_tracked:
            view.say("MLflow opens the run")
            record.wait_opened()
        view.say("the world starts")
        observation, info = env.reset(seed=seed)
        record.identity["weights"] = env.weights
        view.begin(plan.spec)

        def observe(step: Step) -> None:
            record.step(step)
            view.step(step)

        last = run_episode(agent, env, observation, info, observe)
        if "error" in last:
            raise ClusterError(last["error"])
    finally:
        view.say("the world ends")
        env.close()


def open_record(
    plan: Plan, identity: Identity, directory: Path, tracked: Tracked | None, draws: bool
) -> RunRecord:
    """The run's record, in MLflow too if it is tracked."""
    config = plan.config
    request = None
    if tracked is not None:
        request = mlflow_request(
            directory,
            tracked.uri,
            artifacts_of(tracked.uri, Path(config.results)),
            config.name,
            identity.tags,
            identity.params,
            tracked.parent,
            live=isinstance(config.env, PipelineSchema),
        )
    head = {**identity.summary_head, "weights": Weights.NONE}
    records = config.output.recording
    return RunRecord(directory, plan.spec, head, identity.config_yaml, draws, records, request)
