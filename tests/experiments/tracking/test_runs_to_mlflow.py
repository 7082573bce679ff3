"""What MLflow lacks of runs on disk is imported: from none, from a store that failed, from a killed run."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from experiments import runs_to_mlflow
from experiments.runs.record import SUMMARY, RunStatus, kept_files, write_summary
from experiments.runs.trace import JOURNAL, TRACE, drop_journal, read_trace, write_trace
from experiments.sweeps.recover import finish
from experiments.tracking.entry import Entry, read_entry, write_entry
from experiments.tracking.messages import Closing, Request
from experiments.tracking.run import MlflowRun, TrackingError, mark_killed
from experiments.tracking.store import Store
from tests.experiments.recorded import record

STEPS = 60


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """A real run that no store knows."""
    return record(tmp_path_factory.mktemp("results"), "agent=rule", f"env.steps={STEPS}")


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory) -> Path:
    """Making one takes as long as ten imports."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    Store(f"sqlite:///{path}", "", "another")
    return path


@pytest.fixture
def results(tmp_path, recorded, empty_store) -> Path:
    """A folder of all results with two runs of the name `main`, none of them in MLflow."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    for name in ("a", "b"):
        shutil.copytree(recorded, tmp_path / "main" / name)
    return tmp_path


def query(results: Path, sql: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(results / "mlflow.db")) as connection:
        return connection.execute(sql, values).fetchall()


def steps_of(results: Path, run: str, metric: str = "qoe") -> list[int]:
    sql = "select step from metrics join runs using (run_uuid) where name = ? and key = ? order by step"
    return [step for (step,) in query(results, sql, run, metric)]


def program(monkeypatch, *words: str) -> int:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("sys.argv", ["runs_to_mlflow", *words])
    return runs_to_mlflow.main()


def test_a_folder_of_runs_is_imported_once(results, monkeypatch, capsys):
    running = results / "main" / "running"
    shutil.copytree(results / "main" / "a", running)
    summary = json.loads((running / SUMMARY).read_text())
    (running / SUMMARY).write_text(json.dumps({**summary, "status": RunStatus.RUNNING}))
    assert program(monkeypatch, str(results / "main")) == 0
    assert "2 runs imported, 1 run still going on" in capsys.readouterr().out
    assert program(monkeypatch, str(results / "main"), str(results / "main" / "a")) == 0
    assert "2 runs there already" in capsys.readouterr().out
    assert sorted(query(results, "select name, status from runs")) == [("a", "FINISHED"), ("b", "FINISHED")]
    assert len(steps_of(results, "a")) < STEPS


def test_whole_traces_are_imported_where_that_is_asked_for(results, monkeypatch):
    assert program(monkeypatch, "--whole", str(results / "main" / "a")) == 0
    assert steps_of(results, "a") == list(range(STEPS))
    assert steps_of(results, "a", "metrics.hop_buffer_ms") == list(range(STEPS))


def test_runs_of_a_sweep_become_its_children(results, monkeypatch):
    sweep = results / "main" / "sweeps" / "s1"
    sweep.mkdir(parents=True)
    (sweep / "runs.json").write_text('["a"]')
    assert program(monkeypatch, str(results / "main")) == 0
    sql = "select parents.name from tags join runs using (run_uuid) join runs parents on tags.value = "
    sql += "parents.run_uuid where tags.key = 'mlflow.parentRunId' and runs.name = ?"
    assert query(results, sql, "a") == [("s1",)]
    assert query(results, sql, "b") == []


def test_a_directory_that_cannot_be_read_does_not_stop_the_others(results, monkeypatch, capsys):
    (results / "main" / "a" / TRACE).unlink()
    assert program(monkeypatch, str(results / "main")) == 1
    said = capsys.readouterr().out
    assert "a cannot be read: FileNotFoundError" in said
    assert "1 run imported" in said


def test_what_is_no_folder_of_runs_ends_the_program_in_one_sentence(tmp_path, monkeypatch, capsys):
    assert program(monkeypatch, str(tmp_path / "nowhere")) == 2
    assert program(monkeypatch, str(tmp_path)) == 2
    missing, empty = capsys.readouterr().err.splitlines()
    assert "there is no folder" in missing
    assert "has no run" in empty


class Live:
    """A run that MLflow follows, as one of the real pipeline; its process can be killed."""

    def __init__(self, results: Path, run: str) -> None:
        self.directory = results / "main" / run
        self.rows = read_trace(self.directory).to_dict("records")
        (self.directory / TRACE).unlink()
        self.journal = self.directory / JOURNAL
        self.journal.touch()
        self.uri = f"sqlite:///{results / 'mlflow.db'}"
        artifacts = (results / "mlflow-artifacts").as_uri()
        about = {"experiment": "main", "run": run, "tags": {}, "params": {"env.steps": str(STEPS)}}
        request = Request(uri=self.uri, artifacts=artifacts, journal=str(self.journal), **about)
        before = set(psutil.Process().children())
        self.log = MlflowRun(request, self.directory / "mlflow.log")
        (self.process,) = set(psutil.Process().children()) - before
        self.run_id = self.log.wait_opened()

    def write(self, n: int) -> None:
        with self.journal.open("a") as journal:
            journal.writelines(json.dumps(row) + "\n" for row in self.rows[:n])

    def finish(self) -> None:
        files = tuple(str(path) for path in kept_files(self.directory))
        self.log.finish(Closing(status="FINISHED", error="", figures={}, files=files))


def test_a_store_that_fails_on_the_way_gets_the_rest_afterwards(results, monkeypatch):
    live = Live(results, "a")
    (results / "mlflow.db").rename(results / "away.db")
    live.write(STEPS)
    write_trace(live.directory)
    drop_journal(live.directory)
    with live.log, pytest.raises(TrackingError, match=r"did not take all of the run: .*readonly"):
        live.finish()
    (results / "away.db").rename(results / "mlflow.db")
    assert len(read_trace(live.directory)) == STEPS
    assert program(monkeypatch, str(live.directory)) == 0
    entry = read_entry(live.directory)
    assert entry is not None
    assert (entry.run_id, entry.complete) == (live.run_id, True)
    assert steps_of(results, "a") == list(range(STEPS))


def test_what_was_killed_with_its_scribe_is_marked_at_the_next_start_and_completed(results):
    sweep = results / "main" / "sweeps" / "s1"
    sweep.mkdir(parents=True)
    store = Store(f"sqlite:///{results / 'mlflow.db'}", (results / "kept").as_uri(), "main")
    write_entry(sweep, Entry(store.uri, store.create("s1", {}), RunStatus.RUNNING, complete=False))
    live = Live(results, "a")
    live.write(20)
    summary = json.loads((live.directory / SUMMARY).read_text())
    write_summary(live.directory, summary | {"status": RunStatus.RUNNING})
    live.process.kill()
    live.log.close()
    assert query(results, "select distinct status from runs") == [("RUNNING",)]
    finish(live.directory)
    mark_killed([live.directory, sweep])
    assert dict(query(results, "select name, status from runs")) == {"a": "KILLED", "s1": "KILLED"}
    assert steps_of(results, "a") == list(range(20))
    entry = read_entry(live.directory)
    assert entry is not None
    assert (entry.status, entry.complete) == ("KILLED", True)
