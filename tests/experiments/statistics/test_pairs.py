"""Two agents at a time."""

import math
from typing import Any

import numpy as np
import pytest

from experiments.statistics.pairs import comparisons, holm, improvements, p_value, seeds_needed
from tests.experiments.statistics.played import episode, table


def test_pairs_are_of_episodes_that_both_have():
    played = [episode("x", seed=s, reward=0.5 + 0.1 * s) for s in (0, 1)]
    played += [episode("y", seed=s, reward=0.4 + 0.1 * s) for s in (1, 2)]
    (row,) = comparisons(table(*played), "x").to_dict("records")
    assert (row["agent"], row["pairs"], row["seeds"], row["improvement"]) == ("y", 1, 1, 1.0)
    assert row["reward_mean_difference"] == pytest.approx(0.1)
    assert row["score_difference"] == pytest.approx(0.2)  # of a spread of a half
    assert math.isnan(row["score_seeds_needed"])  # of one seed, nobody knows


def test_differences_are_taken_before_anything_else():
    # what a seed does to both alike is gone in the difference, and its interval is a point
    played = [episode("x", "a", seed, reward=seed + 0.1) for seed in range(5)]
    played += [episode("y", "a", seed, reward=float(seed)) for seed in range(5)]
    (row,) = comparisons(table(*played), "x").to_dict("records")
    found = [row[f"reward_mean_difference{end}"] for end in ("", "_low", "_high")]
    assert found == pytest.approx([0.1] * 3)


def test_without_references_rewards_are_compared_all_the_same():
    played = [episode(agent, "c", seed, reward=r) for agent, r in (("x", 0.5), ("y", 0.3)) for seed in (0, 1)]
    (row,) = comparisons(table(*played, references={}), "x").to_dict("records")
    assert math.isnan(row["score_difference"]) and math.isnan(row["score_seeds_needed"])
    assert row["reward_mean_difference"] == pytest.approx(0.2)
    assert row["reward_mean_seeds_needed"] == 2.0  # always the same difference
    assert row["qoe_mean_seeds_needed"] == math.inf  # there is none


def test_whom_nobody_met_is_compared_with_nobody():
    assert comparisons(table(episode("x", "a"), episode("y", "b")), "x").empty
    assert comparisons(table(episode("x"), episode("y")), "absent").empty


def test_the_matrix_of_improvements_says_both_sides_of_each_pair():
    played = [episode("x", seed=s, reward=r) for s, r in enumerate((0.1, 0.5))]
    played += [episode("y", seed=s, reward=r) for s, r in enumerate((0.3, 0.1))]
    played += [episode("alone", "b")]
    found = improvements(table(*played), ["x", "y", "alone"]).set_index(["agent", "other"])
    # 0.1 loses and ties, 0.5 wins twice: 2.5 of 4
    assert found["improvement"].to_dict() == {("x", "y"): 0.625, ("y", "x"): 0.375}
    assert found.loc[("x", "y"), "improvement_low"] == 1 - found.loc[("y", "x"), "improvement_high"]
    assert found["cells"].tolist() == [1, 1]


def test_a_figure_is_compared_where_both_know_it():
    blind: dict[str, Any] = {"known.lag": False}
    played = [episode("x", seed=0), episode("x", seed=1, **blind), episode("y", seed=0), episode("y", seed=1)]
    (row,) = comparisons(table(*played), "x").to_dict("records")
    assert (row["pairs"], row["slo_fulfilment_difference"]) == (2, 0.0)


# --- what is chance ---


def test_p_is_that_of_a_paired_t_test():
    # mean 1, standard deviation 2, five pairs: t = 1.118 with 4 degrees of freedom
    values = np.array([-1.0, 3.0, -1.0, 3.0, 1.0])
    assert p_value([values]) == pytest.approx(0.3262, abs=1e-4)
    # twice in cells of their own: t = 1.581 with 8
    assert p_value([values, values + 0.0]) == pytest.approx(0.1525, abs=1e-4)


