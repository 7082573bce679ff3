"""A store of MLflow's, read back with plain SQL, and runs that lie beside it."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from experiments.runs.record import SUMMARY, RunStatus
from experiments.runs.trace import JOURNAL, TRACE, TraceWriter, read_trace

PARENT = "mlflow.parentRunId"


class Stored:
    """What a SQLite store has.

    Args:
        results: the folder of all results; the store is beside the runs.
    """

    def __init__(self, results: Path) -> None:
        self.path = results / "mlflow.db"
        self.uri = f"sqlite:///{self.path}"

    def query(self, sql: str, *values: str) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql, values).fetchall()

    def statuses(self) -> dict[str, str]:
        return dict(self.query("select name, status from runs"))

    def pairs(self, table: str, directory: Path) -> dict[str, Any]:
        """Tags, params or latest_metrics of a directory's run."""
        return dict(self.query(f"select key, value from {table} where run_uuid = ?", run_id(directory)))

    def steps(self, directory: Path, metric: str = "qoe") -> list[int]:
        sql = "select step from metrics where run_uuid = ? and key = ? order by step"
        return [step for (step,) in self.query(sql, run_id(directory), metric)]


def found(directory: Path) -> tuple[str, str] | None:
    """Id and status of a directory's run, in the nearest store above it."""
    results = next(parent for parent in directory.parents if (parent / "mlflow.db").is_file())
    sql = "select run_uuid, status from runs join tags using (run_uuid) where lifecycle_stage = 'active'"
    rows = Stored(results).query(f"{sql} and key = 'directory' and value = ?", str(directory.resolve()))
    assert len(rows) <= 1
    return rows[0] if rows else None


def run_id(directory: Path) -> str:
    known = found(directory)
    assert known is not None
    return known[0]


def rewrite(directory: Path, **facts: Any) -> None:
    """Have a run's summary say something else."""
    summary = json.loads((directory / SUMMARY).read_text())
    (directory / SUMMARY).write_text(json.dumps(summary | facts))


class GoingOn:
    """A run of the real pipeline that goes on, as its directory has it: a copy of one that was recorded.

    Args:
        recorded: a run that ended.
        directory: of the copy.
        env: as its summary has it.
    """

    def __init__(self, recorded: Path, directory: Path, env: str = "pipeline") -> None:
        shutil.copytree(recorded, directory)
        self.directory, self.rows = directory, read_trace(directory).to_dict("records")
        self._summary = (directory / SUMMARY).read_text()
        (directory / TRACE).unlink()
        self._env = env
        rewrite(directory, status=RunStatus.RUNNING, env=env)
        self.journal = TraceWriter(directory)

    def write(self, first: int, last: int) -> None:
        for row in self.rows[first:last]:
            self.journal.write(row)

    def end(self, status: RunStatus = RunStatus.FINISHED) -> None:
        """Say how it ended; its process goes on, and makes pictures."""
        self.journal.note(status=status, error="")
        (self.directory / SUMMARY).write_text(self._summary)
        rewrite(self.directory, env=self._env, status=status)

    def die(self) -> None:
        """Be gone."""
        self.journal.close()

    @property
    def path(self) -> Path:
        return self.directory / JOURNAL
