"""What MLflow finds is what lies on disk."""

from pathlib import Path

import pandas as pd
import pytest

from experiments.program.errors import ConfigError
from experiments.results.run_row import from_folders, row_of
from experiments.tracking.importing import MlflowImporter
from experiments.tracking.reading import found_in_mlflow
from experiments.tracking.store import tracking_uri
from tests.experiments.recorded import record

pytestmark = pytest.mark.timeout(120)  # MLflow is imported, and creates its tables


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Two runs, on disk and in MLflow."""
    results = tmp_path_factory.mktemp("results")
    for agent in ("rule", "static"):
        record(results, f"agent={agent}", "env.steps=20")
    assert len(list(MlflowImporter().take(results / "main"))) == 2
    return results


def found(results: Path, query: str, scratch: Path):
    runs, notes = found_in_mlflow(query, tracking_uri(results), scratch)
    assert notes == []
    return [row_of(*run) for run in runs]


def test_a_query_gives_the_same_runs_as_the_folder(results, tmp_path):
    on_disk = {one["agent"]: one for one in from_folders([str(results / "main")])}
    in_store = {one["agent"]: one for one in found(results, "tags.scenario = 'steady'", tmp_path)}
    assert in_store.keys() == on_disk.keys() == {"rule", "static"}
    for agent, one in in_store.items():
        assert one["place"].startswith("MLflow run ")
        assert one["config"] == on_disk[agent]["config"]
        assert one["begun"] == on_disk[agent]["begun"]
        pd.testing.assert_frame_equal(one["run"].trace(), on_disk[agent]["run"].trace())
    assert not list(tmp_path.iterdir())  # the store's own files were read


def test_only_what_is_asked_for_is_found(results, tmp_path):
    (one,) = found(results, "tags.agent = 'rule'", tmp_path)
    assert (one["agent"], one["seed"], one["status"]) == ("rule", 0, "FINISHED")


def test_runs_whose_directories_are_elsewhere_are_fetched(results, tmp_path):
    (on_disk,) = (other for other in from_folders([str(results / "main")]) if other["agent"] == "static")
    (results / "main").rename(results / "away")
    (one,) = found(results, "tags.agent = 'static'", tmp_path)
    (results / "away").rename(results / "main")
    pd.testing.assert_frame_equal(one["run"].trace(), on_disk["run"].trace())
    assert one["begun"] == on_disk["begun"]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("tags.agent = 'ppo'", "finds no run of an agent"),
        ("agent is aif", "mlflow='agent is aif': "),
    ],
)
def test_what_it_cannot_find_is_one_sentence(results, tmp_path, query, complaint):
    with pytest.raises(ConfigError) as caught:
        found(results, query, tmp_path)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