def test_a_difference_between_cells_is_no_noise():
    assert p_value([np.array([0.9, 1.0, 1.1]), np.array([8.9, 9.0, 9.1])]) < 1e-6


def test_without_noise_there_is_no_chance():
    assert p_value([np.array([1.0, 1.0])]) == 0.0 and p_value([np.array([0.0, 0.0])]) == 1.0
    assert math.isnan(p_value([np.array([1.0])]))


def test_holm_multiplies_the_smallest_by_their_number():
    # 4 x 0.01, 3 x 0.02, 2 x 0.03 (as large as the one before), 1 x 0.5
    found = holm(np.array([0.5, 0.01, math.nan, 0.03, 0.02]))
    np.testing.assert_allclose(found, [0.5, 0.04, math.nan, 0.06, 0.06])
    assert holm(np.array([0.6, 0.7])).tolist() == [1.0, 1.0]


def test_tables_of_pairs_are_corrected_for_their_rows():
    rewards = {"x": (0.50, 0.52, 0.51), "y": (0.40, 0.43, 0.41), "z": (0.50, 0.53, 0.50)}
    played = [episode(name, seed=s, reward=r) for name, own in rewards.items() for s, r in enumerate(own)]
    single = p_value([np.array(rewards["x"]) - np.array(rewards["y"])])
    of_reference = comparisons(table(*played), "x").set_index("agent")["p"].to_dict()
    assert of_reference["y"] == pytest.approx(2 * single)
    of_all = improvements(table(*played), list(rewards)).set_index(["agent", "other"])["p"].to_dict()
    assert of_all["x", "y"] == of_all["y", "x"] == pytest.approx(3 * single)


# --- seeds needed ---


def test_seeds_needed_are_those_of_a_paired_t_test():
    # difference 1, standard deviation 2: 34 pairs are in every table for 80 % at two-sided 5 %
    values = np.array([-1.0, 3.0, -1.0, 3.0, 1.0]) * np.sqrt(4 / 4) + 0.0
    assert (values.mean(), values.std(ddof=1)) == (1.0, 2.0)
    assert seeds_needed([values]) == 34


def test_more_cells_need_fewer_seeds_each():
    values = np.array([-1.0, 3.0, -1.0, 3.0, 1.0])
    # a quarter of 31.4, the normal quantiles' figure, and a little more for few degrees of freedom
    assert seeds_needed([values] * 4) == 9


def test_a_difference_that_never_varies_takes_two_to_be_seen():
    assert seeds_needed([np.full(5, 0.1), np.full(3, 0.2)]) == 2


def test_no_difference_is_never_found_and_one_seed_tells_nothing():
    assert seeds_needed([np.array([1.0, -1.0])]) == math.inf
    assert math.isnan(seeds_needed([np.array([0.3]), np.array([0.5])]))
    assert math.isnan(seeds_needed([]))


def test_cells_of_one_seed_are_left_out():
    pair = np.array([0.9, 1.1, 1.3])
    assert seeds_needed([pair, np.array([-50.0])]) == seeds_needed([pair])


def test_with_that_many_seeds_a_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(5)
    spreads, difference = np.array([0.5, 1.0, 2.0]), 0.6
    shape = np.array([-1.0, 0.0, 1.0])  # of variance 1
    n = int(seeds_needed([difference + spread * shape for spread in spreads]))
    drawn = difference + spreads[:, np.newaxis] * rng.standard_normal((4000, 3, n))
    variances = drawn.var(axis=2, ddof=1) / n
    statistic = drawn.mean(axis=(1, 2)) / (np.sqrt(variances.sum(axis=1)) / 3)
    freedom = (n - 1) * variances.sum(axis=1) ** 2 / (variances**2).sum(axis=1)
    from scipy.stats import t

    found = np.abs(statistic) > t.ppf(0.975, freedom)
    assert found.mean() == pytest.approx(0.8, abs=0.03)
