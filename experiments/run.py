"""`python -m experiments.run`: one agent, one stream, one world, and a record of what came of it."""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from agents.base import Agent
from experiments.carry_out import Tracked, carry_out
from experiments.complaints import ConfigError, sentence
from experiments.config import CONF, register
from experiments.course import TrainingError
from experiments.ending import print_ending
from experiments.identity import Identity
from experiments.live import LiveView
from experiments.plan import Plan
from experiments.prepare import prepare
from experiments.record import LOGS
from experiments.salvage import finish_killed
from experiments.sweep.conduct import SweepError
from experiments.tracking.run import tracking_uri
from experiments.twin import let_look
from experiments.views import PlainView, View

FULL_ERROR = "HYDRA_FULL_ERROR"
WANTS_TRACEBACK = FULL_ERROR in os.environ  # before we set it ourselves


class RunError(Exception):
    """The run could not go on; the text says why."""


FAILURES = (RunError, SweepError, TrainingError)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or SIGTERM, which ends a run in the same order."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.exit_code = 128 + signum  # as shells have it


def run(plan: Plan, agent: Agent, identity: Identity, console: Console) -> dict[str, Any]:
    """Carry out a plan, show it and record it; returns the summary.

    Raises:
        RunError: something broke; what had been recorded by then is kept.
        Interrupted: likewise.
    """
    config = plan.config
    tracked = Tracked(tracking_uri(Path(config.results))) if config.output.mlflow else None
    view = choose_view(config.live, console, identity.title, config.env.steps)
    draws = config.output.picture is not False
    ended = carry_out(plan, agent, identity, tracked, draws, view, console)
    print_ending(console, ended.summary, ended.directory, "" if tracked is None else tracked.uri)
    if isinstance(ended.cause, Exception):
        raise RunError(f"{ended.error} (logs: {ended.directory / LOGS})") from ended.cause
    if ended.cause is not None:
        raise ended.cause
    return ended.summary


def choose_view(live: bool | None, console: Console, title: str, n_steps: int) -> View:
    """The live picture where there is a terminal, unless the user says otherwise."""
    wanted = console.is_terminal if live is None else live
    return LiveView(console, title, n_steps) if wanted else PlainView(console, title, n_steps)


def interrupt(signum: int, frame: object) -> None:
    """Handler of SIGINT and SIGTERM."""
    raise Interrupted(signum)


def perform(cfg: DictConfig) -> None:
    """Check everything, then run."""
    console = Console()
    finish_killed(Path(cfg.results) / cfg.name, console)
    prepared = prepare(cfg, HydraConfig.get().runtime.choices, console, cfg.live)
    agent = prepared.make_agent()
    let_look(agent, prepared.plan, console.print)
    run(prepared.plan, agent, prepared.identity, console)


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
    except (*failures, Interrupted, ConfigError, HydraException, OmegaConfBaseException) as error:
        sys.exit(exit_code(program, error, failures))


if __name__ == "__main__":
    # conf/hydra/launcher/*.yaml take the place of their plugins' own options, which have the same names
    warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/", category=UserWarning)
    # loky replaces a process, between two jobs, that has grown by 300 MB: what JAX compiles is no leak
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
    enter("experiments.run", main, register, FAILURES)
