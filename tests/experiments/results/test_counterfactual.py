"""A logged run is played again to ask what holding still would have done."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.interactive import arrange
from experiments.results.cells import Venue
from experiments.results.collection import collected
from experiments.results.counterfactual import Again
from experiments.results.episodes import change_points_in
from experiments.results.run_row import from_folders
from experiments.statistics.episode import NEEDED
from tests.experiments.recorded import QUICK, record

WORDS = ("agent=static", "scenario=worker_loss", "env.steps=45")
LOST, BACK = 15, 30  # a third and two thirds
LOWEST, HIGH = "[0,0,0]", "[5,3,1]"  # the second is what four workers manage, and three do not


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Venue]:
    """The cell of a run in which a worker is lost, by the levels that it holds."""
    found = {}
    for levels in (LOWEST, HIGH):
        directory = record(tmp_path_factory.mktemp("again"), *WORDS, f"agent.levels={levels}")
        (found[levels],) = collected(from_folders([str(directory)]), "").cells
    return found


@pytest.fixture
def cell(runs) -> Venue:
    """One of them."""
    return runs[HIGH]


def older(cell: Venue) -> pd.DataFrame:
    """The trace of its run, as it was before runs found this out themselves."""
    return cell.first["trace"]().drop(columns=NEEDED)


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
    points = change_points_in(cell, 0)
    assert [(point.step, point.is_worse) for point in points] == [(LOST, True), (BACK, False)]
    for trace in (older(cell), cell.first["trace"]()):
        asked = Again(cell).asked(trace, points, 0)
        assert asked is not None
        assert list(np.flatnonzero(asked[NEEDED].notna())) == [LOST]


@pytest.mark.parametrize(("levels", "expected"), [(LOWEST, False), (HIGH, True)])
def test_what_holding_still_would_have_done_is_what_it_does(runs, levels, expected):
    cell = runs[levels]
    trace = older(cell)
    actions = trace[["action.fps", "action.resolution", "action.grade"]].to_numpy().tolist()
    asked = Again(cell).asked(trace, change_points_in(cell, 0), 0)
    assert asked is not None
    assert breaks(actions) is expected
    assert bool(asked[NEEDED][LOST]) is expected
    assert bool(cell.first["trace"]()[NEEDED][LOST]) is expected, "found out when it was played"


def test_a_run_that_does_not_happen_here_is_not_asked(cell):
    trace = older(cell)
    trace.loc[3, "reward"] += 0.01
    assert Again(cell).asked(trace, change_points_in(cell, 0), 0) is None


def test_a_run_in_which_nothing_gets_worse_is_left_as_it_is(cell):
    trace = older(cell)
    assert Again(cell).asked(trace, (), 0) is trace
