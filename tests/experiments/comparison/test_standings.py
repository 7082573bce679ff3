"""From rows to standings: figures that can be checked by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.comparison import tables
from experiments.comparison.disturbances import Answer, Turn
from experiments.comparison.episode import NEEDED, TRAINED, Episode, episode_of
from experiments.comparison.looks import looks_of
from experiments.comparison.scores import Yardstick
from experiments.comparison.standings import comparisons, plateau_steps, standings, strata_of
from pipeline.slos import SloState

YARDSTICKS = {"a": Yardstick(0.0, {0: 1.0, 1: 0.5}), "b": Yardstick(0.2, {0: 0.25, 1: 0.25})}


def rows(n: int = 20, **columns: Any) -> pd.DataFrame:
    """An episode in which all is well and nothing moves, but for what is given."""
    values = {
        "step": range(n),
        "reward": 0.5,
        "qoe": 0.5,
        "interval_s": 0.5,
        "overrun": False,
        "decision_ms": 2.0,
        "learning_ms": 3.0,
        "action.pace": 1,
        "slos.lag": int(SloState.OK),
        "ratios.lag": 0.5,
        "metrics.latency_p50_ms": 10.0,
        "metrics.latency_p95_ms": 20.0,
        "metrics.latency_p99_ms": 30.0,
        **{f"frames.{name}": np.arange(n) for name in ("offered", "delivered", "dropped", "lost", "late")},
    }
    return pd.DataFrame({**values, **columns}, index=range(n))


def episode(agent: str = "x", cell: str = "a", seed: int = 0, turns=(), **columns: Any) -> Episode:
    """Of such rows."""
    return episode_of(rows(**columns), agent, cell, "block", seed, turns)


def test_an_episode_has_the_figures_of_a_runs_summary():
    trained: dict[str, Any] = {TRAINED: 700}
    figures = episode(**trained).figures
    assert (figures["reward_mean"], figures["slo_fulfilment"], figures["latency_p95_ms"]) == (0.5, 1.0, 20.0)
    assert figures["slo_fulfilment_by_slo.lag"] == 1.0
    assert figures["cpu_share"] == pytest.approx(0.01)  # 5 ms of every 500
    assert figures["trained_steps"] == 700


def test_whether_holding_would_break_an_slo_is_read_from_its_column():
    states: dict[str, Any] = {"slos.lag": [SloState.OK] * 5 + [SloState.CRITICAL] * 3 + [SloState.OK] * 12}
    known: dict[str, Any] = {NEEDED: [None] * 5 + [0.0] + [None] * 14}
    turn = [Turn(5, True)]
    assert episode(turns=turn, **states).recoveries == [Answer(3, False)]
    assert episode(turns=turn, **states, **known).recoveries == []


def test_scores_are_of_the_same_seed_and_only_of_cells_that_tell():
    played = [episode("x", "a", 0), episode("x", "a", 1), episode("x", "b", 0)]
    row = standings(played, YARDSTICKS).iloc[0]
    assert row["score"] == pytest.approx((0.5 + 1.0) / 2)
    assert row["regret"] == pytest.approx(0.25)
    assert (row["episodes"], row["fulfilment"], row["qoe"]) == (3, 1.0, 0.5)


def test_an_agent_whose_cells_all_tell_nothing_has_no_score_and_comes_last():
    found = standings([episode("y", "b"), episode("x", "a", reward=-9.0)], YARDSTICKS)
    assert list(found["agent"]) == ["x", "y"]
    assert np.isnan(found.iloc[1]["score"])


def test_strata_are_in_the_order_of_their_seeds():
    played = [episode(seed=1, reward=0.25), episode(seed=0, reward=0.75), episode(cell="b")]
    found = strata_of(played, lambda e: e.figures["reward_mean"])
    assert {cell: values.tolist() for cell, values in found.items()} == {"a": [0.75, 0.25], "b": [0.5]}


def test_learning_is_counted_where_nothing_happens():
    # 0 for eight steps, then 1; the mean of five is 0.9 or more from step 8 on
    curve = [0.0] * 8 + [1.0] * 12
    steady, disturbed = episode(reward=curve), episode(turns=[Turn(10, True)], reward=curve)
    assert plateau_steps([steady, disturbed], YARDSTICKS) == [8.0]


def test_a_plateau_no_better_than_random_is_reached_by_nobody():
    assert np.isnan(plateau_steps([episode(cell="b", reward=0.1)], YARDSTICKS)).all()


def test_pairs_are_of_episodes_that_both_have():
    played = [episode("x", seed=s, reward=0.5 + 0.1 * s) for s in (0, 1)]
    played += [episode("y", seed=s, reward=0.4 + 0.1 * s) for s in (1, 2)]
    (row,) = comparisons(played, "x", YARDSTICKS).to_dict("records")
    assert (row["agent"], row["pairs"], row["improvement"]) == ("y", 1, 1.0)
    assert row["reward_mean_difference"] == pytest.approx(0.1)
    assert row["score_difference"] == pytest.approx(0.2)  # of a spread of a half


def test_the_table_has_a_line_per_agent_the_best_first():
    played = [episode("good", reward=0.8), episode("bad", reward=-0.3)]
    lines = tables.markdown(standings(played, YARDSTICKS)).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| good", "| bad"]
    assert "0.800 [0.800, 0.800]" in lines[2] and "100.0 [100.0, 100.0]" in lines[2]
    assert len({line.count("|") for line in lines}) == 1


def test_answers_say_how_many_were_managed():
    row = {"r": 4, "r_managed": 0.75, "r_steps_median": 3.0}
    assert tables.answers(row, "r") == "3 (3/4)"
    assert tables.answers({"r": 0}, "r") == "–"


def test_kinds_share_a_colour_and_no_two_agents_look_alike():
    names = ["aif", "aif-blind", "ppo", "a2c", "static-lowest", "static-highest", "random", "mine", "yours"]
    looks = looks_of(names)
    assert looks["aif"].colour == looks["aif-blind"].colour != looks["ppo"].colour == looks["a2c"].colour
    assert len(set(looks.values())) == len(names)
    assert len({(look.colour, look.marker) for look in looks.values()}) == len(names)
    assert looks["aif"] == looks_of(["ppo", "aif"])["aif"]
