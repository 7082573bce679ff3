"""The layers' arrows, where import-linter's contracts do not reach."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "ultralytics", "zmq", "cv2", "av", "mlflow")


def loaded_by(module: str) -> set[str]:
    """Top-level packages that a fresh interpreter has after importing `module`."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["envs", "envs.spec", "envs.reward", "agents.base", "pipeline.slos"])
def test_a_simulated_world_pays_for_neither_torch_nor_sockets(module):
    assert loaded_by(module).isdisjoint(HEAVY)


def test_agents_see_the_spec_and_nothing_else_but_who_is_meant_to_know_the_world():
    graph = grimp.build_graph("pipeline", "envs", "agents", "experiments")
    agents = {name for name in graph.modules if name.partition(".")[0] == "agents"}
    clairvoyant = {name for name in agents if name.startswith("agents.oracle")}
    imported = {
        target for agent in agents - clairvoyant for target in graph.find_modules_directly_imported_by(agent)
    }
    assert imported - agents <= {"envs.spec", "pipeline.allowance"}, (
        "the latter says where compiled code is kept"
    )
    assert imported.isdisjoint(clairvoyant)
