"""What MLflow is told, read back from a real SQLite store with plain SQL."""

import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from experiments.journal_to_mlflow import Closing, Request, figures_of, metric_name
from experiments.trace import JOURNAL, TraceWriter
from experiments.tracking import MlflowRun, TrackingError, tracking_uri

ROWS = [
    {"step": 0, "qoe": 0.25, "metrics.load": 0.5, "overrun": False, "error": "words are no metric"},
    {"step": 1, "qoe": 0.75, "metrics.load": math.inf, "overrun": True},
]


def request(directory: Path, store: Path, name: str) -> Request:
    return Request(
        uri=f"sqlite:///{store / 'mlflow.db'}",
        artifacts=(store / "artifacts").as_uri(),
        experiment="claims",
        run=name,
        tags={"agent": "script"},
        params={"env.steps": "2", "too.long": "x" * 10_000},
        journal=str(directory / JOURNAL),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A store that three runs opened at once while it was new; each ended in its own way."""
    store = tmp_path_factory.mktemp("store")
    runs, traces = {}, {}
    for name in ("finished", "killed", "vanished"):
        directory = store / name
        directory.mkdir()
        traces[name] = TraceWriter(directory)
        runs[name] = MlflowRun(request(directory, store, name), directory / "mlflow.log")
    for name, run in runs.items():
        run.wait_opened()
        for row in ROWS:
            traces[name].write(row)
        traces[name].close()
    kept = (str(store / "finished" / "trace.parquet"),)
    figures = {"qoe_mean": 0.5, "latency_p95_ms": None}
    finished = Closing(status="FINISHED", error="", figures=figures, files=kept)
    assert runs["finished"].finish(finished) == 1
    runs["killed"].finish(Closing(status="KILLED", error="Ctrl-C", figures={}, files=()))
    for run in runs.values():
        run.close()
    return store


def query(store: Path, sql: str) -> list[Any]:
    connection = sqlite3.connect(store / "mlflow.db")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_runs_that_meet_a_new_store_at_once_all_get_in_and_say_how_they_ended(store):
    assert dict(query(store, "select name, status from runs")) == {
        "finished": "FINISHED",
        "killed": "KILLED",
        "vanished": "FAILED",
    }


def test_a_run_that_vanished_says_so_and_keeps_its_rows(store):
    error = "select value from tags join runs using (run_uuid) where name = 'vanished' and key = 'error'"
    assert "gone" in query(store, error)[0][0]
    kept = "select count(*) from metrics join runs using (run_uuid) where name = 'vanished' and key = 'qoe'"
    assert query(store, kept) == [(2,)]


def test_figures_arrive_under_their_steps_and_infinity_is_counted_instead(store):
    sql = "select key, value, step from metrics join runs using (run_uuid) where name = 'finished'"
    found = {(key, step): value for key, value, step in query(store, sql)}
    assert found[("qoe", 0)] == 0.25
    assert found[("qoe", 1)] == 0.75
    assert found[("overrun", 1)] == 1.0
    assert found[("summary.qoe_mean", 0)] == 0.5
    assert ("metrics.load", 1) not in found
    assert ("error", 0) not in found
    counted = "select value from tags join runs using (run_uuid) where name = 'finished' and key = '{}'"
    assert query(store, counted.format("metrics_rejected")) == [("1",)]


def test_a_parameter_that_would_be_cut_is_left_to_the_config_artifact(store):
    assert dict(query(store, "select distinct key, value from params")) == {"env.steps": "2"}


def test_files_are_kept_as_artifacts(store):
    assert [path.name for path in (store / "artifacts").rglob("*.parquet")] == ["trace.parquet"]


def test_a_store_that_cannot_be_opened_is_one_clear_sentence(tmp_path):
    with TraceWriter(tmp_path):
        bad = Request(**{**_fields(request(tmp_path, tmp_path, "x")), "uri": "nonsense://nowhere"})
        run = MlflowRun(bad, tmp_path / "mlflow.log")
        with run, pytest.raises(TrackingError, match=r"did not open the run: .*nonsense"):
            run.wait_opened()


def _fields(message: Request) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


def test_figures_are_finite_numbers_under_names_mlflow_takes():
    row = {"p(ok) %": 1, "b": True, "nan": math.nan, "inf": -math.inf, "text": "t", "none": None}
    assert figures_of(row) == ({"p_ok_ _": 1.0, "b": 1.0}, 2)
    assert metric_name("workers.worker-0/µs") == "workers.worker-0/_s"


def test_the_users_tracking_server_comes_before_our_own_file(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert tracking_uri(tmp_path) == "http://127.0.0.1:1"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path / 'mlflow.db'}"
