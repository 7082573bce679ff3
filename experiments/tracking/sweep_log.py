"""A sweep in MLflow, as the sweep sees it: a parent run, and a child for every finished run's directory."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from experiments.program.formatting import counted
from experiments.runs.record import RunStatus
from experiments.tracking.messages import Add, Finish, Opening, Progress, SweepAnswer
from experiments.tracking.run import CLOSE_TIMEOUT_S, Scribe, TrackingError


class SweepLog:
    """A sweep in MLflow, written by a process of its own (`experiments.tracking.sweep_to_mlflow`).

    Nobody waits for MLflow but in `parent_id` and in `finish`.

    Args:
        uri: of the store.
        artifacts: where artifacts of a new experiment go; "" = the server's choice.
        experiment: its name in MLflow.
        name: of the sweep; the parent run has it, and each child as the tag `sweep`.
        tags: of the parent run.
        log: file that gets the process's complaints.
        parent: the sweep's run in MLflow where it has one already; "" = open one.
        directory: the sweep's own; gets `mlflow.json`, by which `tracking.mark_killed` finds the run.
    """

    def __init__(
        self,
        uri: str,
        artifacts: str,
        experiment: str,
        name: str,
        tags: Mapping[str, str],
        log: Path,
        parent: str = "",
        directory: Path | None = None,
    ) -> None:
        self._log = log
        self._scribe = Scribe("experiments.tracking.sweep_to_mlflow", log)
        self._parent_id: str | None = None
        self._scribe.tell(
            Opening(
                uri=uri,
                artifacts=artifacts,
                experiment=experiment,
                name=name,
                tags=dict(tags),
                parent=parent,
                directory="" if directory is None else str(directory.resolve()),
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def parent_id(self) -> str:
        """The sweep's run in MLflow; waits until it is open. Raises TrackingError."""
        if self._parent_id is None:
            self._parent_id = self._scribe.opened("sweep")
        return self._parent_id

    def add(self, directory: Path) -> None:
        """A finished run's directory, to become a child; one that is in MLflow already is only counted.

        If the process that writes is gone, `finish` says so: the run is on disk, the sweep goes on.
        """
        self._scribe.whisper(Add(str(directory.resolve())))

    def finish(self, status: RunStatus, report: Callable[[int], None] | None = None) -> int:
        """Wait until all is written; returns how many runs were imported now.

        Args:
            status: of the sweep.
            report: hears how many runs are left, as they get fewer.

        Raises:
            TrackingError: MLflow refused something, or took too long.
        """
        self.parent_id  # noqa: B018 - if MLflow did not let us begin, it says why
        self._scribe.tell(Finish(str(status)))
        answer: SweepAnswer = self._scribe.answer(SweepAnswer, CLOSE_TIMEOUT_S)
        while isinstance(answer, Progress):
            if report is not None:
                report(answer.left)
            answer = self._scribe.answer(SweepAnswer, CLOSE_TIMEOUT_S)
        if answer.error:
            missing = f"{counted(len(answer.missing), 'run')} of" if answer.missing else "the end of"
            raise TrackingError(
                f"MLflow did not take {missing} the sweep: {answer.error} (more in {self._log})"
            )
        return answer.imported

    def close(self) -> None:
        """End the process; twice is harmless. Without `finish`, the sweep's run becomes KILLED."""
        self._scribe.close()
