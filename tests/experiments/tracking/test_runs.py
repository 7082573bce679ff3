"""What MLflow is told of single runs, read back from a real SQLite store with plain SQL."""

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from experiments.runs.trace import JOURNAL, TraceWriter, drop_journal, write_trace
from experiments.tracking.entry import Entry, read_entry, write_entry
from experiments.tracking.journal_to_mlflow import Journal, RunLog
from experiments.tracking.messages import Closing, Request
from experiments.tracking.run import MlflowRun, TrackingError, mark_killed, tracking_uri
from experiments.tracking.store import (
    BATCH,
    Point,
    Store,
    figures_of,
    metric_name,
    summary_figures,
    summary_tags,
)
from tests.experiments.recorded import record

ROWS = [
    {"step": 0, "qoe": 0.25, "metrics.load": 0.5, "overrun": False, "error": "words are no metric"},
    {"step": 1, "qoe": 0.75, "metrics.load": math.inf, "overrun": True},
]
LIVE = ("finished", "late (at 50 %)", "child", "killed", "vanished")
HEAD = {"agent": "rule", "seed": 3, "status": "FINISHED", "error": ""}


def request(directory: Path, store: Path, name: str) -> Request:
    return Request(
        uri=f"sqlite:///{store / 'mlflow.db'}",
        artifacts=(store / "artifacts").as_uri(),
        experiment="claims",
        run=name,
        tags={"agent": "script", "weights": "none yet"},
        params={"env.steps": "2", "list[0] (s)": "1", "too.long": "x" * 10_000},
        journal=str(directory / JOURNAL),
        parent="f" * 32 if name == "child" else "",
    )


def closing_of(status: str, **more: Any) -> Closing:
    return msgspec.structs.replace(Closing(status=status, error="", figures={}, files=()), **more)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[Path]:
    """A store that six runs opened at once while it was new; each ended in its own way."""
    store = tmp_path_factory.mktemp("store")
    recorded = record(store / "results", "agent=rule", "env.steps=5")
    with ExitStack() as stack:
        runs, traces = {}, {}
        for name in LIVE:
            directory = store / name
            directory.mkdir()
            traces[name] = TraceWriter(directory)
            runs[name] = MlflowRun(request(directory, store, name), directory / "mlflow.log")
        afterwards = msgspec.structs.replace(request(recorded, store, "afterwards"), live=False)
        runs["afterwards"] = MlflowRun(afterwards, recorded / "mlflow.log")
        for run in runs.values():
            stack.enter_context(run).wait_opened()
        for name, trace in traces.items():
            for row in ROWS:
                trace.write(row)
            trace.close()
            write_trace(store / name)
            drop_journal(store / name)
        kept = (str(store / "finished" / "trace.parquet"),)
        figures = {"qoe_mean": 0.5, "latency_p95_ms": None}
        assert runs["finished"].finish(closing_of("FINISHED", figures=figures, files=kept)) == 1
        runs["late (at 50 %)"].finish(closing_of("FINISHED", tags={"weights": "trained"}, files=kept))
        runs["child"].finish(closing_of("DEGRADED", tags={"status": "DEGRADED"}))
        runs["killed"].finish(closing_of("KILLED", error="Ctrl-C"))
        runs["afterwards"].finish(closing_of("FINISHED"))
    yield store


def query(store: Path, sql: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(store / "mlflow.db")) as connection:
        return connection.execute(sql, values).fetchall()


def tags_of(store: Path, run: str) -> Mapping[str, str]:
    return dict(query(store, "select key, value from tags join runs using (run_uuid) where name = ?", run))


def test_six_runs_that_meet_a_new_store_at_once_all_get_in_and_say_how_they_ended(store):
    assert dict(query(store, "select name, status from runs")) == {
        "finished": "FINISHED",
        "late (at 50 %)": "FINISHED",
        "child": "FAILED",
        "rule-rpi5-steady-s0": "FINISHED",
        "killed": "KILLED",
        "vanished": "FAILED",
    }


def test_a_run_that_vanished_says_so_and_keeps_its_rows(store):
    assert "gone" in tags_of(store, "vanished")["error"]
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
    assert tags_of(store, "finished")["metrics_rejected"] == "1"


def test_what_is_only_known_later_is_right_in_the_end(store):
    assert tags_of(store, "finished")["weights"] == "none yet"
    assert tags_of(store, "late (at 50 %)")["weights"] == "trained"


def test_a_child_names_its_parent(store):
    assert tags_of(store, "child")["mlflow.parentRunId"] == "f" * 32
    assert "mlflow.parentRunId" not in tags_of(store, "finished")


def test_a_parameter_that_would_be_cut_is_left_to_the_config_artifact(store):
    sql = "select key, value from params join runs using (run_uuid) where name = 'finished'"
    assert dict(query(store, sql)) == {"env.steps": "2", "list_0_ _s_": "1"}


