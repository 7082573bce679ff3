"""A sweep from what was asked for to what came of it."""

import importlib.util
import logging
import re
import shlex
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.core.config_loader import ConfigLoader
from hydra.types import TaskFunction
from omegaconf import DictConfig, open_dict
from rich.console import Console
from rich.progress import track
from rich.table import Table

from experiments.config.composing import composed
from experiments.display.summary_view import mlflow_command
from experiments.execution.resolve import resolve
from experiments.program.console import ProgressView, counted, plain_table, say
from experiments.program.errors import ConfigError, ExecutionError, override_of, sentence
from experiments.runs.logged import read_run
from experiments.runs.record import RunStatus, finish_killed, status_of
from experiments.sweeps.job import Jobs, Run, by_point, combinations, tell_not_begun
from experiments.sweeps.place import GO_ON, LOG, Outcome, Sweep, finished_in, watched
from experiments.tracking.following import Follower, TrackingError, afterwards
from experiments.tracking.store import tracking_uri

logger = logging.getLogger(__name__)

FIGURES = {"slo_fulfilment": "{:.1f} %", "qoe_mean": "{:.3f}", "reward_mean": "{:+.3f}"}  # of a summary

EXTRAS = {"hydra_ray_launcher": "ray", "hydra_submitit_launcher": "slurm"}  # ours, by the plugin they bring
OVERRIDE = re.compile(r"hydra[/.]launcher")
ADDRESS = re.compile(r"(?:ray://)?(?P<host>[^:/]+):(?P<port>\d+)")
REACH_TIMEOUT_S = 5.0

Launch = Callable[[TaskFunction, Sequence[Sequence[str]]], None]


def conduct(
    config: DictConfig, arguments: Sequence[str], loader: ConfigLoader, runs_per_job: int, launch: Launch
) -> None:
    """Play every combination of the arguments that is left, and say what came of all.

    Args:
        config: of the sweep, with Hydra's part.
        arguments: that were given, without Hydra's own.
        loader: Hydra's, of configurations.
        runs_per_job: of a launcher, >= 1.
        launch: has a launcher carry out a task as often as there are lists of overrides.

    Raises:
        ConfigError, HydraException: it cannot begin.
        ExecutionError: some runs failed; all others are finished.
        KeyboardInterrupt: what has been finished is kept, and skipped the next time.
    """
    if runs_per_job < 1:
        raise ConfigError(f"hydra.sweeper.runs_per_job must be >= 1, got {runs_per_job}")
    check_launcher(config.hydra.launcher)
    console, runs = Console(), combinations(arguments, loader)
    results = Path(config.results)
    folder = results / config.name
    finish_killed(folder, console)
    sweep = Sweep(folder, arguments, config)
    with open_dict(config):
        config.hydra.sweep.dir = str(sweep.directory)  # launchers keep their own logs there
        config.hydra.overrides.hydra = without_launcher(config.hydra.overrides.hydra)
    left, is_tracked = sorted_out(sweep, runs, console, config.live)
    uri = tracking_uri(results) if is_tracked else ""
    if sweep.n_done:
        console.print(f"{sweep.n_done} of {counted(len(runs), 'run')} are finished already", highlight=False)
    with followed(sweep, uri, console):
        if n := len(runs) - sweep.n_done:
            try:
                with ProgressView(console, config.live, config.name, n, "runs") as view:
                    play(sweep, left, runs_per_job, launch, view)
            except KeyboardInterrupt:
                say(console, GO_ON.format(sweep.n_done, len(runs)), "bold yellow")
                raise
            finish_killed(folder, console)
    print_outcomes(console, len(runs), sweep, uri)
    if sweep.failed:
        n, first = counted(len(runs), "run"), sweep.failed[0]
        raise ExecutionError(f"{len(sweep.failed)} of {n} failed, the first {first.title}: {first.error}")


@contextmanager
def followed(sweep: Sweep, uri: str, console: Console) -> Iterator[None]:
    """Meanwhile, MLflow takes up what is there; if it lacks something in the end, that is only said.

    The sweep's directory says in the end how it ended; `uri` "" = nothing is recorded.
    """
    status = RunStatus.FINISHED
    follower = Follower(sweep.directory, uri, sweep.directory / LOG) if uri else None
    try:
        yield
        status = RunStatus.FAILED if sweep.failed else RunStatus.FINISHED
    except BaseException as error:
        status = status_of(error)
        raise
    finally:
        sweep.note(status)
        if follower is not None:
            try:
                with console.status("MLflow takes up the last runs") as shown:
                    follower.finish(lambda said: shown.update(f"MLflow takes up the last runs: {said}"))
            except TrackingError as error:
                text = f"{error}; all runs are on disk. {afterwards(sweep.directory)}"
                say(console, text, "bold yellow")


