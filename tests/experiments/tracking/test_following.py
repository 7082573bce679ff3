"""A process of its own follows what goes on into MLflow, whatever becomes of it, of the store, of itself."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.runs.record import SUMMARY, RunStatus
from experiments.tracking import following
from experiments.tracking.following import Follower, TrackingError, follow
from experiments.tracking.importing import MlflowImporter
from tests.experiments.tracking.conftest import STEPS
from tests.experiments.tracking.stored import GoingOn, Stored, found

PATIENCE_S = 100.0


def until(holds: Callable[[], Any], what: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


def is_in(directory: Path) -> bool:
    known = found(directory)
    return known is not None and known[1] != "RUNNING"


def test_a_run_is_followed_and_nobody_waits_but_in_the_end(results, recorded):
    run, stored = GoingOn(recorded, results / "main" / "c"), Stored(results)
    follower = Follower(run.directory, stored.uri, results / "mlflow.log")
    assert found(run.directory) is None  # it goes on while its follower is still starting
    run.write(0, 10)
    until(lambda: found(run.directory), "MLflow does not hear of it")
    until(lambda: stored.steps(run.directory) == list(range(10)), "its rows do not arrive")
    assert stored.statuses() == {"c": "RUNNING"}
    run.write(10, STEPS)
    run.end(RunStatus.KILLED)
    (run.directory / "trace.png").write_text("made after its end")
    follower.finish()
    assert stored.statuses() == {"c": "KILLED"}
    assert stored.steps(run.directory) == list(range(STEPS))
    assert list((results / "mlflow-artifacts").rglob("trace.png"))
    run.die()


def test_a_run_that_is_over_in_a_moment_is_imported_then(results, recorded):
    run, stored = GoingOn(recorded, results / "main" / "c", env="simulator"), Stored(results)
    follower = Follower(run.directory, stored.uri, results / "mlflow.log")
    run.write(0, STEPS)
    run.end()
    follower.finish()
    assert stored.statuses() == {"c": "FINISHED"}
    assert "thinned" in stored.pairs("tags", run.directory)["trace"]
    run.die()


def test_a_run_that_is_killed_is_completed_by_its_follower(results, recorded):
    run, stored = GoingOn(recorded, results / "main" / "c"), Stored(results)
    follower = Follower(run.directory, stored.uri, results / "mlflow.log")
    run.write(0, 5)
    until(lambda: found(run.directory), "MLflow does not hear of it")
    run.die()
    until(lambda: is_in(run.directory), "it is not completed")
    follower.finish()
    assert stored.statuses() == {"c": "KILLED"}
    assert json.loads((run.directory / SUMMARY).read_text())["status"] == "KILLED"


def test_a_store_that_fails_harms_nothing_and_is_one_sentence(results, recorded):
    run = GoingOn(recorded, results / "main" / "c")
    follower = Follower(run.directory, "nonsense://nowhere", results / "mlflow.log")
    run.write(0, STEPS)
    run.end()
    with pytest.raises(TrackingError, match=r"did not take all: .*nonsense.*mlflow\.log"):
        follower.finish()
    run.die()


def test_a_store_that_fails_on_the_way_is_tried_again(results, recorded):
    """In this process: nobody needs to wait for a retry."""
    run, stored = GoingOn(recorded, results / "main" / "c"), Stored(results)
    waits: list[float] = []

    def waited(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 2:
            stored.path.rename(results / "away.db")
            run.write(0, STEPS)
        if len(waits) == 3:
            (results / "away.db").rename(stored.path)
            run.end()
        return len(waits) > 2

    assert follow(MlflowImporter(follows=True), run.directory, waited, lambda _: None) == []
    assert waits == [0.0, following.LOOK_EVERY_S, following.LOOK_EVERY_S]
    assert stored.statuses() == {"c": "FINISHED"}
    assert stored.steps(run.directory) == list(range(STEPS))
    run.die()
