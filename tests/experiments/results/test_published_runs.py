"""A published log stands in the cell in which ours would be."""

from collections.abc import Iterator

import pytest
from hydra import compose, initialize_config_dir
from rich.console import Console

from experiments.config.programs import register
from experiments.config.schemas import CONF
from experiments.results.collection import collected
from experiments.results.episodes import episodes_of
from experiments.results.published.base import from_published
from experiments.results.published.thesis import COLUMNS

CALM = "0.5,0.4,0.0,10,0.45,0.045,0.25,0.5,0.9,0.5"  # as in tests/experiments/published


@pytest.fixture(autouse=True)
def hydra_here() -> Iterator[None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def test_a_published_run_is_in_the_cell_of_ours_under_its_own_name(tmp_path):
    log = tmp_path / "basic" / "heuristic_slo_stats.csv"
    log.parent.mkdir()
    rows = [f"{i},{CALM}" for i in range(12)]
    log.write_text("\n".join(["," + ",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
    cells = "published.cells.basic=['experiment=thesis_a','env.steps=12']"
    cfg = compose("compare", overrides=["published=thesis", f"published.path={tmp_path}", cells])
    found = collected(from_published(cfg.published), "")
    (cell,) = found.cells
    assert (cell.name, found.agents, cell.seeds) == ("thesis/thesis_a/thesis", ["heuristic_published"], [0])
    assert cell.first["config"]["env"]["steps"] == 12
    (episode,), _ = episodes_of(found, None, False, Console(quiet=True))
    assert episode.held.all()
    assert found.notes == []
