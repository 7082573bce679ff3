"""A simulated run finds out, when its world gets worse, what holding still would come to."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from experiments.execution.counterfactual import change_points_of
from experiments.interactive import arrange
from experiments.program.errors import ConfigError
from experiments.results.collection import collected
from experiments.results.run_row import Cell, from_folders
from experiments.runs.trace import TRACE
from experiments.statistics.episode import NEEDED
from experiments.sweeps.logged_cells import episodes_of, worlds_of
from tests.experiments.recorded import QUICK, record

WORDS = ("agent=static", "scenario=worker_loss", "env.steps=45")
LOST, BACK = 15, 30  # a third and two thirds
LOWEST, HIGH = "[0,0,0]", "[5,3,1]"  # the second is what four workers manage, and three do not


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Cell]:
    """The cell of a run in which a worker is lost, by the levels that it holds."""
    found = {}
    for levels in (LOWEST, HIGH):
        directory = record(tmp_path_factory.mktemp("asked"), *WORDS, f"agent.levels={levels}")
        (found[levels],) = collected(from_folders([str(directory)]), "").cells
    return found


@pytest.fixture
def cell(runs) -> Cell:
    """One of them."""
    return runs[HIGH]


def breaks(actions: Sequence[Sequence[int]]) -> bool:
    """Whether an SLO is broken from LOST until BACK when the last of these settings is held from then on."""
    env = arrange(*QUICK, *WORDS).make_env(Path(), lambda _: None)
    env.reset(seed=0)
    broken = []
    for step in range(BACK):
        _, _, _, _, info = env.step(np.array(actions[min(step, LOST - 1)]))
        broken.append(2 in info["slos"].values())
    return any(broken[LOST:])


def test_it_is_found_out_at_the_change_for_the_worse_only(cell):
    (world,) = worlds_of([cell]).values()
    assert not isinstance(world, ConfigError)
    points = change_points_of(world, 0)
    assert [(point.step, point.is_worse) for point in points] == [(LOST, True), (BACK, False)]
    assert list(np.flatnonzero(cell.first["run"].trace()[NEEDED].notna())) == [LOST]


@pytest.mark.parametrize(("levels", "expected"), [(LOWEST, False), (HIGH, True)])
def test_what_holding_still_would_have_done_is_what_it_does(runs, levels, expected):
    trace = runs[levels].first["run"].trace()
    actions = trace[["action.fps", "action.resolution", "action.grade"]].to_numpy().tolist()
    assert breaks(actions) is expected
    assert bool(trace[NEEDED][LOST]) is expected


def test_of_a_trace_that_does_not_say_it_is_noted(cell):
    run = cell.first["run"]
    run.trace().drop(columns=NEEDED).to_parquet(run.directory / TRACE)
    _, (note,) = episodes_of(cell.runs, worlds_of([cell]), None, False, Console(quiet=True))
    assert note.startswith("Of 1 run it is not known whether holding still would have broken an SLO")
