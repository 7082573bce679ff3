"""Ranks over the price of a violation, by hand."""

import numpy as np

from experiments.statistics.leaderboard import ranks, utilities

# bold earns most and breaks most; careful never breaks anything; poor is beaten by careful at every price
QOE, BROKEN = np.array([0.9, 0.6, 0.5, 0.7]), np.array([0.4, 0.0, 0.0, 0.1])


def test_a_utility_is_a_line_in_the_price():
    found = utilities(QOE, BROKEN, np.array([0.0, 1.0]))
    np.testing.assert_allclose(found, [[0.9, 0.5], [0.6, 0.6], [0.5, 0.5], [0.7, 0.6]])


def test_equals_share_the_better_rank():
    assert ranks(np.array([[0.9, 0.5], [0.6, 0.6], [0.5, 0.5], [0.7, 0.6]])).T.tolist() == [
        [1, 3, 4, 2],
        [3, 1, 3, 1],
    ]
