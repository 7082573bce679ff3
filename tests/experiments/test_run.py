"""A run records everything, however it ends; the world here is a stand-in without processes."""

import io
import json
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from experiments.config.schemas import DetectorSchema, EnvSchema, OutputSchema, RunConfig, ScenarioSchema
from experiments.display.views import View
from experiments.program.errors import ExecutionError
from experiments.program.interruption import Interrupted, interrupt
from experiments.run import run
from experiments.runs.provenance import GROUPS, Identity
from experiments.runs.trace import JOURNAL, read_trace
from experiments.worlds.builders import Detected
from pipeline.messages import DetectionKind
from tests.experiments.world import SPEC, Script, World

IDENTITY = Identity(
    choices=dict.fromkeys(GROUPS, "x") | {"agent": "script", "video": "traffic", "env": "replay"},
    config={"seed": 7, "agent": {"_target_": "agents.static.Static"}, "video": {}},
    texts={"seed": "seed: 7\n"},
    spec_hash=SPEC.hash,
)
DETECTED = Detected(DetectionKind.NONE, "a stand-in has none")


@dataclass
class Plan:
    """As `experiments.worlds.plan.Plan`, around the stand-in."""

    config: RunConfig
    world: World
    spec: Any = SPEC
    detections: Detected = DETECTED
    caveat: str = ""

    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> World:
        on_progress("a world is made")
        return self.world


@pytest.fixture
def play(tmp_path) -> Callable[..., tuple[str, Path]]:
    """Run a script in a world; returns what was printed, and the run's directory."""

    def play(world: World, agent: Script, steps: int = 6) -> tuple[str, Path]:
        config = RunConfig(name="test", seed=7, live=False, results=str(tmp_path))
        config.output, config.env = (
            OutputSchema(video=False, mlflow=False, picture=True),
            EnvSchema(steps=steps, control_interval_s=1.0),
        )
        config.scenario, config.detector = ScenarioSchema(), DetectorSchema(grades=["n", "s"])
        console = Console(file=io.StringIO(), width=200)
        try:
            run(Plan(config, world), agent, IDENTITY, console)  # type: ignore[arg-type]
        finally:
            printed[0] = console.file.getvalue()  # type: ignore[attr-defined]
        return printed[0], next((tmp_path / "test").iterdir())

    printed = [""]
    return play


def the_run(tmp_path: Path) -> Path:
    return next((tmp_path / "test").iterdir())


def test_a_run_leaves_config_summary_trace_picture_and_logs(play):
    printed, directory = play(World(6), Script(SPEC, [(0, 0, 0), (5, 2, 1)]))
    left = {path.name for path in directory.iterdir()}
    assert left == {"config.yaml", "summary.json", "trace.parquet", "trace.png", "run.html", "logs"}
    assert len(read_trace(directory)) == 6
    assert "step   6/6" in printed
    assert str(directory / "trace.parquet") in printed


def test_the_summary_has_every_promised_entry(play):
    printed, directory = play(World(6), Script(SPEC))
    summary = json.loads((directory / "summary.json").read_text())
    promised = (
        "agent env hardware scenario seed steps slo_fulfilment slo_fulfilment_by_slo slo_depth "
        "longest_violation qoe_mean reward_mean switches_per_min latency_p50_ms latency_p95_ms "
        "latency_p99_ms decision_ms_p50 decision_ms_p99 frames weights detections spec_hash config_hash "
        "git_commit status"
    )
    assert set(promised.split()) <= set(summary)
    assert summary["status"] == "FINISHED"
    assert summary["seed"] == 7
    assert (summary["weights"], summary["detections"]) == ("stood in for", "none")
    assert "detections: none: a stand-in has none" in printed


class Damaged(World):
    """Its source lacks three pictures, and its end."""

    def step(self, action):
        *judged, info = super().step(action)
        return *judged, {**info, "source": {"undecodable": 3, "rebased": 0, "truncated": True}}


def test_what_was_wrong_with_the_source_is_said_and_kept(play):
    printed, directory = play(Damaged(3), Script(SPEC))
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["source"] == {"undecodable": 3, "rebased": 0, "truncated": True}
    assert summary["status"] == "FINISHED"
    assert "3 undecodable, truncated" in printed


class Stumbling(Script):
    """An agent with a bug in its fourth decision."""

    def act(self, observation, info):
        if self.n_decisions == 3:
            raise ZeroDivisionError("a bug in the agent")
        return super().act(observation, info)


def test_an_agents_bug_fails_the_run_and_keeps_the_trace(play, tmp_path):
    with pytest.raises(ExecutionError, match="a bug in the agent"):
        play(World(6), Stumbling(SPEC))
    directory = the_run(tmp_path)
    summary = json.loads((directory / "summary.json").read_text())
    assert (summary["status"], summary["steps"]) == ("FAILED", 3)
    assert "a bug in the agent" in summary["error"]
    assert "ZeroDivisionError" in (directory / "logs" / "run.log").read_text()
    assert re.search(r"ZeroDivisionError: a bug in the agent \(\S+test_run\.py, line \d+\)", summary["error"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "high", None])
def test_an_agent_that_explains_itself_by_no_figure_fails_the_run(play, value):
    class Vague(Script):
        def explain(self):
            return {"pressure": value}

    with pytest.raises(ExecutionError, match=r"explain\(\) must give finite numbers, got pressure="):
        play(World(6), Vague(SPEC))


