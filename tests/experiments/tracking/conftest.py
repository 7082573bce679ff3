"""What tests of MLflow share: making runs and stores takes seconds."""

import shutil
from pathlib import Path

import pytest

from experiments.tracking.store import Store
from tests.experiments.recorded import record

STEPS = 90


@pytest.fixture(scope="session")
def recorded(tmp_path_factory) -> Path:
    """A run of the simulator that no store knows."""
    return record(tmp_path_factory.mktemp("recorded"), "agent=rule", f"env.steps={STEPS}")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    Store(f"sqlite:///{path}", path.parent, "another")
    return path


@pytest.fixture
def results(tmp_path, recorded, empty_store, monkeypatch) -> Path:
    """A folder of all results with two runs of the name `main`, none of them in MLflow."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    for name in ("a", "b"):
        shutil.copytree(recorded, tmp_path / "main" / name)
    return tmp_path
