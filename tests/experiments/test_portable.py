"""Where a system lacks what Linux has, the simulator runs all the same, and so does all that draws."""

import os
import subprocess
import sys

import pytest
from hydra import compose
from omegaconf import OmegaConf

from experiments.program.errors import ConfigError
from experiments.runs.provenance import ROOT
from experiments.worlds.plan import plan_run

# what macOS lacks, and of what Windows lacks the names that an import would trip over
LESS = """
import os, runpy, signal, sys
for module, names in ((os, ("sched_getaffinity", "sched_setaffinity", "O_CLOEXEC")), (signal, ("SIGHUP",))):
    for name in names:
        delattr(module, name)
sys.modules["fcntl"] = None
import psutil
del psutil.Process.cpu_affinity
import experiments.compare, experiments.report.report
sys.argv = ["run", *sys.argv[1:]]
runpy.run_module("experiments.run", run_name="__main__")
"""


def test_a_simulated_run_needs_nothing_that_only_linux_has(tmp_path):
    words = ["agent=static", "env=simulator", "hardware=rpi5", "env.steps=3", "output.mlflow=false"]
    done = subprocess.run(
        [sys.executable, "-c", LESS, *words, "live=false", "output.picture=true", f"results={tmp_path}"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.glob("main/*/trace.png")] == ["trace.png"]


@pytest.mark.usefixtures("hydra_here")
def test_the_pipeline_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(
        ConfigError, match="env=pipeline needs Linux to start its programs: say env=simulator"
    ):
        plan_run(OmegaConf.to_object(compose("config")))  # type: ignore[arg-type]
