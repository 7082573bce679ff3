"""A sweep from what was asked for to what came of it."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.types import TaskFunction
from omegaconf import DictConfig, open_dict
from rich.console import Console
from rich.progress import track

from experiments.carry_out import Tracked
from experiments.complaints import ConfigError, sentence
from experiments.prepare import prepare
from experiments.progress_view import ProgressView
from experiments.record import RunStatus, status_of
from experiments.salvage import finish_killed
from experiments.sweep.combinations import Run, by_point, combinations
from experiments.sweep.job import Jobs, composed, not_begun, seed_of
from experiments.sweep.launchers import check_launcher, without_launcher
from experiments.sweep.outcomes import Outcome, tell
from experiments.sweep.place import Place, finished_in
from experiments.sweep.report import print_outcomes
from experiments.sweep.watch import Watch
from experiments.tracking.run import TrackingError, artifacts_of, tracking_uri
from experiments.tracking.sweep_log import SweepLog
from experiments.wording import counted
from experiments.world_config import PipelineSchema

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
        done: names of the directories of runs that are finished, before or now.
        outcomes: what was told, by the runs' numbers.
        is_tracked: whether a run of it is to be in MLflow.
        is_real: whether one of those takes real time, so that MLflow must have the sweep before.
    """

    place: Place
    left: list[Run] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    is_tracked: bool = False
    is_real: bool = False

    @property
    def failed(self) -> list[Outcome]:
        """Those that did not come to their own end."""
        return [outcome for outcome in self.outcomes.values() if outcome.status != RunStatus.FINISHED]


def conduct(
    config: DictConfig, arguments: Sequence[str], loader: ConfigLoader, runs_per_job: int, launch: Launch
) -> None:
    """Play every combination that is left, and say what came of all.

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
    if sweep.done:
        console.print(
            f"{len(sweep.done)} of {counted(len(runs), 'run')} are finished already", highlight=False
        )
    with opened_log(sweep, uri, results, console) as log:
        if n := len(runs) - len(sweep.done):
            jobs = [sweep.left[i : i + runs_per_job] for i in range(0, len(sweep.left), runs_per_job)]
            with ProgressView(console, config.live, config.name, n, "runs") as view:
                play(sweep, jobs, launch, view, log)
            finish_killed(folder, console)
    print_outcomes(console, len(runs), sweep.done, sweep.outcomes.values(), sweep.place.directory, uri)
    if sweep.failed:
        n, first = counted(len(runs), "run"), sweep.failed[0]
        raise SweepError(f"{len(sweep.failed)} of {n} failed, the first {first.title}: {first.error}")


def sort_out(sweep: Sweep, runs: Sequence[Run], console: Console, live: bool | None) -> None:
    """Which runs are finished already, which cannot begin, which are left; trains whoever must be first."""
    finished = finished_in(sweep.place.folder)
    points = by_point(runs)
    is_shown = console.is_terminal if live is None else live
    for point, own in track(points.items(), "checked", console=console, transient=True, disable=not is_shown):
        try:
            prepared = prepare(*composed([*point, *seed_of(own[0])]), console, live)
        except ConfigError as error:
            for run in own:
                tell(sweep.place.outcomes, not_begun(run, error))
            continue
        if prepared.plan.config.output.mlflow:
            sweep.is_tracked = True
            sweep.is_real |= isinstance(prepared.plan.config.env, PipelineSchema)
        for run in own:
            seed = prepared.identity.seed if run.seed is None else run.seed
            if directory := finished.get(replace(prepared.identity, seed=seed).run_hash):
                sweep.done.add(directory)
            else:
                sweep.left.append(run)
    sweep.place.write_runs(sweep.done)


def play(sweep: Sweep, jobs: Sequence[Sequence[Run]], launch: Launch, view: ProgressView, log: "Log") -> None:
    """Have all jobs done; if the launcher breaks, what is left is tried again, each run on its own.

    Raises:
        SweepError: the launcher broke before any run ended.
        KeyboardInterrupt: what was under way is not finished.
    """
    place, known = sweep.place, set[int]()

    def on_outcome(outcome: Outcome) -> None:
        sweep.outcomes[outcome.number] = outcome
        view.done(outcome.title, outcome.error)
        if outcome.status == RunStatus.FINISHED:
            sweep.done.add(outcome.directory)
            place.write_runs(sweep.done)
        if outcome.directory and outcome.is_simulated:
            log.add(place.folder / outcome.directory)

    while True:
        n_heard, broken = len(known), None
        with Watch(place.outcomes, known, on_outcome):
            if jobs:
                try:
                    launch(Jobs(jobs, place.outcomes, log.tracked), [job[0].overrides for job in jobs])
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
            for run in left:
                tell(place.outcomes, not_begun(run, reason))
            jobs = []


class Log:
    """A sweep's entry in MLflow, or none.

    Attributes:
        tracked: where runs of the real pipeline go while they go on.
    """

    def __init__(self, sweep_log: SweepLog | None, tracked: Tracked | None) -> None:
        self._sweep_log, self.tracked = sweep_log, tracked

    def add(self, directory: Path) -> None:
        """A run to be a child."""
        if self._sweep_log is not None:
            self._sweep_log.add(directory)


@contextlib.contextmanager
def opened_log(sweep: Sweep, uri: str, results: Path, console: Console) -> Iterator[Log]:
    """Meanwhile, MLflow takes up what is finished, unless `uri` is "". Its trouble is said, not raised."""
    if not uri:
        yield Log(None, None)
        return
    place = sweep.place
    parent = place.about["mlflow_run"] if place.about.get("mlflow_uri") == uri else ""
    tags = {"overrides": " ".join(place.about["overrides"])}
    with SweepLog(
        uri, artifacts_of(uri, results), place.folder.name, place.id, tags, place.log, parent, place.directory
    ) as sweep_log:
        tracked = None
        if sweep.is_real:  # its runs are children from their beginning
            tracked = Tracked(uri, sweep_log.parent_id)
        for directory in sorted(sweep.done):
            sweep_log.add(place.folder / directory)
        status = RunStatus.FINISHED
        try:
            yield Log(sweep_log, tracked)
            status = RunStatus.FAILED if sweep.failed else RunStatus.FINISHED
        except BaseException as error:
            status = status_of(error)
            raise
        finally:
            finish(sweep_log, status, place, uri, console)


def finish(sweep_log: SweepLog, status: RunStatus, place: Place, uri: str, console: Console) -> None:
    """Wait for what is not written yet."""
    try:
        with console.status("MLflow takes up the last runs") as shown:
            sweep_log.finish(status, lambda left: shown.update(f"MLflow takes up the last runs: {left} left"))
            place.about |= {"mlflow_uri": uri, "mlflow_run": sweep_log.parent_id}
            place.write()
    except TrackingError as error:
        console.print(
            f"{error}; all runs are on disk: python -m experiments.runs_to_mlflow {place.folder}",
            style="bold yellow",
            markup=False,
            soft_wrap=True,
        )
