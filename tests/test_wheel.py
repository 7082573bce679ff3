"""What is built and installed runs by itself: outside the clone, without its folder `conf/`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("agents", "benchmarks", "conf", "envs", "experiments", "hydra_plugins", "pipeline")
FILES = ("pyproject.toml", "README.md", "LICENSE")
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def said_by(*command: str | Path, cwd: Path, **env: str) -> str:
    """What a program prints. Fails if it does."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=os.environ | env, capture_output=True, text=True, timeout=800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.nightly
@pytest.mark.timeout(
    900
)  # the simulator is compiled anew where it lies elsewhere: a minute of an idle machine
def test_the_built_wheel_runs_outside_the_clone(tmp_path):
    source, site = tmp_path / "source", tmp_path / "site"
    for name in OURS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    options = ("--no-deps", "--no-index")  # what it needs is beside it already
    said_by(*PIP, "wheel", *options, "--no-build-isolation", "--wheel-dir", tmp_path, source, cwd=tmp_path)
    (wheel,) = tmp_path.glob("elasticbench-*.whl")
    said_by(*PIP, "install", *options, "--target", site, wheel, cwd=tmp_path)
    shutil.rmtree(source)
    place = {"cwd": tmp_path, "PYTHONPATH": str(site)}
    where = said_by(sys.executable, "-c", "from experiments.config.schemas import CONF; print(CONF)", **place)
    assert where.strip() == str(site / "conf")
    said = said_by(site / "bin" / "elasticbench", "run", "env=simulator", "env.steps=10", **place)
    assert "step  10/10" in said
    assert list((tmp_path / "results" / "main").glob("*/run.html"))
