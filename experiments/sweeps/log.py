"""A sweep's entry in MLflow, while the sweep goes on."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from experiments.execution.extras import Tracked
from experiments.runs.record import RunStatus, status_of
from experiments.sweeps.place import Place
from experiments.tracking.run import TrackingError, artifacts_of
from experiments.tracking.sweep_log import SweepLog


class Log:
    """The entry, or none.

    Attributes:
        tracked: where runs of the real pipeline go while they go on.
        has_failures: whether a run did not come to its own end.
    """

    def __init__(self, sweep_log: SweepLog | None, tracked: Tracked | None) -> None:
        self._sweep_log, self.tracked = sweep_log, tracked
        self.has_failures = False

    def add(self, directory: Path) -> None:
        """A run to be a child."""
        if self._sweep_log is not None:
            self._sweep_log.add(directory)


@contextlib.contextmanager
def opened_log(
    place: Place, uri: str, results: Path, is_real: bool, done: Iterable[str], console: Console
) -> Iterator[Log]:
    """Meanwhile, MLflow takes up what is finished; if it lacks something in the end, that is only said.

    Args:
        place: of the sweep; its entry is taken up again if it has one in that store.
        uri: of the store; "" = nothing is logged.
        results: the folder of all results.
        is_real: whether runs are to be children from their beginning.
        done: directories of runs that were finished before.
        console: for what is to be said.

    Raises:
        TrackingError: there are such runs, and MLflow cannot open the sweep.
    """
    if not uri:
        yield Log(None, None)
        return
    with SweepLog(
        uri,
        artifacts_of(uri, results),
        experiment=place.folder.name,
        name=place.id,
        tags={"overrides": " ".join(place.about["overrides"])},
        log=place.log,
        directory=place.directory,
    ) as sweep_log:
        log = Log(sweep_log, Tracked(uri, sweep_log.parent_id) if is_real else None)
        for directory in sorted(done):
            log.add(place.folder / directory)
        status = RunStatus.FINISHED
        try:
            yield log
            status = RunStatus.FAILED if log.has_failures else RunStatus.FINISHED
        except BaseException as error:
            status = status_of(error)
            raise
        finally:
            finish(sweep_log, status, place.folder, console)


def finish(sweep_log: SweepLog, status: RunStatus, folder: Path, console: Console) -> None:
    """Wait for what is not written yet."""
    try:
        with console.status("MLflow takes up the last runs") as shown:
            sweep_log.finish(status, lambda left: shown.update(f"MLflow takes up the last runs: {left} left"))
    except TrackingError as error:
        console.print(
            f"{error}; all runs are on disk: python -m experiments.runs_to_mlflow {folder}",
            style="bold yellow",
            markup=False,
            soft_wrap=True,
        )
