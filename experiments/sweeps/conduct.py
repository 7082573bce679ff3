"""A sweep from what was asked for to what came of it."""

import importlib.util
import logging
import re
import shlex
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.types import TaskFunction
from omegaconf import DictConfig, open_dict
from rich.console import Console
from rich.progress import track

from experiments.config.composing import composed
from experiments.execution.resolve import resolve
from experiments.program.console import ProgressView, counted, say
from experiments.program.errors import ConfigError, ExecutionError, override_of, sentence
from experiments.runs.logged import finished_in
from experiments.runs.record import RunStatus, finish_killed, status_of
from experiments.sweeps.pool import GO_ON
from experiments.sweeps.sweep import LOG, Jobs, Run, Sweep, by_point, combinations
from experiments.tracking.following import Follower, TrackingError
from experiments.tracking.store import mlflow_command, tracking_uri

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
EXTRAS = {"hydra_ray_launcher": "ray", "hydra_submitit_launcher": "slurm"}  # ours, by the plugin they bring
LAUNCHER = re.compile(r"hydra[/.]launcher")  # in an override

# has a launcher carry out a task as often as there are lists of overrides; what each raised, None of others
Launch = Callable[[TaskFunction, Sequence[Sequence[str]]], Sequence[Exception | None]]


def conduct(
    config: DictConfig, arguments: Sequence[str], loader: ConfigLoader, runs_per_job: int, launch: Launch
) -> None:
    """Play every combination of the arguments that is left, and say what came of all.

    `config` is of the sweep, with Hydra's part; `arguments` are without that; `runs_per_job` >= 1.

    Raises:
        ConfigError, HydraException: it cannot begin.
        ExecutionError: some runs failed; all others are finished.
        KeyboardInterrupt: what has been finished is kept, and skipped the next time.
    """
    if runs_per_job < 1:
        raise ConfigError(f"hydra.sweeper.runs_per_job must be >= 1, got {runs_per_job}")
    check_launcher(str(config.hydra.launcher["_target_"]))
    console, runs = Console(), combinations(arguments, loader)
    results = Path(config.results)
    folder = results / config.name
    finish_killed(folder, console)
    sweep = Sweep(folder, runs, arguments, config)
    with open_dict(config):
        config.hydra.sweep.dir = str(sweep.directory)  # launchers keep their own logs there
        own = config.hydra.overrides.hydra
        config.hydra.overrides.hydra = [text for text in own if not LAUNCHER.match(text)]  # a job has none
    left, is_tracked = sorted_out(sweep, console, config.live)
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
    print_outcomes(console, sweep, uri)
    if sweep.failed:
        n, first = counted(len(runs), "run"), sweep.failed[0]
        raise ExecutionError(f"{len(sweep.failed)} of {n} failed, the first {first.title}: {first.error}")


def check_launcher(target: str) -> None:
    """Raise ConfigError if a launcher's plugin is not installed."""
    plugin = target.split(".")[1]
    if target.startswith("hydra_plugins.") and importlib.util.find_spec(f"hydra_plugins.{plugin}") is None:
        what = f"'elasticbench[{EXTRAS[plugin]}]'" if plugin in EXTRAS else plugin.replace("_", "-")
        raise ConfigError(f"hydra/launcher: {plugin} is not installed; say pip install {what}")


@contextmanager
def followed(sweep: Sweep, uri: str, console: Console) -> Iterator[None]:
    """Meanwhile, MLflow takes up what is there; if it lacks something in the end, that is only said.

    The sweep's directory says in the end how it ended; `uri` "" = nothing is recorded.
    """
    follower = Follower(sweep.directory, uri, sweep.directory / LOG) if uri else None
    try:
        yield
        sweep.note(RunStatus.FAILED if sweep.failed else RunStatus.FINISHED)
    except BaseException as error:
        sweep.note(status_of(error))
        raise
    finally:
        if follower is not None:
            try:
                with console.status("MLflow takes up the last runs") as shown:
                    follower.finish(lambda said: shown.update(f"MLflow takes up the last runs: {said}"))
            except TrackingError as error:
                say(console, error, "bold yellow")


