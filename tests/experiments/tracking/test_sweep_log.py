"""A sweep in MLflow: real runs of the simulator, read back from the SQLite store with plain SQL."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from experiments.runs.record import SUMMARY, RunStatus
from experiments.runs.trace import read_trace
from experiments.tracking.entry import read_entry
from experiments.tracking.run import TrackingError
from experiments.tracking.store import BATCH
from experiments.tracking.sweep_log import SweepLog
from experiments.tracking.sweep_to_mlflow import sweep_figures
from tests.experiments.recorded import record

STEPS = 90
WIDTH = 3  # of the bins that these are thinned to, so that a run fits in one call


class Sweep:
    """A sweep of three runs, and the store that took it."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.directory = results / "main" / "sweeps" / "s1"
        self.directory.mkdir(parents=True)
        (self.directory / "sweep.json").write_text("{}")
        self.runs = [record(results, "agent=rule", f"seed={seed}", f"env.steps={STEPS}") for seed in (0, 1)]
        self.runs.append(record(results, "agent=static", f"env.steps={STEPS}"))
        self.heard: list[int] = []

    def log(self, parent: str = "") -> SweepLog:
        uri, artifacts = f"sqlite:///{self.results}/mlflow.db", (self.results / "kept").as_uri()
        about = (uri, artifacts, "main", "s1", {"overrides": "agent=rule,static"})
        return SweepLog(*about, self.results / "mlflow.log", parent, self.directory)

    def query(self, sql: str, *values: str) -> list[Any]:
        with closing(sqlite3.connect(self.results / "mlflow.db")) as connection:
            return connection.execute(sql, values).fetchall()

    def pairs(self, table: str, directory: Path) -> dict[str, Any]:
        return dict(self.query(f"select key, value from {table} where run_uuid = ?", id_of(directory)))

    def complaints(self) -> str:
        return (self.results / "mlflow.log").read_text()


def id_of(directory: Path) -> str:
    entry = read_entry(directory)
    assert entry is not None
    return entry.run_id


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> Sweep:
    """Killed after its first run; then resumed, to its end."""
    sweep = Sweep(tmp_path_factory.mktemp("results"))
    with sweep.log() as log:
        log.add(sweep.runs[0])
        first = log.parent_id
    assert sweep.query("select status from runs where run_uuid = ?", first) == [("KILLED",)]
    failed = json.loads((sweep.runs[1] / SUMMARY).read_text())
    (sweep.runs[1] / SUMMARY).write_text(json.dumps({**failed, "status": "FAILED", "error": "it broke"}))
    with sweep.log(parent=first) as log:
        assert log.parent_id == first
        for run in sweep.runs:
            log.add(run)
        log.add(sweep.results / "nowhere")
        with pytest.raises(TrackingError, match="1 run of the sweep"):
            log.finish(RunStatus.FINISHED, sweep.heard.append)
    return sweep


def test_a_sweep_that_was_killed_is_taken_up_again(sweep):
    name = "select name, status from runs where run_uuid = ?"
    assert sweep.query(name, id_of(sweep.directory)) == [("s1", "FINISHED")]
    assert sweep.query("select count(*) from runs") == [(4,)]


def test_every_run_is_a_child_with_its_own_end(sweep):
    names = ("rule-rpi5-steady-s0", "rule-rpi5-steady-s1", "static-rpi5-steady-s0")
    for run, name, status in zip(sweep.runs, names, ("FINISHED", "FAILED", "FINISHED"), strict=True):
        found = sweep.query("select name, status from runs where run_uuid = ?", id_of(run))
        assert found == [(name, status)]
        assert sweep.pairs("tags", run)["mlflow.parentRunId"] == id_of(sweep.directory)
    assert sweep.pairs("tags", sweep.runs[1])["error"] == "it broke"


def test_a_child_says_what_it_is(sweep):
    summary = json.loads((sweep.runs[0] / SUMMARY).read_text())
    tags, params = sweep.pairs("tags", sweep.runs[0]), sweep.pairs("params", sweep.runs[0])
    named = ("agent", "hardware", "scenario", "video", "slo", "env", "spec_hash", "config_hash", "run_hash")
    assert {name: tags[name] for name in named} == {name: summary[name] for name in named}
    assert (tags["seed"], tags["weights"], tags["sweep"]) == ("0", "simulated", "s1")
    assert "git_commit" in tags
    assert (params["env.steps"], params["seed"]) == (str(STEPS), "0")


def test_a_childs_trace_is_thinned_to_means_and_says_so(sweep):
    trace = read_trace(sweep.runs[0])
    sql = "select step, value from metrics where run_uuid = ? and key = 'ratios.load' order by step"
    found: Mapping[int, float] = dict(sweep.query(sql, id_of(sweep.runs[0])))
    means = trace["ratios.load"].to_numpy(dtype=float).reshape(-1, WIDTH).mean(axis=1)
    assert list(found) == list(range(WIDTH - 1, STEPS, WIDTH))
    assert list(found.values()) == pytest.approx(means.tolist())
    count = "select count(*) from metrics where run_uuid = ?"
    assert sweep.query(count, id_of(sweep.runs[0]))[0][0] <= BATCH
    assert f"thinned to every {WIDTH} steps" in sweep.pairs("tags", sweep.runs[0])["trace"]


def test_a_childs_summary_is_its_last_word(sweep):
    summary = json.loads((sweep.runs[0] / SUMMARY).read_text())
    latest = sweep.pairs("latest_metrics", sweep.runs[0])
    assert latest["summary.qoe_mean"] == pytest.approx(summary["qoe_mean"])
    assert latest["summary.frames.offered"] == summary["frames"]["offered"]


def test_files_of_runs_and_of_the_sweep_are_kept(sweep):
    kept = sorted(path.name for path in (sweep.results / "kept").rglob("*.*") if path.is_file())
    assert kept == sorted(["sweep.json", *["config.yaml", "summary.json", "trace.parquet"] * len(sweep.runs)])


def test_the_parent_has_the_agents_means_over_what_finished(sweep):
    latest = sweep.pairs("latest_metrics", sweep.directory)
    assert (latest["runs.finished"], latest["runs.failed"]) == (2, 1)
    qoe = json.loads((sweep.runs[0] / SUMMARY).read_text())["qoe_mean"]
    assert latest["qoe_mean.rule"] == pytest.approx(qoe)


def test_what_could_not_be_imported_is_named_in_the_log(sweep):
    assert "nowhere is not in MLflow yet" in sweep.complaints()
    assert sweep.heard == sorted(sweep.heard, reverse=True)


def test_means_are_taken_agent_by_agent_over_finished_runs():
    ended = [
        {"agent": "a", "status": "FINISHED", "qoe_mean": 0.25},
        {"agent": "a", "status": "FINISHED", "qoe_mean": 0.75},
        {"agent": "a", "status": "FAILED", "qoe_mean": 0.0},
        {"agent": "b", "status": "KILLED"},
    ]
    assert sweep_figures(ended) == {"runs.finished": 2, "runs.failed": 2, "qoe_mean.a": 0.5}
