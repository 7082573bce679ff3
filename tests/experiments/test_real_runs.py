"""Whole runs: on the real pipeline, its workers emulated, with real processes; and in the simulator."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from rich.console import Console

from experiments.config.composing import register
from experiments.config.schemas import CONF, PipelineSchema, RunConfig
from experiments.run import run
from experiments.runs.provenance import GROUPS, identify
from experiments.runs.trace import read_trace
from experiments.worlds.plan import plan_run, twin_of

pytestmark = pytest.mark.real

ROOT = CONF.parent
EMULATED = ("agent=rule", "hardware=rpi5", "hardware.devices.0.count=2", "live=false")
TIMELY_MS, ENOUGH = 150.0, 8  # until then what is found hardly ages; intervals of which a mean says something
SHORT = ("env.steps=3", "env.control_interval_s=0.5", "output.mlflow=false")


@pytest.fixture
def hydra_here() -> Iterator[None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


@pytest.mark.usefixtures("hydra_here")
@pytest.mark.parametrize("experiment", sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
def test_every_experiment_runs_three_steps(experiment, tmp_path):
    cfg = compose("config", [f"experiment={experiment}", *EMULATED, *SHORT, f"results={tmp_path}"])
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, RunConfig)
    plan = plan_run(config)
    agent = instantiate(cfg.agent, _partial_=True)(spec=plan.spec)
    env = "pipeline" if isinstance(config.env, PipelineSchema) else "simulator"
    choices = dict.fromkeys(GROUPS, "x") | {"env": env}
    summary = run(plan, agent, identify(cfg, choices, plan.spec.hash), Console(quiet=True))
    assert (summary["status"], summary["steps"]) == ("FINISHED", 3)
    assert summary["frames"]["offered"] > 0
    if isinstance(config.env, PipelineSchema):
        assert summary["weights"] == "emulated"
        assert next(tmp_path.rglob("output.mp4")).stat().st_size > 1000
    else:
        assert summary["weights"] == "simulated"
        assert not list(tmp_path.rglob("output.*"))


@pytest.mark.usefixtures("hydra_here")
def test_an_emulated_run_finds_as_much_as_its_simulated_twin_and_says_that_it_is_emulated(tmp_path):
    words = ("agent=static", "agent.levels=[2,2,0]", "hardware=jetson_orin_nano_super")
    output = ("output.mlflow=false", "output.detections=JSONL", "live=false")
    cfg = compose("config", [*words, *output, "env.steps=20", "seed=3", f"results={tmp_path}"])
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, RunConfig)
    plan = plan_run(config)
    agent = instantiate(cfg.agent, _partial_=True)(spec=plan.spec)
    choices = dict.fromkeys(GROUPS, "x") | {"env": "pipeline"}
    summary = run(plan, agent, identify(cfg, choices, plan.spec.hash), Console(quiet=True))
    assert (summary["status"], summary["detections"]) == ("FINISHED", "emulated")
    (directory,) = (tmp_path / "main").iterdir()
    kinds = {json.loads(line)["kind"] for line in (directory / "detections.jsonl").open()}
    assert kinds == {"emulated"}
    twin = twin_of(plan).make_env(tmp_path, lambda _: None)
    twin.reset(seed=config.seed)
    simulated = np.array([twin.step((2, 2, 0))[4]["metrics"]["streaming_f1"] for _ in range(20)])
    trace = read_trace(directory)
    found = trace["metrics.streaming_f1"].to_numpy()
    was_on_time = (trace["metrics.latency_p95_ms"].to_numpy() < TIMELY_MS) & np.isfinite(found)
    if was_on_time.sum() < ENOUGH:
        pytest.skip("what this machine had to do beside it kept frames back, as in no simulator")
    assert found[was_on_time].mean() == pytest.approx(simulated[was_on_time].mean(), abs=0.05)


def test_ctrl_c_ends_in_order_and_says_so_everywhere(tmp_path):
    program = subprocess.Popen(
        [sys.executable, "-m", "experiments.run", *EMULATED, "env.steps=600", f"results={tmp_path}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert program.stdout is not None
    said = []
    for line in program.stdout:
        said.append(line)
        if line.startswith("step   3/"):
            break
    children = psutil.Process(program.pid).children(recursive=True)
    assert children, "".join(said)
    program.send_signal(signal.SIGINT)
    rest, _ = program.communicate(timeout=90)
    assert program.returncode == 130, rest
    assert "interrupted by SIGINT" in rest
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    directory = next((tmp_path / "main").iterdir())
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["status"] == "KILLED"
    assert len(read_trace(directory)) == summary["steps"] >= 3
    assert statuses(tmp_path / "mlflow.db") == ["KILLED"]


def statuses(store: Path) -> list[str]:
    with closing(sqlite3.connect(store)) as connection:
        return [status for (status,) in connection.execute("select status from runs")]
