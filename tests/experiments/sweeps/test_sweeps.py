"""`python -m experiments.run -m` as a user calls it, with each launcher."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from experiments.runs.logged import LoggedRun, runs_in
from experiments.runs.provenance import ROOT
from experiments.runs.record import RunStatus
from tests.cases import nightly_but
from tests.experiments.programs import Done, call

pytestmark = pytest.mark.timeout(300)  # programs with processes of their own
WORLD = ("env=simulator", "output.mlflow=false")
SHORT = ("agent=random,rule", "hardware=rpi5", "scenario=worker_loss", "seed=range(2)", "env.steps=20")
OURS = "tests.experiments.sweeps.agents"
WALL_CLOCK = ("ended_s", "decision_ms", "learning_ms")
LAUNCHERS = {
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "ray": ("hydra/launcher=ray", "+hydra.launcher.ray.init.num_cpus=2"),
    "slurm_local": ("hydra/launcher=slurm_local",),
}


def command(results: Path, *overrides: str) -> list[str]:
    return [sys.executable, "-m", "experiments.run", "-m", *WORLD, f"results={results}", *overrides]


def sweep(results: Path, *overrides: str) -> Done:
    """In this process, which a launcher that starts others must not be used in."""
    return call("experiments.run", "-m", *WORLD, f"results={results}", *overrides)


def started(results: Path, *overrides: str) -> Done:
    """In a process of its own."""
    done = subprocess.run(
        command(results, *overrides), cwd=ROOT, capture_output=True, text=True, timeout=280, env=environment()
    )
    return Done(done.returncode, done.stdout, done.stderr)


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}


def the_sweep(results: Path) -> Path:
    """The only sweep's directory."""
    (found,) = (results / "main" / "sweeps").iterdir()
    return found


def by_run(results: Path) -> dict[tuple[str, int], LoggedRun]:
    """Of the only sweep, its runs by agent and seed."""
    return {(run.summary["agent"], run.summary["seed"]): run for run in runs_in(the_sweep(results))}


def what_happened(run: LoggedRun) -> pd.DataFrame:
    """The trace without what the clock on the wall said."""
    return run.trace().drop(columns=list(WALL_CLOCK))


@pytest.fixture(scope="module")
def basic(tmp_path_factory) -> Path:
    """Results of a sweep that ran in the program's own process."""
    results = tmp_path_factory.mktemp("basic")
    done = sweep(results, *SHORT)
    assert done.code == 0, done.err
    assert "finished                     4 of 4 runs" in done.out
    return results


def test_a_sweep_has_every_combination(basic):
    runs = by_run(basic)
    assert set(runs) == {("random", 0), ("random", 1), ("rule", 0), ("rule", 1)}
    for run in runs.values():
        assert run.is_finished
        assert len(run.trace()) == 20
        assert run.summary["scenario"] == "worker_loss"
        assert run.config.seed == run.summary["seed"]
    about = json.loads((the_sweep(basic) / "sweep.json").read_text(encoding="utf-8"))
    assert "seed=range(2)" in about["overrides"]


@pytest.mark.parametrize("launcher", nightly_but(["joblib"], LAUNCHERS))
def test_every_launcher_comes_to_the_same(launcher, basic, tmp_path):
    done = started(tmp_path, *SHORT, *LAUNCHERS[launcher], "hydra.sweeper.runs_per_job=2")
    assert done.code == 0, done.err
    assert done.err == ""
    ours, theirs = by_run(tmp_path), by_run(basic)
    assert set(ours) == set(theirs)
    for key, run in ours.items():
        pd.testing.assert_frame_equal(what_happened(run), what_happened(theirs[key]), check_exact=True)


def test_what_is_finished_is_not_played_again(basic):
    before = {run.directory for run in runs_in(basic / "main")}
    done = sweep(basic, *SHORT)
    assert done.code == 0, done.err
    assert "4 of 4 runs are finished already" in done.out
    assert {run.directory for run in runs_in(basic / "main")} == before


