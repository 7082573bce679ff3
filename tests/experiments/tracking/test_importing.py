"""Directories become runs in MLflow, once: read back from a real SQLite store."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from experiments.runs.record import SUMMARY, RunStatus
from experiments.runs.trace import JOURNAL, TRACE, read_trace
from experiments.tracking.importing import GOING_ON, IMPORTED, THERE, MlflowImporter
from experiments.tracking.store import Store
from tests.experiments.tracking.conftest import STEPS
from tests.experiments.tracking.stored import PARENT, GoingOn, Stored, found, rewrite, run_id

WIDTH = 4  # of the bins that STEPS are thinned to, so that a run fits in one call
CALL = 1000  # values that MLflow takes in one


def took(importer: MlflowImporter, path: Path) -> dict[str, str]:
    """What became of each run, by its directory's name."""
    return {run.name: became for run, became in importer.take(path)}


# --- runs ---


def test_a_run_is_imported_once_thinned_and_says_what_it_is(results):
    stored, run = Stored(results), results / "main" / "a"
    assert took(MlflowImporter(), run) == {"a": IMPORTED}
    assert took(MlflowImporter(), run) == {"a": THERE}
    assert stored.statuses() == {"a": "FINISHED"}
    summary = json.loads((run / SUMMARY).read_text())
    tags, params = stored.pairs("tags", run), stored.pairs("params", run)
    named = ("agent", "hardware", "scenario", "video", "slo", "env", "spec_hash", "config_hash", "run_hash")
    assert {name: tags[name] for name in named} == {name: summary[name] for name in named}
    assert (tags["seed"], tags["weights"], tags["directory"]) == ("0", "simulated", str(run))
    assert tags["mlflow.note.content"].startswith("rule on traffic (simulator), hardware rpi5")
    assert (params["env.steps"], params["seed"]) == (str(STEPS), "0")
    latest = stored.pairs("latest_metrics", run)
    assert latest["summary.qoe_mean"] == pytest.approx(summary["qoe_mean"])
    assert latest["summary.frames.offered"] == summary["frames"]["offered"]


def test_a_simulated_trace_is_thinned_to_means_and_says_so(results):
    stored, run = Stored(results), results / "main" / "a"
    took(MlflowImporter(), run)
    sql = "select step, value from metrics where run_uuid = ? and key = 'ratios.load' order by step"
    means_at = dict(stored.query(sql, run_id(run)))
    load = read_trace(run)["ratios.load"].to_numpy()
    means = [load[first : first + WIDTH].mean() for first in range(0, STEPS, WIDTH)]
    assert list(means_at) == [*range(WIDTH - 1, STEPS - 1, WIDTH), STEPS - 1]  # the last are fewer
    assert list(means_at.values()) == pytest.approx(means)
    assert stored.query("select count(*) from metrics")[0][0] <= CALL
    assert f"thinned to every {WIDTH} steps" in stored.pairs("tags", run)["trace"]


def test_whole_traces_are_imported_of_the_pipeline(results):
    stored, run = Stored(results), results / "main" / "a"
    rewrite(run, env="pipeline")
    took(MlflowImporter(), run)
    assert stored.steps(run, "metrics.hop_buffer_ms") == list(range(STEPS))
    assert stored.pairs("tags", run)["trace"] == "whole"


def test_files_are_kept_as_artifacts(results):
    took(MlflowImporter(), results / "main" / "a")
    kept = sorted(path.name for path in (results / "mlflow-artifacts").rglob("*.*") if path.is_file())
    assert kept == ["config.yaml", "summary.json", "trace.parquet"]


def test_infinity_is_left_to_the_trace(results):
    run = results / "main" / "a"
    trace = read_trace(run).assign(**{"metrics.hop_buffer_ms": np.inf})
    trace.to_parquet(run / TRACE)
    rewrite(run, env="pipeline")
    took(MlflowImporter(), run)
    assert Stored(results).steps(run, "metrics.hop_buffer_ms") == []
    assert Stored(results).steps(run) == list(range(STEPS))


def test_a_parameter_that_is_too_long_for_mlflow_is_cut_and_harms_nothing(results):
    run = results / "main" / "a"
    with (run / "config.yaml").open("a") as config:
        config.write(f"'list[0] (s)': 1\ntoo_long: {'x' * 10_000}\n")
    took(MlflowImporter(), run)
    params = Stored(results).pairs("params", run)
    assert params["list_0_ _s_"] == "1"
    assert 500 < len(params["too_long"]) < 10_000