def sorted_out(sweep: Sweep, console: Console, live: bool | None) -> tuple[list[Run], bool]:
    """Tell runs that are finished already from those that cannot begin; train whoever must be first.

    Returns:
        Those that are left to be played, and whether MLflow is to have any.
    """
    finished, left, is_tracked = finished_in(sweep.folder), list[Run](), False
    is_shown, points = console.is_terminal if live is None else live, list(by_point(sweep.runs).values())
    for own in track(points, "checked", console=console, transient=True, disable=not is_shown):
        try:
            resolved = resolve(*composed(own[0].overrides), console)
        except (ConfigError, ExecutionError) as error:
            for run in own:
                sweep.ended(run, error=sentence(error))
            continue
        is_tracked |= resolved.plan.config.output.mlflow
        for run in own:
            identity = resolved.identity if run.seed is None else resolved.identity.having(seed=run.seed)
            if name := finished.get(identity.run_hash):
                sweep.ended(run, name)
            else:
                left.append(run)
    return left, is_tracked


def play(sweep: Sweep, runs: Sequence[Run], runs_per_job: int, launch: Launch, view: ProgressView) -> None:
    """Have all runs played; if the launcher breaks, what is left is tried again, each run on its own.

    Raises:
        ExecutionError: the launcher broke before any run ended.
        KeyboardInterrupt: what was under way is not finished.
    """
    for outcome in sweep.failed:  # they could not begin
        view.done(outcome.title, outcome.error)
    jobs = [runs[i : i + runs_per_job] for i in range(0, len(runs), runs_per_job)]
    while jobs:
        n_before, broken = len(sweep.outcomes), None
        launched = partial(launch, Jobs(jobs, sweep.id), [job[0].overrides for job in jobs])
        try:
            raised = watched(sweep, view, launched)
        except Exception as error:  # of whatever launcher: a process that died, a host that is gone
            logger.info("the launcher broke", exc_info=error)
            raised, broken = [error] * len(jobs), error
        left = [(run, why) for job, why in zip(jobs, raised, strict=True) for run in job]
        left = [(run, why) for run, why in left if run.number not in sweep.outcomes]
        jobs = [[run] for run, _ in left]
        if broken is not None and len(left) == len(runs):
            raise ExecutionError(f"the launcher failed before any run ended: {sentence(broken)}") from broken
        if broken is None or len(sweep.outcomes) == n_before:
            for run, why in left:
                outcome = sweep.ended(run, error=sentence(why) if why else "it left no record")
                view.done(outcome.title, outcome.error)
            return


def watched(
    sweep: Sweep, view: ProgressView, launched: Callable[[], Sequence[Exception | None]]
) -> Sequence[Exception | None]:
    """Show each run that ends while it is launched; in the end, every one has been seen."""
    is_over = threading.Event()

    def look() -> None:
        for outcome in sweep.look():
            view.done(outcome.title, outcome.error)

    def follow() -> None:
        while not is_over.wait(LOOK_EVERY_S):
            look()

    thread = threading.Thread(target=follow, name="sweep-watch", daemon=True)
    thread.start()
    try:
        return launched()
    finally:
        is_over.set()
        thread.join()
        look()


def print_outcomes(console: Console, sweep: Sweep, uri: str) -> None:
    """Say what there is, and what to say next; `uri` "" = MLflow has nothing."""
    runs = override_of("runs", str(sweep.directory))
    for what, where in (
        ("finished", f"{sweep.n_done} of {counted(len(sweep.runs), 'run')}"),
        ("the sweep", sweep.directory),
        ("to compare the agents", shlex.join(["python", "-m", "experiments.compare", runs])),
        ("all runs, in a browser", mlflow_command(uri) if uri else ""),
    ):
        if where:
            say(console, f"{what:<28} {where}")