@pytest.mark.real
def test_a_sweep_that_was_killed_goes_on_where_it_stopped(tmp_path):
    long = (
        "agent=random",
        "hardware=rpi5",
        "seed=range(6)",
        "env.steps=1500",
        "hydra.sweeper.runs_per_job=1",
    )
    with subprocess.Popen(
        command(tmp_path, *long), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, start_new_session=True
    ) as program:
        wait_for_runs(tmp_path, 2, program)
        os.killpg(program.pid, signal.SIGKILL)
    first = {run.directory: run for run in runs_in(tmp_path / "main")}
    n_finished = sum(run.is_finished for run in first.values())
    assert 2 <= n_finished < 6

    done = sweep(tmp_path, *long)
    assert done.code == 0, done.err
    assert f"{n_finished} of 6 runs are finished already" in done.out
    runs = {run.directory: run for run in runs_in(tmp_path / "main")}
    played = [run for directory, run in runs.items() if directory not in first]
    assert len(played) == 6 - n_finished  # exactly those that were missing
    assert {run.summary["seed"] for run in runs.values() if run.is_finished} == set(range(6))
    for directory, run in first.items():
        if not run.is_finished:
            assert runs[directory].summary["status"] == RunStatus.KILLED
            assert "had been killed" in done.out


def wait_for_runs(results: Path, n: int, program: subprocess.Popen[bytes]) -> None:
    """Until so many runs have ended; the program must not."""
    while True:
        try:
            program.wait(0.05)
        except subprocess.TimeoutExpired:
            listed = [
                json.loads(path.read_text()) for path in (results / "main" / "sweeps").glob("*/runs.json")
            ]
            if listed and len(listed[0]) >= n:
                return
        else:
            raise AssertionError(f"the sweep ended with {program.returncode} before it could be killed")


@pytest.mark.real
def test_runs_that_fail_are_reported_and_take_no_other_with_them(tmp_path):
    agents = f"agent._target_=agents.static.Static,{OURS}.Gives,{OURS}.Dies"
    done = started(
        tmp_path,
        "agent=custom",
        "hardware=rpi5",
        "+agent.levels=lowest",
        agents,
        "seed=range(2)",
        "env.steps=10",
        *LAUNCHERS["joblib"],
        "hydra.sweeper.runs_per_job=1",
    )
    assert done.code == 1
    assert "no more ideas" in done.out  # at once, not only in the end
    assert "experiments.run: 4 of 6 runs failed" in done.err
    assert len(done.err.strip().splitlines()) == 1
    statuses = {}
    for directory in (tmp_path / "main").glob("2*"):
        (run,) = runs_in(directory)
        statuses.setdefault(run.summary["agent"], set()).add(run.summary["status"])
    assert statuses == {"Static": {"FINISHED"}, "Gives": {"FAILED"}, "Dies": {"KILLED"}}
    assert {run.summary["status"] for run in runs_in(the_sweep(tmp_path))} == {"FINISHED", "FAILED"}


def test_an_interrupted_sweep_says_how_far_it_is_and_how_it_goes_on(tmp_path):
    agents = f"agent._target_=agents.static.Static,{OURS}.Interrupts"
    words = ("agent=custom", "hardware=rpi5", "+agent.levels=lowest", agents, "seed=0", "env.steps=5")
    done = sweep(tmp_path, *words)
    assert done.code == 130
    assert "1 of 2 runs are finished; the same command plays the others" in done.out
    assert done.err == "experiments.run: interrupted by SIGINT\n"
    assert {run.summary["status"] for run in runs_in(the_sweep(tmp_path))} == {"KILLED", "FINISHED"}


def test_a_run_that_cannot_begin_takes_no_other_with_it(tmp_path):
    lost = "scenario.events=[{kind: LOSE_WORKER, worker: 1, at_s: 2.0}]"  # of one that has no second
    done = sweep(tmp_path, "agent=random", "hardware=single_rpi5,rpi5", lost, "env.steps=5", "seed=0")
    assert done.code == 1
    assert "1 of 2 runs failed" in done.err
    assert "scenario: " in done.err
    assert len(runs_in(the_sweep(tmp_path))) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("agent=nobody", "agent has no option 'nobody'"),
        ("hydra/launcher=nothing", "hydra/launcher has no option 'nothing'"),
        ("hydra.sweeper.runs_per_job=0", "runs_per_job must be >= 1"),
        ("seed=0,x", "seed: expected whole numbers"),
    ],
)
def test_what_cannot_be_a_sweep_is_one_sentence(wrong, said, tmp_path):
    done = sweep(tmp_path, wrong)
    assert done.code == 2
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not (tmp_path / "main").exists()
