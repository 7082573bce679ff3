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

import psutil
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from rich.console import Console

from experiments.config.schemas import CONF, RunConfig, register
from experiments.config.world_schemas import PipelineSchema
from experiments.run import run
from experiments.runs.identity import GROUPS, identify
from experiments.runs.trace import read_trace
from experiments.worlds.plan import plan_run

pytestmark = pytest.mark.real

ROOT = CONF.parent
EMULATED = ("agent=rule", "hardware=rpi5", "hardware.devices.0.count=2", "live=false")
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