def test_files_are_kept_as_artifacts(store):
    found = sorted(path.name for path in (store / "artifacts").rglob("*.*") if path.is_file())
    assert found == sorted(["config.yaml", "summary.json", *["trace.parquet"] * 3])


def test_a_directory_says_which_run_it_is_and_whether_all_of_it_is_there(store):
    entries = {name: read_entry(store / name) for name in LIVE}
    assert all(entry is not None and entry.live for entry in entries.values())
    found = {name: (entry.status, entry.complete) for name, entry in entries.items() if entry is not None}
    assert found["finished"] == ("FINISHED", True)
    assert found["vanished"] == ("FAILED", False)


def test_a_degraded_run_is_no_finished_one_in_mlflow_and_its_tag_and_directory_say_what_it_is(store):
    entry = read_entry(store / "child")
    assert entry is not None and entry.status == "DEGRADED"
    assert tags_of(store, "child")["status"] == "DEGRADED"


def test_a_run_that_is_no_longer_than_a_moment_is_imported_when_it_is_over(store):
    recorded = next((store / "results" / "main").iterdir())
    entry = read_entry(recorded)
    assert entry is not None
    assert (entry.status, entry.complete, entry.live) == ("FINISHED", True, False)
    tags = tags_of(store, "rule-rpi5-steady-s0")
    assert (tags["agent"], tags["weights"]) == ("rule", "simulated")  # its summary's, not the request's
    assert tags["directory"] == str(recorded)
    steps = "select count(*) from metrics where run_uuid = ? and key = 'qoe'"
    assert query(store, steps, entry.run_id) == [(5,)]


def test_a_store_that_cannot_be_opened_is_one_clear_sentence(tmp_path):
    with TraceWriter(tmp_path):
        bad = msgspec.structs.replace(request(tmp_path, tmp_path, "x"), uri="nonsense://nowhere")
        run = MlflowRun(bad, tmp_path / "mlflow.log")
        with run, pytest.raises(TrackingError, match=r"did not open the run: .*nonsense"):
            run.wait_opened()


class FailingStore(Store):
    """Refuses the first calls, and keeps what it takes."""

    def __init__(self, refusals: int) -> None:
        self.uri = "nowhere"
        self.refusals = refusals
        self.taken: list[Point] = []

    def write(self, run_id, points=(), params=None, tags=None) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OSError("locked")
        assert len(points) <= BATCH
        self.taken += points


def test_what_a_store_refuses_is_sent_again_once_and_in_order(tmp_path):
    store = FailingStore(refusals=1)
    log = RunLog(store, "id", tmp_path)
    first, second = {f"m{i}": 0.0 for i in range(600)}, {f"n{i}": 0.0 for i in range(600)}
    log.add(first, step=0)
    with pytest.raises(OSError, match="locked"):
        log.add(second, step=0)
    log.send()
    assert [point.name for point in store.taken] == [*first, *second]


def test_a_row_that_was_given_out_is_not_given_again_after_an_error(tmp_path):
    path = tmp_path / JOURNAL
    path.write_text('{"step": 0}\n{"step": 1}\n{"st')
    journal = Journal(str(path))
    assert next(journal.rows()) == {"step": 0}  # whoever took it failed, and comes back
    with path.open("a") as more:
        more.write('ep": 2}\n')
    assert list(journal.rows()) == [{"step": 1}, {"step": 2}]
    journal.close()


def test_marking_what_was_killed_starts_nothing_where_mlflow_knows_of_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.tracking.run.subprocess.run", pytest.fail)
    done = tmp_path / "done"
    done.mkdir()
    write_entry(done, Entry("u", "i", "KILLED", complete=True))
    mark_killed([done, tmp_path])


def test_a_summarys_numbers_become_metrics_and_its_words_tags():
    summary = {**HEAD, "qoe_mean": 0.5, "frames": {"late": 2}, "source": {"truncated": True}}
    figures = {"qoe_mean": 0.5, "frames.late": 2, "source.truncated": 1}
    assert summary_figures(summary) == figures
    told = Closing(status="FINISHED", error="", figures=figures, files=())
    assert msgspec.json.decode(msgspec.json.encode(told), type=Closing) == told
    assert summary_tags(summary) == {"agent": "rule", "seed": "3", "status": "FINISHED"}


def test_figures_are_finite_numbers_under_names_mlflow_takes():
    row = {"p(ok) %": 1, "b": True, "nan": math.nan, "inf": -math.inf, "text": "t", "none": None}
    assert figures_of(row) == ({"p_ok_ _": 1.0, "b": 1.0}, 2)
    assert metric_name("workers.worker-0/µs") == "workers.worker-0/_s"


def test_the_users_tracking_server_comes_before_our_own_file(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert tracking_uri(tmp_path) == "http://127.0.0.1:1"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path / 'mlflow.db'}"
