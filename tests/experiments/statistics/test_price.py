"""Ranks over the price of a violation: lines and where they cross, by hand."""

import numpy as np

from experiments.statistics.leaderboard import Lead, leads, ranks, utilities

# bold earns most and breaks most; careful never breaks anything; poor is beaten by careful at every price
QOE, BROKEN = np.array([0.9, 0.6, 0.5, 0.7]), np.array([0.4, 0.0, 0.0, 0.1])
BOLD, CAREFUL, POOR, BETWEEN = range(4)


def test_a_utility_is_a_line_in_the_price():
    found = utilities(QOE, BROKEN, np.array([0.0, 1.0]))
    np.testing.assert_allclose(found, [[0.9, 0.5], [0.6, 0.6], [0.5, 0.5], [0.7, 0.6]])


def test_equals_share_the_better_rank():
    assert ranks(np.array([[0.9, 0.5], [0.6, 0.6], [0.5, 0.5], [0.7, 0.6]])).T.tolist() == [
        [1, 3, 4, 2],
        [3, 1, 3, 1],
    ]


def test_the_lead_changes_where_lines_cross():
    found = leads(QOE, BROKEN)
    assert [lead.agent for lead in found] == [BOLD, BETWEEN, CAREFUL]
    # 0.9 - 0.4 p = 0.7 - 0.1 p at 2/3, and 0.7 - 0.1 p = 0.6 at 1
    np.testing.assert_allclose([lead.price for lead in found], [0.0, 2 / 3, 1.0])


def test_beyond_the_highest_price_nobody_looks():
    assert leads(QOE, BROKEN, highest=0.9)[-1].agent == BETWEEN


def test_of_equal_quality_the_one_that_breaks_less_leads():
    assert leads(np.array([0.5, 0.5]), np.array([0.2, 0.1])) == [Lead(0.0, 1)]
