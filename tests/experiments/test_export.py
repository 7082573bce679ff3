"""`elasticbench export mlflow`: runs that lie on disk go to MLflow."""

import shutil
from pathlib import Path

import pytest

from experiments.runs.record import RunStatus
from tests.experiments.programs import call
from tests.experiments.recorded import record
from tests.experiments.tracking.stored import GoingOn, Stored, rewrite

STEPS = 60


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    return record(tmp_path_factory.mktemp("recorded"), "agent=rule", f"env.steps={STEPS}")


@pytest.fixture
def folder(tmp_path, recorded, monkeypatch) -> Path:
    """Two runs of the name `main`, and one that goes on."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("a", "b", "running"):
        shutil.copytree(recorded, tmp_path / "main" / name)
    rewrite(tmp_path / "main" / "running", status=RunStatus.RUNNING)
    return tmp_path / "main"


def test_runs_are_brought_to_mlflow_once_and_thinned(folder):
    stored = Stored(folder.parent)
    done = call("experiments.browse", "export", "mlflow", str(folder))
    assert (done.code, done.out) == (0, "2 runs imported, 1 run still going on\n")
    done = call("experiments.browse", "export", "mlflow", str(folder), str(folder / "a"))
    assert (done.code, done.out) == (0, "3 runs there already, 1 run still going on\n")
    assert stored.statuses() == {"a": "FINISHED", "b": "FINISHED"}
    assert 0 < len(stored.steps(folder / "a")) < STEPS

    other = f"sqlite:///{folder.parent / 'other.db'}"
    assert call("experiments.browse", "export", "mlflow", "--store", other, str(folder / "a")).code == 0
    assert (folder.parent / "other.db").is_file()

    (folder / "b" / "trace.parquet").unlink()
    done = call("experiments.browse", "export", "mlflow", "--store", other, str(folder))
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "b is unreadable: FileNotFoundError" in done.err


def test_what_goes_on_is_followed_to_its_end(folder, recorded):
    killed = GoingOn(recorded, folder / "killed")
    killed.write(0, 5)
    killed.die()
    done = call("experiments.browse", "export", "mlflow", "--follow", str(folder / "killed"))
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 run there already")
    assert Stored(folder.parent).statuses() == {"killed": "KILLED"}


def test_a_folder_without_a_run_is_one_sentence(tmp_path):
    done = call("experiments.browse", "export", "mlflow", str(tmp_path))
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith(f"experiments.browse: {tmp_path} has no run: expected folders with a")
