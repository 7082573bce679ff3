"""A sweep from what was asked for to what came of it."""

import logging
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.types import TaskFunction
from omegaconf import DictConfig, open_dict
from rich.console import Console
from rich.progress import track
from rich.table import Table

from experiments.config.composing import composed
from experiments.display.summary_view import mlflow_command
from experiments.execution.resolve import resolve
from experiments.program.console import ProgressView, plain_table, say
from experiments.program.errors import ConfigError, sentence
from experiments.program.formatting import counted
from experiments.runs.logged import read_run
from experiments.runs.record import RunStatus, finish_killed, status_of
from experiments.sweeps.combinations import Run, by_point, check_launcher, combinations, without_launcher
from experiments.sweeps.job import Jobs, tell_not_begun
from experiments.sweeps.place import GO_ON, Outcome, Place, Watch, finished_in, outcome_of, write_runs
from experiments.tracking.following import Follower, TrackingError, afterwards
from experiments.tracking.store import tracking_uri
from experiments.training.training_run import TrainingError

logger = logging.getLogger(__name__)

Launch = Callable[[TaskFunction, Sequence[Sequence[str]]], None]


class SweepError(Exception):
    """Not every run came to its own end; the text says how many."""


@dataclass
class Sweep:
    """What is known of a sweep while it goes on.

    Attributes:
        place: its directory.
        left: runs to be played.
        outcomes: what became of those that ended, before or now, by their numbers.
        is_tracked: whether MLflow is to have it.
    """

    place: Place
    left: list[Run] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    is_tracked: bool = False

    @property
    def failed(self) -> list[Outcome]:
        """Those that did not come to their own end."""
        return [outcome for outcome in self.outcomes.values() if outcome.status != RunStatus.FINISHED]

    @property
    def n_done(self) -> int:
        """Runs that are finished."""
        return len(self.outcomes) - len(self.failed)

    def list_runs(self) -> None:
        """Have whoever compares them find the runs that ended, however they did."""
        directories = {outcome.directory for outcome in self.outcomes.values()} - {""}
        write_runs(self.place.folder, self.place.id, directories)


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
        SweepError: some runs failed; all others are finished.
        KeyboardInterrupt: what has been finished is kept, and skipped the next time.
    """
    if runs_per_job < 1:
        raise ConfigError(f"hydra.sweeper.runs_per_job must be >= 1, got {runs_per_job}")
    check_launcher(config.hydra.launcher)
    console, runs = Console(), combinations(arguments, loader)
    results = Path(config.results)
    folder = results / config.name
    finish_killed(folder, console)
    sweep = Sweep(Place(folder, arguments, config))
    with open_dict(config):
        config.hydra.sweep.dir = str(sweep.place.directory)  # launchers keep their own logs there
        config.hydra.overrides.hydra = without_launcher(config.hydra.overrides.hydra)
    sort_out(sweep, runs, console, config.live)
    uri = tracking_uri(results) if sweep.is_tracked else ""
    if sweep.n_done:
        console.print(f"{sweep.n_done} of {counted(len(runs), 'run')} are finished already", highlight=False)
    with followed(sweep, uri, console):
        if n := len(runs) - sweep.n_done:
            jobs = [sweep.left[i : i + runs_per_job] for i in range(0, len(sweep.left), runs_per_job)]
            try:
                with ProgressView(console, config.live, config.name, n, "runs") as view:
                    play(sweep, jobs, launch, view)
            except KeyboardInterrupt:
                say(console, GO_ON.format(sweep.n_done, len(runs)), "bold yellow")
                raise
            finish_killed(folder, console)
    print_outcomes(console, len(runs), sweep, uri)
    if sweep.failed:
        n, first = counted(len(runs), "run"), sweep.failed[0]
        raise SweepError(f"{len(sweep.failed)} of {n} failed, the first {first.title}: {first.error}")


@contextmanager
def followed(sweep: Sweep, uri: str, console: Console) -> Iterator[None]:
    """Meanwhile, MLflow takes up what is there; if it lacks something in the end, that is only said.

    The sweep's directory says in the end how it ended; `uri` "" = nothing is recorded.
    """
    place, status = sweep.place, RunStatus.FINISHED
    follower = Follower(place.directory, uri, place.log) if uri else None
    try:
        yield
        status = RunStatus.FAILED if sweep.failed else RunStatus.FINISHED
    except BaseException as error:
        status = status_of(error)
        raise
    finally:
        place.note(status)
        if follower is not None:
            try:
                with console.status("MLflow takes up the last runs") as shown:
                    follower.finish(lambda said: shown.update(f"MLflow takes up the last runs: {said}"))
            except TrackingError as error:
                text = f"{error}; all runs are on disk. {afterwards(place.directory)}"
                say(console, text, "bold yellow")


def sort_out(sweep: Sweep, runs: Sequence[Run], console: Console, live: bool | None) -> None:
    """Which runs are finished already, which cannot begin, which are left; trains whoever must be first."""
    finished = finished_in(sweep.place.folder)
    is_shown, points = console.is_terminal if live is None else live, list(by_point(runs).values())
    for own in track(points, "checked", console=console, transient=True, disable=not is_shown):
        try:
            resolved = resolve(*composed(own[0].overrides), console)
        except (ConfigError, TrainingError) as error:
            tell_not_begun(sweep.place.outcomes, own, error)
            continue
        if resolved.plan.config.output.mlflow:
            sweep.is_tracked = True
        for run in own:
            seed = resolved.identity.seed if run.seed is None else run.seed
            if name := finished.get(replace(resolved.identity, seed=seed).run_hash):
                directory = sweep.place.folder / name
                summary = read_run(directory).summary
                sweep.outcomes[run.number] = outcome_of(run.number, run.title, directory, summary)
            else:
                sweep.left.append(run)
    sweep.list_runs()


def play(sweep: Sweep, jobs: Sequence[Sequence[Run]], launch: Launch, view: ProgressView) -> None:
    """Have all jobs done; if the launcher breaks, what is left is tried again, each run on its own.

    Raises:
        SweepError: the launcher broke before any run ended.
        KeyboardInterrupt: what was under way is not finished.
    """
    place, known = sweep.place, set[int]()

    def on_outcome(outcome: Outcome) -> None:
        sweep.outcomes[outcome.number] = outcome
        sweep.list_runs()
        view.done(outcome.title, outcome.error)

    while True:
        n_heard, broken = len(known), None
        with Watch(place.outcomes, known, on_outcome):
            if jobs:
                try:
                    launch(Jobs(jobs, place.outcomes, place.id), [job[0].overrides for job in jobs])
                except Exception as error:  # of whatever launcher: a process that died, a host that is gone
                    logger.info("the launcher broke", exc_info=error)
                    broken = error
        left = [run for run in sweep.left if run.number not in sweep.outcomes]
        if not left:
            return
        jobs = [[run] for run in left]
        if len(left) == len(sweep.left) and broken is not None:
            raise SweepError(f"the launcher failed before any run ended: {sentence(broken)}") from broken
        if len(known) == n_heard:
            reason = broken or SweepError("the launcher said nothing of it")
            tell_not_begun(place.outcomes, left, reason)
            jobs = []


# --- what is printed in the end ---


def print_outcomes(console: Console, n_runs: int, sweep: Sweep, uri: str) -> None:
    """The table of what there is, and what to say next; `uri` "" = MLflow has nothing."""
    console.print(table_of(sweep.outcomes.values()))
    compare = shlex.join(["python", "-m", "experiments.compare", f"runs={sweep.place.directory}"])
    for what, where in (
        ("finished", f"{sweep.n_done} of {n_runs} runs"),
        ("the sweep", sweep.place.directory),
        ("to compare the agents", compare),
        ("all runs, in a browser", mlflow_command(uri) if uri else ""),
    ):
        if where:
            say(console, f"{what:<28} {where}")


def table_of(outcomes: Collection[Outcome]) -> Table:
    """A row per agent: means over its runs, whatever world they were in."""
    rows = []
    for agent in dict.fromkeys(outcome.agent for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.agent == agent]
        failed = sum(outcome.status != RunStatus.FINISHED for outcome in own)
        kept, qoe, reward = (mean(own, name) for name in ("slo_fulfilment", "qoe_mean", "reward_mean"))
        held = "–" if kept is None else f"{100 * kept:.1f} %"
        told = (str(len(own)), str(failed or "–"), held, shown(qoe, ".3f"), shown(reward, "+.3f"))
        rows.append((agent or "(not begun)", *told))
    return plain_table(("agent", "runs", "failed", "all SLOs hold", "QoE", "reward"), rows)


def mean(outcomes: Collection[Outcome], name: str) -> float | None:
    """Of a figure, over those that have it."""
    values = [outcome.figures[name] for outcome in outcomes if name in outcome.figures]
    return sum(values) / len(values) if values else None


def shown(value: float | None, form: str) -> str:
    """As text; an en dash where there is none."""
    return "–" if value is None else format(value, form)
