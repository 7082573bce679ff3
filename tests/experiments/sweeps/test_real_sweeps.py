"""A sweep of the real pipeline, with two processes that would both like to begin."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.runs.provenance import ROOT
from tests.experiments.sweeps.test_sweeps import LAUNCHERS, environment, the_sweep

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
PARENT = "select value from tags where key = 'mlflow.parentRunId' and run_uuid = runs.run_uuid"


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Of two runs of three steps, whose workers sleep their service times."""
    results = tmp_path_factory.mktemp("results")
    command = [sys.executable, "-m", "experiments.run", "-m", "agent=static", "hardware=edge_mixed_2"]
    command += ["seed=range(2)", "env.steps=3", "output.video=false", f"results={results}"]
    command += [*LAUNCHERS["joblib"], "hydra.sweeper.runs_per_job=1"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    return results


def spoken(directory: Path) -> tuple[str, str]:
    """When a run's programs said their first and their last word, as text that can be compared."""
    times = sorted(
        line[:23]
        for log in ("producer", "collector", "worker-0", "worker-1")
        for line in (directory / "logs" / f"{log}.log").read_text(encoding="utf-8").splitlines()
        if line.startswith("20")
    )
    return times[0], times[-1]


def test_runs_of_the_real_pipeline_never_overlap_on_a_host(results):
    first, second = sorted(map(spoken, (results / "main").glob("2*")))
    assert first[1] <= second[0]


def test_each_is_a_child_of_the_sweep_in_mlflow_from_its_beginning(results):
    with sqlite3.connect(results / "mlflow.db") as store:
        rows = store.execute(f"select name, status, ({PARENT}) from runs").fetchall()
    parents = [name for name, _, parent in rows if parent is None]
    children = {name: status for name, status, parent in rows if parent is not None}
    assert len(parents) == 1
    assert the_sweep(results).name in parents[0]
    assert len(children) == 2
    assert set(children.values()) == {"FINISHED"}