def sorted_out(
    sweep: Sweep, runs: Sequence[Run], console: Console, live: bool | None
) -> tuple[list[Run], bool]:
    """Tell runs that are finished already from those that cannot begin; train whoever must be first.

    Returns:
        Those that are left to be played, and whether MLflow is to have any.
    """
    finished, left, is_tracked = finished_in(sweep.folder), list[Run](), False
    is_shown, points = console.is_terminal if live is None else live, list(by_point(runs).values())
    for own in track(points, "checked", console=console, transient=True, disable=not is_shown):
        try:
            resolved = resolve(*composed(own[0].overrides), console)
        except (ConfigError, ExecutionError) as error:
            tell_not_begun(sweep.told, own, error)
            continue
        is_tracked |= resolved.plan.config.output.mlflow
        for run in own:
            seed = resolved.config.seed if run.seed is None else run.seed
            if name := finished.get(resolved.identity.having(seed=seed).run_hash):
                sweep.outcomes[run.number] = Outcome(run.number, run.title, name)
            else:
                left.append(run)
    sweep.list_runs()
    return left, is_tracked


def play(sweep: Sweep, runs: Sequence[Run], runs_per_job: int, launch: Launch, view: ProgressView) -> None:
    """Have all runs played; if the launcher breaks, what is left is tried again, each run on its own.

    Raises:
        ExecutionError: the launcher broke before any run ended.
        KeyboardInterrupt: what was under way is not finished.
    """
    known = set[int]()
    jobs = [runs[i : i + runs_per_job] for i in range(0, len(runs), runs_per_job)]

    def on_outcome(outcome: Outcome) -> None:
        sweep.outcomes[outcome.number] = outcome
        sweep.list_runs()
        view.done(outcome.title, outcome.error)

    while True:
        n_heard, broken = len(known), None
        with watched(sweep.told, known, on_outcome):
            if jobs:
                try:
                    launch(Jobs(jobs, sweep.told, sweep.id), [job[0].overrides for job in jobs])
                except Exception as error:  # of whatever launcher: a process that died, a host that is gone
                    logger.info("the launcher broke", exc_info=error)
                    broken = error
        left = [run for run in runs if run.number not in sweep.outcomes]
        if not left:
            return
        jobs = [[run] for run in left]
        if len(left) == len(runs) and broken is not None:
            raise ExecutionError(f"the launcher failed before any run ended: {sentence(broken)}") from broken
        if len(known) == n_heard:
            reason = broken or ExecutionError("the launcher said nothing of it")
            tell_not_begun(sweep.told, left, reason)
            jobs = []


# --- by whom they are played ---


def check_launcher(launcher: DictConfig) -> None:
    """Raise ConfigError if its plugin is not installed, or its cluster cannot be reached."""
    target = str(launcher["_target_"])
    plugin = target.split(".")[1]
    if target.startswith("hydra_plugins.") and importlib.util.find_spec(f"hydra_plugins.{plugin}") is None:
        extra = EXTRAS.get(plugin, "")
        what = f"'elasticbench[{extra}]'" if extra else plugin.replace("_", "-")
        raise ConfigError(f"hydra/launcher: {plugin} is not installed; say pip install {what}")
    if "ray" in launcher:
        check_cluster(launcher["ray"]["init"].get("address"))


def check_cluster(address: Any) -> None:
    """Raise ConfigError if nobody answers there: Ray itself would try for minutes."""
    found = ADDRESS.fullmatch(str(address))
    if found is None:  # none, or one that Ray looks up itself
        return
    try:
        socket.create_connection((found["host"], int(found["port"])), REACH_TIMEOUT_S).close()
    except OSError as error:
        raise ConfigError(
            f"hydra.launcher.ray.init.address: nobody answers at {address} ({error}); on the head node, "
            "`ray start --head` says the address"
        ) from None


def without_launcher(overrides: Sequence[str]) -> list[str]:
    """Hydra's own overrides but those of the launcher: a job launches nothing."""
    return [text for text in overrides if not OVERRIDE.match(text)]


# --- what is printed in the end ---


def print_outcomes(console: Console, n_runs: int, sweep: Sweep, uri: str) -> None:
    """The table of what there is, and what to say next; `uri` "" = MLflow has nothing."""
    console.print(table_of(sweep.folder, sweep.outcomes.values()))
    runs = override_of("runs", str(sweep.directory))
    for what, where in (
        ("finished", f"{sweep.n_done} of {n_runs} runs"),
        ("the sweep", sweep.directory),
        ("to compare the agents", shlex.join(["python", "-m", "experiments.compare", runs])),
        ("all runs, in a browser", mlflow_command(uri) if uri else ""),
    ):
        if where:
            say(console, f"{what:<28} {where}")


def table_of(folder: Path, outcomes: Iterable[Outcome]) -> Table:
    """A row per agent: means over its runs in a folder, whatever world they were in."""
    found = [
        read_run(folder / one.directory).summary if one.directory else {"agent": "(not begun)"}
        for one in outcomes
    ]
    runs: Any = pd.DataFrame(found, columns=["agent", "status", *FIGURES])
    runs = runs.astype(dict.fromkeys(FIGURES, float))
    runs["failed"] = runs["status"] != RunStatus.FINISHED
    runs["slo_fulfilment"] *= 100
    by_agent = runs.groupby("agent", sort=False)
    told = by_agent[list(FIGURES)].mean()
    for name, form in FIGURES.items():
        told[name] = told[name].map(form.format, na_action="ignore").fillna("–")
    told.insert(0, "runs", by_agent.size().map(str))
    told.insert(1, "failed", by_agent["failed"].sum().map(lambda n: str(n or "–")))
    headings = ("agent", "runs", "failed", "all SLOs hold", "QoE", "reward")
    return plain_table(headings, told.reset_index().to_numpy().tolist())
