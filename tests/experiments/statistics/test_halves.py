"""Whether an order of agents survives other worlds."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.statistics.pairs import LEAST_CELLS, halves_agreement
from tests.experiments.statistics.played import episode, table

CELLS = [f"w{i:02}" for i in range(2 * LEAST_CELLS)]  # every second one is of the first half


def played(agent, rewards):
    """An episode per cell, all of one stratum."""
    places = zip(CELLS, rewards, strict=False)
    return [replace(episode(agent, cell, reward=float(reward)), stratum="link") for cell, reward in places]


def test_two_that_differ_alike_in_both_halves_keep_their_sign_and_one_of_chance_is_not_counted():
    noise = np.random.default_rng(1).normal(0, 0.1, (3, len(CELLS)))
    episodes = table(
        *played("best", 0.8 + noise[0]), *played("same", 0.8 + noise[1]), *played("worst", 0.2 + noise[2])
    )
    found = halves_agreement(episodes)
    assert found is not None
    assert (found.cells, found.differing, found.kept) == (
        LEAST_CELLS,
        4,
        4,
    )  # best and same over worst, twice


def test_one_that_is_good_in_one_half_alone_turns_over():
    first = np.arange(len(CELLS)) % 2 == 0
    noise = np.random.default_rng(0).normal(0, 0.01, (2, len(CELLS)))
    fickle = np.where(first, 0.9, 0.1) + noise[0]
    found = halves_agreement(table(*played("fickle", fickle), *played("steady", 0.5 + noise[1])))
    assert found is not None
    assert (found.differing, found.kept) == (2, 0)
    assert found.spearman == pytest.approx(-1.0)


def test_of_few_cells_nothing_is_said():
    assert halves_agreement(table(*played("one", np.zeros(10)), *played("other", np.ones(10)))) is None
