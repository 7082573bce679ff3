"""`python -m experiments.run`: one agent, one stream, one world, and a record of what came of it."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from agents.base import Agent
from experiments.config.composing import register
from experiments.config.schemas import CONF
from experiments.display.summary_view import print_summary
from experiments.display.views import choose_view
from experiments.execution.execute import execute
from experiments.execution.resolve import resolve
from experiments.program.console import say
from experiments.program.entry import enter
from experiments.program.files import check_writable
from experiments.runs.provenance import Identity, command
from experiments.runs.record import LOGS, finish_killed
from experiments.tracking.following import Follower
from experiments.tracking.store import mlflow_command, tracking_uri
from experiments.worlds.plan import Plan


def run(plan: Plan, agent: Agent, identity: Identity, console: Console) -> dict[str, Any]:
    """Carry out a plan, show it and record it; returns the summary.

    Raises ExecutionError: something broke, and what had been recorded by then is kept; Interrupted: likewise,
    or it came to its own end, and the program is to end all the same; OSError: nothing can be kept there.
    """
    config = plan.config
    check_writable(Path(config.results) / config.name)  # before anybody waits for what cannot be kept
    uri = tracking_uri(Path(config.results)) if config.output.mlflow else ""
    view = choose_view(config.live, console, identity.title, plan.spec, config.env.steps)
    if plan.caveat:
        say(console, f"Note: {plan.caveat}", "bold yellow")

    def follow(directory: Path) -> Callable[[], None]:
        return Follower(directory, uri, directory / LOGS / "mlflow.log").finish

    ended = execute(plan, agent, identity, console, view, follow if uri else None)
    own = {} if ended.cause is None else {"error": ""}  # the program says it as it ends
    in_mlflow = mlflow_command(uri) if uri else ""
    print_summary(console, ended.summary | own, ended.directory, in_mlflow)
    ended.check()
    return ended.summary


def perform(cfg: DictConfig) -> None:
    """Check everything, then run."""
    console = Console()
    finish_killed(Path(cfg.results) / cfg.name, console)
    resolved = resolve(cfg, HydraConfig.get().runtime.choices, console)
    agent = resolved.make_agent(console.print)
    run(resolved.plan, agent, replace(resolved.identity, origin={"command": command()}), console)


if __name__ == "__main__":
    # conf/hydra/launcher/*.yaml take the place of their plugins' own options, which have the same names
    warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/", category=UserWarning)
    # loky replaces a process, between two jobs, that has grown by 300 MB: what JAX compiles is no leak
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
    enter("experiments.run", CONF / "config.yaml", perform, register)
