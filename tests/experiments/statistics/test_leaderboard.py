"""From rows to a leaderboard: figures that can be checked by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.report.caveats import few
from experiments.statistics.disturbances import Answer, ChangePoint
from experiments.statistics.episode import NEEDED, TRAINED, references_of
from experiments.statistics.leaderboard import (
    fulfilment_by_slo,
    leaderboard,
    pareto_front,
    plateau_steps,
    price_ranks,
    strata_of,
)
from experiments.statistics.pairs import comparisons
from pipeline.slos import SloState
from tests.experiments.statistics.played import REFERENCES, episode, table


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
    points = [ChangePoint(5, True)]
    assert episode(points=points, **states).recoveries == [Answer(3, False)]
    assert episode(points=points, **states, **known).recoveries == []


def test_scores_are_of_the_same_seed_and_only_of_cells_that_tell():
    played = [episode("x", "a", 0), episode("x", "a", 1), episode("x", "b", 0)]
    row = leaderboard(table(*played), REFERENCES).iloc[0]
    assert row["score"] == pytest.approx((0.5 + 1.0) / 2)
    assert (row["episodes"], row["fulfilment"], row["qoe"]) == (3, 1.0, 0.5)


def test_an_agent_whose_cells_all_tell_nothing_has_no_score_and_comes_last():
    found = leaderboard(table(episode("y", "b"), episode("x", "a", reward=-9.0)), REFERENCES)
    assert list(found["agent"]) == ["x", "y"]
    assert np.isnan(found.iloc[1]["score"])


def test_strata_are_in_the_order_of_their_seeds():
    played = [episode(seed=1, reward=0.25), episode(seed=0, reward=0.75), episode(cell="b")]
    found = strata_of(table(*played), "reward_mean")
    assert [values.tolist() for values in found] == [[0.75, 0.25], [0.5]]


def test_drawn_worlds_are_draws_of_their_stratum():
    """One seed of each: what varies are the worlds, in the interval too."""
    worlds = [
        replace(episode("x", f"w{i}", 0, reward=r), stratum="link") for i, r in enumerate((0.2, 0.4, 0.9))
    ]
    found = table(*worlds, references={})
    (stratum,) = strata_of(found, "reward_mean")
    assert stratum.tolist() == pytest.approx([0.2, 0.4, 0.9])
    row = leaderboard(found, {}).iloc[0]
    assert row["reward_low"] < 0.4 and row["reward_high"] > 0.6
    assert not any("one seed only" in text for text in few(found)), "each world is one of many"
    other = [replace(one, agent="y", rewards=one.rewards) for one in worlds]
    pair = comparisons(table(*worlds, *other, references={}), "x").iloc[0]
    assert (pair["pairs"], pair["seeds"]) == (3, 3)


def test_learning_is_counted_where_nothing_happens():
    # 0 for eight steps, then 1; the mean of five is 0.9 or more from step 8 on
    curve = [0.0] * 8 + [1.0] * 12
    steady, disturbed = episode(reward=curve), episode(points=[ChangePoint(10, True)], reward=curve)
    assert plateau_steps(table(steady, disturbed), REFERENCES) == [8.0]


def test_a_plateau_no_better_than_random_is_reached_by_nobody():
    assert np.isnan(plateau_steps(table(episode(cell="b", reward=0.1)), REFERENCES)).all()


def test_the_gap_forgives_nothing_for_being_better():
    # scores 0.5, 1.6: what is missing to 1 is 0.5 and nothing
    played = [episode("x", "a", 0, reward=0.5), episode("x", "a", 1, reward=0.8)]
    row = leaderboard(table(*played), REFERENCES).iloc[0]
    assert row["optimality_gap"] == pytest.approx((0.5 + 0.0) / 2)
    assert row["optimality_gap_low"] == 0.0 and row["optimality_gap_high"] == pytest.approx(0.5)


def test_a_rare_failure_shows_in_the_mean_and_the_worst_tenth_alone():
    played = [episode("x", "c", seed, reward=0.5 if seed else -0.5) for seed in range(20)]
    row = leaderboard(table(*played), REFERENCES).iloc[0]
    assert row["reward_iqm"] == 0.5
    assert row["reward"] == pytest.approx(0.45) and row["reward_worst_tenth"] == pytest.approx(0.0)


def test_answers_are_to_the_oracles_disturbances():
    points, broken = [ChangePoint(5, True)], {"slos.lag": [0] * 5 + [2] * 3 + [0] * 12}
    untouched = episode("x", "a", 0, points=points)
    assert table(untouched)["episode"].iloc[0].recoveries == []
    played = [episode(name, "a", 0, points=points, **broken) for name in ("random", "oracle")]
    of_all = table(untouched, references=references_of(played))["episode"].iloc[0]
    assert of_all.recoveries == [Answer(0, False)], "it need not do anything, and is asked all the same"


def test_without_a_reference_all_but_scores_is_known_and_rewards_rank():
    played = [episode("bad", "c", reward=0.1), episode("good", "c", reward=0.4)]
    found = leaderboard(table(*played, references={}), {})
    assert list(found["agent"]) == ["good", "bad"]
    assert found["reward"].tolist() == pytest.approx([0.4, 0.1])
    assert found[["score", "score_worst_tenth", "optimality_gap", "steps_to_plateau"]].isna().to_numpy().all()
    assert found["qoe"].tolist() == [0.5, 0.5]


def test_a_cell_without_a_reference_does_not_take_the_others_scores_away():
    played = [episode("x", "a", 0, reward=0.5), episode("x", "c", 0, reward=0.9)]
    row = leaderboard(table(*played), REFERENCES).iloc[0]
    assert row["score"] == 0.5 and row["reward"] == pytest.approx(0.7)


def test_on_the_front_are_those_that_nobody_beats():
    points = np.array([[0.9, 0.5], [0.5, 0.9], [0.5, 0.5], [0.9, 0.4], [0.9, 0.5], [np.nan, 1.0]])
    assert pareto_front(points).tolist() == [True, True, False, False, True, False]


def test_ranks_are_by_the_price_of_a_violation_and_equals_share_the_better_one():
    # bold earns most and breaks most; careful never breaks anything; poor is beaten by careful at every price
    qoe, broken = np.array([0.9, 0.6, 0.5, 0.7]), np.array([0.4, 0.0, 0.0, 0.1])
    # utilities at a price of 1: 0.5, 0.6, 0.5, 0.6
    assert price_ranks(qoe, broken, np.array([0.0, 1.0])).T.tolist() == [[1, 3, 4, 2], [3, 1, 3, 1]]


def test_each_slo_is_counted_on_its_own():
    broken: dict[str, Any] = {"slos.lag": [SloState.CRITICAL] * 5 + [SloState.OK] * 15}
    more: dict[str, Any] = {"slos.load": int(SloState.OK), "ratios.load": 0.1}
    found = fulfilment_by_slo(table(episode("x", **broken, **more), episode("x", seed=1, **more)), ["x"])
    assert found.set_index("slo")["fulfilment"].to_dict() == {"lag": (0.75 + 1.0) / 2, "load": 1.0}
    assert found["fulfilment_low"].tolist() == [0.75, 1.0]