def test_a_dead_pipeline_fails_the_run_with_its_last_step_recorded(play, tmp_path):
    with pytest.raises(ExecutionError, match="the producer is gone"):
        play(World(6, dies_at=2), Script(SPEC))
    assert len(read_trace(the_run(tmp_path))) == 2


class Harmed(World):
    """A worker dies in its second step, and comes back."""

    def step(self, action):
        *rest, info = super().step(action)
        return *rest, {**info, "deaths": int(info["step"] > 1), "restarts": int(info["step"] > 1)}


def test_a_run_on_whose_way_something_died_is_degraded_and_says_so_at_its_end(play):
    printed, directory = play(Harmed(6), Script(SPEC))  # raises nothing: the exit code is 0
    summary = json.loads((directory / "summary.json").read_text())
    assert (summary["status"], summary["steps"]) == ("DEGRADED", 6)
    assert (summary["deaths"], summary["restarts"]) == (1, 1)
    assert summary["error"].startswith("a worker or collector died unplanned, 1 came back")
    assert printed.splitlines()[-1] == (
        f"DEGRADED: {summary['error']}. Comparisons leave it out, and a sweep plays it again"
    )


class Impatient(Script):
    """Has SIGTERM sent to this process in its third decision."""

    def act(self, observation, info):
        if self.n_decisions == 2:
            signal.raise_signal(signal.SIGTERM)
        return super().act(observation, info)


@pytest.fixture
def sigterm_interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("sigterm_interrupts")
def test_an_interrupted_run_is_killed_and_keeps_the_trace(play, tmp_path):
    with pytest.raises(Interrupted, match="SIGTERM") as caught:
        play(World(6), Impatient(SPEC))
    assert caught.value.exit_code == 143
    summary = json.loads((the_run(tmp_path) / "summary.json").read_text())
    assert (summary["status"], summary["steps"]) == ("KILLED", 2)


class Stubborn(World):
    """A world that is sent SIGINT when it closes, as by somebody who does not want to wait."""

    def close(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("sigterm_interrupts")
def test_further_signals_hurry_the_end_and_do_not_lose_it(play, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "experiments.execution.execute.plot_runs", lambda *_: signal.raise_signal(signal.SIGINT)
    )
    with pytest.raises(Interrupted, match="SIGTERM"):
        play(Stubborn(6), Impatient(SPEC))
    directory = the_run(tmp_path)
    summary = json.loads((directory / "summary.json").read_text())
    assert (summary["status"], summary["error"]) == ("KILLED", "interrupted by SIGTERM")
    assert len(read_trace(directory)) == summary["steps"] == 2
    assert {path.name for path in directory.iterdir()} == {
        "config.yaml",
        "summary.json",
        "trace.parquet",
        "logs",
    }


def test_a_run_that_came_to_its_end_before_the_signal_is_finished_and_ends_the_program(play, tmp_path):
    with pytest.raises(Interrupted, match="SIGINT"):
        play(Stubborn(6), Script(SPEC))
    summary = json.loads((the_run(tmp_path) / "summary.json").read_text())
    assert (summary["status"], summary["error"], summary["steps"]) == ("FINISHED", "", 6)


def test_a_picture_that_fails_costs_nothing_but_itself(play, monkeypatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nothing to draw")

    monkeypatch.setattr("experiments.execution.execute.plot_runs", fail)
    printed, directory = play(World(6), Script(SPEC))
    said = "the picture of the trace cannot be made: ZeroDivisionError: nothing to"
    assert said in " ".join(printed.split())
    assert json.loads((directory / "summary.json").read_text())["status"] == "FINISHED"
    assert not (directory / JOURNAL).exists()


class Blind(View):
    """A view with a bug, whichever part of it is called."""

    def step(self, step) -> None:
        raise ZeroDivisionError("a bug in the view")

    def __exit__(self, *exception: object) -> None:
        raise KeyError("and another when it closes")


def test_a_bug_of_the_view_is_named_and_the_step_is_kept(play, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.run.choose_view", lambda *_: Blind())
    with pytest.raises(ExecutionError, match="a bug in the view"):
        play(World(6), Script(SPEC))
    summary = json.loads((the_run(tmp_path) / "summary.json").read_text())
    assert (summary["status"], summary["steps"]) == ("FAILED", 1)
    assert summary["error"].startswith("ZeroDivisionError: a bug in the view (")


def test_runs_of_the_same_second_get_directories_of_their_own(play, tmp_path):
    for _ in range(3):
        play(World(2), Script(SPEC), steps=2)
    assert len(list((tmp_path / "test").iterdir())) == 3


def test_a_run_that_never_began_leaves_a_summary_that_says_why(play, tmp_path):
    class Unwarmed(Script):
        def warm_up(self) -> None:
            raise MemoryError("too many policies")

    with pytest.raises(ExecutionError, match="too many policies"):
        play(World(2), Unwarmed(SPEC))
    summary = json.loads((the_run(tmp_path) / "summary.json").read_text())
    assert summary["status"] == "FAILED"
    assert "steps" not in summary


def test_equal_seeds_lead_to_equal_decisions(play, tmp_path):
    class Dice(Script):
        def reset(self, seed: int) -> None:
            self.rng = np.random.default_rng(seed)

        def act(self, observation, info):
            return self.rng.integers(SPEC.n_levels)

    for _ in range(2):
        play(World(5), Dice(SPEC), steps=5)
    one, other = (read_trace(path) for path in sorted((tmp_path / "test").iterdir()))
    assert one["action.fps"].tolist() == other["action.fps"].tolist()
