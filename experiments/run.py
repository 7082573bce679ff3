"""`python -m experiments.run`: one agent, one stream, one world, and a record of what came of it."""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from agents.base import Agent
from agents.causal.agent import Causal
from experiments.assemble import assemble
from experiments.complaints import ConfigError, blaming, sentence
from experiments.config import CONF, RunConfig, check_keys, register
from experiments.course import TrainingError
from experiments.ending import print_ending
from experiments.first_use import ready
from experiments.identity import Identity, identify
from experiments.live import LiveView
from experiments.logs import logging_to
from experiments.loop import Step, run_episode
from experiments.network_figure import plot_network
from experiments.plan import Plan
from experiments.record import LOGS, NETWORK, RunRecord, make_run_directory, mlflow_request, status_of
from experiments.tracking import tracking_uri
from experiments.twin import let_look
from experiments.views import PlainView, View
from experiments.world_config import PipelineSchema, ReplaySchema
from pipeline.messages import Weights
from pipeline.program import ClusterError

logger = logging.getLogger(__name__)

FULL_ERROR = "HYDRA_FULL_ERROR"
WANTS_TRACEBACK = FULL_ERROR in os.environ  # before we set it ourselves


class RunError(Exception):
    """The run could not go on; the text says why."""


FAILURES = (RunError, TrainingError)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or SIGTERM, which ends a run in the same order."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.exit_code = 128 + signum  # as shells have it


def run(plan: Plan, agent: Agent, identity: Identity, console: Console) -> dict[str, Any]:
    """Carry out a plan and record it; returns the summary.

    Raises:
        RunError: something broke; what had been recorded by then is kept.
        Interrupted: likewise.
    """
    config = plan.config
    results = Path(config.results)
    name = f"{identity.choices['agent']}-{identity.choices['video']}-s{config.seed}"
    directory = make_run_directory(results / config.name, name)
    uri = tracking_uri(results) if config.output.mlflow else ""
    with logging_to(directory / LOGS / "run.log", console):
        record = open_record(plan, identity, directory, uri)
        view = choose_view(config.live, console, identity.title, config.env.steps)
        cause = outcome(plan, agent, record, view)
        if isinstance(agent, Causal):
            plot_network(agent.picture(), plan.spec, identity.title, directory / NETWORK)
        summary = record.close(status_of(cause), "" if cause is None else sentence(cause), identity.title)
    print_ending(console, summary, directory, uri)
    if isinstance(cause, Exception):
        raise RunError(f"{sentence(cause)} (logs: {directory / LOGS})") from cause
    if cause is not None:
        raise cause
    return summary


def outcome(plan: Plan, agent: Agent, record: RunRecord, view: View) -> BaseException | None:
    """Drive to the end; what ended it before, if anything did, to be raised once that is recorded."""
    try:
        with view:
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
        if plan.config.output.mlflow:
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


def open_record(plan: Plan, identity: Identity, directory: Path, uri: str) -> RunRecord:
    """The run's record, in MLflow too unless `uri` is ""."""
    request = None
    if uri:
        ours = uri.startswith("sqlite:")
        artifacts = (Path(plan.config.results).resolve() / "mlflow-artifacts").as_uri() if ours else ""
        request = mlflow_request(directory, uri, artifacts, plan.config.name, identity.tags, identity.params)
    head = {**identity.summary_head, "weights": Weights.NONE}
    return RunRecord(directory, plan.spec, head, identity.config_yaml, request)


def choose_view(live: bool | None, console: Console, title: str, n_steps: int) -> View:
    """The live picture where there is a terminal, unless the user says otherwise."""
    wanted = console.is_terminal if live is None else live
    return LiveView(console, title, n_steps) if wanted else PlainView(console, title, n_steps)


def interrupt(signum: int, frame: object) -> None:
    """Handler of SIGINT and SIGTERM."""
    raise Interrupted(signum)


def perform(cfg: DictConfig) -> None:
    """Check everything, then run."""
    with blaming("configuration"):
        check_keys(cfg)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, RunConfig)
    plan = assemble(config)
    choices = dict(HydraConfig.get().runtime.choices)
    if isinstance(config.env, PipelineSchema) and config.env.control:
        choices |= dict.fromkeys(("video", "detector", "hardware"), "remote")  # whatever runs there
    if isinstance(config.env, ReplaySchema):
        choices |= dict.fromkeys(("video", "detector", "hardware", "slo"), "replay")  # the data set's own
    console = Console()
    cfg.agent = ready(choices["agent"], cfg.agent, plan, config.trained_on, console, config.live)
    identity = identify(cfg, choices, plan.spec.hash)
    with blaming("agent"):
        agent = instantiate(cfg.agent, _partial_=True)(spec=plan.spec)
    let_look(agent, plan, console.print)
    run(plan, agent, identity, console)


def exit_code(program: str, error: BaseException, failures: tuple[type[BaseException], ...]) -> int:
    """Say what went wrong in one sentence; 1 for failures on the way, 2 if it could not begin."""
    if WANTS_TRACEBACK:
        traceback.print_exception(error)
    print(f"{program}: {sentence(error)}", file=sys.stderr)
    if isinstance(error, Interrupted):
        return error.exit_code
    return 1 if isinstance(error, failures) else 2


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def main(cfg: DictConfig) -> None:
    """Run; what goes wrong ends the program here, for Hydra would print it too."""
    try:
        perform(cfg)
    except (*FAILURES, Interrupted, ConfigError, HydraException, OmegaConfBaseException) as error:
        sys.exit(exit_code("experiments.run", error, FAILURES))


def enter(
    program: str,
    main: Callable[[], None],
    register: Callable[[], None],
    failures: tuple[type[BaseException], ...],
) -> None:
    """Run a program's `main`; errors of Hydra's own, in composing the configuration, are one sentence too.

    Args:
        program: its name, for that sentence.
        main: decorated by Hydra; what else goes wrong is its own to catch.
        register: makes the program's schemas known to Hydra.
        failures: as for `exit_code`.
    """
    register()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, interrupt)
    os.environ[FULL_ERROR] = "1"  # Hydra then hands its errors on instead of printing them
    try:
        main()
    except (Interrupted, HydraException, OmegaConfBaseException) as error:
        sys.exit(exit_code(program, error, failures))


if __name__ == "__main__":
    enter("experiments.run", main, register, FAILURES)
