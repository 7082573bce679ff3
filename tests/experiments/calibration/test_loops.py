"""Holding settings and ranking agents, in a world without processes."""

import pandas as pd
import pytest

from experiments.calibration.closed_loop import SCORES, ranks
from experiments.calibration.open_loop import Episode, HoldingError, hold, hold_all, table_of
from tests.experiments.world import LADDERS, World

HIGHEST = (5, 3, 1)
EPISODE = Episode(reference=(0, 0, 0), n_reference=3, n_hold=4, n_settle=1)


def test_a_setting_is_held_after_the_reference_and_read_at_its_own_levels():
    reading = hold(World(EPISODE.n_steps), EPISODE, HIGHEST, seed=0)
    assert reading.reference_ms == pytest.approx(50.0 * 0.3 * 90 / 360)  # as the world has it at the lowest
    assert reading.metrics["delivered_fps"] == pytest.approx(30.0)
    assert reading.metrics["load"] == pytest.approx(30 * 0.05)


def test_a_pipeline_that_dies_is_no_reading():
    with pytest.raises(HoldingError, match="the producer is gone"):
        hold(World(EPISODE.n_steps, dies_at=5), EPISODE, HIGHEST, seed=0)


@pytest.mark.parametrize(("n_reference", "n_hold", "n_settle"), [(1, 4, 1), (3, 4, 4), (3, 4, -1)])
def test_an_episode_without_anything_to_count_is_refused(n_reference: int, n_hold: int, n_settle: int):
    with pytest.raises(ValueError, match="fewer to settle than to hold"):
        Episode((0, 0, 0), n_reference, n_hold, n_settle)


def test_the_table_has_a_row_per_setting_and_world():
    settings = [(0, 0, 0), HIGHEST]
    done: list[int] = []
    readings = hold_all(World(EPISODE.n_steps), EPISODE, settings, 0, lambda: done.append(1))
    table = table_of(
        {"native": readings, "simulated": readings}, settings, lambda chosen: {"fps": LADDERS.fps[chosen[0]]}
    )
    assert len(done) == 2
    assert table[["setting", "world", "fps"]].to_numpy().tolist() == [
        [0, "native", 5.0],
        [1, "native", 30.0],
        [0, "simulated", 5.0],
        [1, "simulated", 30.0],
    ]
    assert table["delivered_fps"].tolist() == pytest.approx([5.0, 30.0, 5.0, 30.0])


def test_agents_are_ranked_per_scenario_and_world_whatever_their_order():
    rows = [
        {"scenario": "steady", "world": world, "agent": agent, **dict.fromkeys(SCORES, score)}
        for world, scores in {"native": "abc", "emulated": "cab", "simulated": "cba"}.items()
        for agent, score in zip(scores, (0.1, 0.2, 0.3), strict=True)
    ]
    found = ranks(pd.DataFrame(rows), "native")
    assert set(found["steady"]) == {"emulated", "simulated"}
    assert found["steady"]["simulated"]["qoe_mean"] == pytest.approx(-1.0)
    assert found["steady"]["emulated"]["qoe_mean"] == pytest.approx(-0.5)  # ranks 2 3 1 against 1 2 3