@pytest.mark.parametrize(("status", "in_mlflow"), [("DEGRADED", "FAILED"), ("KILLED", "KILLED")])
def test_a_run_that_did_not_finish_is_none_that_did_in_mlflow(status, in_mlflow, results):
    run = results / "main" / "a"
    rewrite(run, status=status, error="it broke")
    took(MlflowImporter(), run)
    assert Stored(results).statuses() == {"a": in_mlflow}
    tags = Stored(results).pairs("tags", run)
    assert (tags["status"], tags["error"]) == (status, "it broke")


def test_an_import_that_broke_off_is_done_again_without_doubling(results, monkeypatch):
    run, stored = results / "main" / "a", Stored(results)
    rewrite(run, env="pipeline")

    def broken(*_: object) -> None:
        raise MlflowException("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "keep", broken)
        with pytest.raises(MlflowException):
            took(MlflowImporter(), run)
    first, n = found(run), stored.query("select count(*) from metrics")
    assert first is not None and first[1] == "RUNNING"
    assert took(MlflowImporter(), run) == {"a": IMPORTED}
    assert found(run) == (first[0], "FINISHED")
    assert stored.query("select count(*) from metrics") == n
    assert stored.steps(run) == list(range(STEPS))


def test_a_run_that_was_deleted_in_mlflow_comes_back(results):
    run = results / "main" / "a"
    took(MlflowImporter(), run)
    first = run_id(run)
    MlflowClient(Stored(results).uri).delete_run(first)
    assert took(MlflowImporter(), run) == {"a": IMPORTED}
    assert run_id(run) != first


def test_a_directory_that_cannot_be_read_does_not_stop_the_others(results):
    (results / "main" / "a" / TRACE).unlink()
    became = took(MlflowImporter(), results / "main")
    assert became["a"].startswith("unreadable: FileNotFoundError")
    assert became["b"] == IMPORTED


# --- runs that go on ---


def test_a_run_that_goes_on_is_left_alone_unless_it_is_followed(results, recorded):
    going_on = GoingOn(recorded, results / "main" / "c")
    assert took(MlflowImporter(), going_on.directory) == {"c": GOING_ON}
    assert found(going_on.directory) is None
    going_on.die()


def test_whole_lines_are_taken_as_they_come_and_the_rest_in_the_end(results, recorded):
    going_on, stored = GoingOn(recorded, results / "main" / "c"), Stored(results)
    importer = MlflowImporter(follows=True)
    going_on.write(0, 2)
    with going_on.path.open("a") as journal:
        journal.write('{"step": 2, "ended')
    took(importer, going_on.directory)
    assert stored.steps(going_on.directory) == [0, 1]
    assert stored.statuses() == {"c": "RUNNING"}
    with going_on.path.open("a") as journal:
        journal.write(json.dumps(going_on.rows[2]).removeprefix('{"step": 2, "ended') + "\n")
    going_on.write(3, STEPS)
    took(importer, going_on.directory)
    assert stored.steps(going_on.directory) == list(range(STEPS))
    going_on.end()
    going_on.die()
    assert took(importer, going_on.directory) == {"c": IMPORTED}
    assert stored.steps(going_on.directory) == list(range(STEPS))
    assert stored.statuses() == {"c": "FINISHED"}


def test_what_a_store_refuses_is_sent_again(results, recorded, monkeypatch):
    going_on, importer = GoingOn(recorded, results / "main" / "c"), MlflowImporter(follows=True)
    took(importer, going_on.directory)
    going_on.write(0, STEPS)
    taken: list[int] = []
    write = Store.write

    def fail(self: Store, run_id: str, points=(), *more: Any, **named: Any) -> None:
        if points and not taken:
            taken.append(len(points))
            write(self, run_id, points[:500])
            raise MlflowException("locked")
        write(self, run_id, points, *more, **named)

    monkeypatch.setattr(Store, "write", fail)
    with pytest.raises(MlflowException):
        took(importer, going_on.directory)
    took(importer, going_on.directory)
    assert Stored(results).steps(going_on.directory) == list(range(STEPS))
    going_on.die()


def test_a_run_whose_process_is_gone_is_killed_and_keeps_its_rows(results, recorded):
    going_on, importer = GoingOn(recorded, results / "main" / "c"), MlflowImporter(follows=True)
    going_on.write(0, 5)
    took(importer, going_on.directory)
    going_on.die()
    took(importer, going_on.directory)
    assert Stored(results).statuses() == {"c": "KILLED"}
    assert Stored(results).steps(going_on.directory) == list(range(5))
    assert "killed" in Stored(results).pairs("tags", going_on.directory)["error"]
    assert json.loads((going_on.directory / SUMMARY).read_text())["status"] == "KILLED"
    assert not (going_on.directory / JOURNAL).exists()


# --- sweeps ---


def a_sweep(results: Path, **about: str) -> Path:
    """The directory of a sweep that has run `a`."""
    sweep = results / "main" / "sweeps" / "s1"
    sweep.mkdir(parents=True)
    (sweep / "runs.json").write_text('["a"]')
    whole = {"started": "2026-01-01 00:00:00", "command": "python -m experiments.run -m 'agent=rule'"}
    (sweep / "sweep.json").write_text(json.dumps({**whole, **about}))
    (sweep / "lock").touch()
    return sweep


@contextmanager
def held(sweep: Path) -> Iterator[None]:
    """Meanwhile, the sweep's process lives."""
    with (sweep / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def swept(results) -> Iterator[tuple[Path, Stored]]:
    """A sweep that was begun and killed, and then went on to its end, with a run that says it is its."""
    sweep, stored = a_sweep(results, status="RUNNING"), Stored(results)
    with held(sweep):
        took(MlflowImporter(follows=True), sweep)
        assert stored.statuses() == {"a": "FINISHED", "s1": "RUNNING"}
    took(MlflowImporter(), sweep)
    assert stored.statuses() == {"a": "FINISHED", "s1": "KILLED"}
    rewrite(results / "main" / "b", sweep="s1", status="FAILED", error="it broke", run_hash="another")
    report = results / "comparisons" / "main-20260101-000000"
    report.mkdir(parents=True)
    (report / "table.md").write_text("| agent | score |")
    with held(sweep):
        took(MlflowImporter(follows=True), sweep)
        assert stored.statuses() == {"a": "FINISHED", "b": "FAILED", "s1": "RUNNING"}
        (sweep / "sweep.json").write_text(
            json.dumps(json.loads((sweep / "sweep.json").read_text()) | {"status": "FINISHED"})
        )
        took(MlflowImporter(follows=True), sweep)  # its process waits for that
    yield sweep, stored


def test_a_run_of_a_sweep_is_its_child_while_it_goes_on(results, recorded):
    sweep, stored = a_sweep(results, status="RUNNING"), Stored(results)
    going_on = GoingOn(recorded, results / "main" / "c")
    rewrite(going_on.directory, sweep="s1")
    going_on.write(0, 2)
    with held(sweep):
        assert took(MlflowImporter(follows=True), sweep) == {"a": IMPORTED, "c": GOING_ON}
    assert stored.statuses() == {"a": "FINISHED", "c": "RUNNING", "s1": "RUNNING"}
    assert stored.pairs("tags", going_on.directory)[PARENT] == run_id(sweep)
    assert stored.steps(going_on.directory) == [0, 1]
    going_on.die()


def test_a_sweep_has_one_run_in_mlflow_and_its_runs_are_children(swept, results):
    sweep, stored = swept
    assert stored.statuses() == {"a": "FINISHED", "b": "FAILED", "s1": "FINISHED"}
    for name in ("a", "b"):
        tags = stored.pairs("tags", results / "main" / name)
        assert (tags[PARENT], tags["sweep"]) == (run_id(sweep), "s1")
        assert tags["mlflow.source.name"] == "python -m experiments.run -m 'agent=rule'"


def test_a_sweeps_run_has_the_agents_means_over_what_finished_a_note_and_the_report(swept, results):
    sweep, stored = swept
    latest, tags = stored.pairs("latest_metrics", sweep), stored.pairs("tags", sweep)
    assert (latest["runs.finished"], latest["runs.failed"]) == (1, 1)
    qoe = json.loads((results / "main" / "a" / SUMMARY).read_text())["qoe_mean"]
    assert latest["qoe_mean.rule"] == pytest.approx(qoe)
    assert tags["mlflow.note.content"] == "2 runs of rule: 1 finished, 1 failed."
    kept = results / "mlflow-artifacts" / run_id(sweep)
    assert sorted(path.name for path in kept.rglob("*.*")) == ["runs.json", "sweep.json", "table.md"]


def test_of_a_folder_every_run_is_taken_once(results):
    a_sweep(results, status=RunStatus.FINISHED)
    assert took(MlflowImporter(), results / "main") == {"a": IMPORTED, "b": IMPORTED}
    assert PARENT in Stored(results).pairs("tags", results / "main" / "a")
    assert PARENT not in Stored(results).pairs("tags", results / "main" / "b")
    assert took(MlflowImporter(), results / "main") == {"a": THERE, "b": THERE}
