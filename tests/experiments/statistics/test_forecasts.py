"""Scores of forecasts, by hand."""

import numpy as np
import pytest

from experiments.statistics.forecasts import binned, brier

# four questions: two say 0.1, and it came true never and half the time; two say 0.9, always and half the time
FORECASTS = np.array([0.1, 0.1, 0.9, 0.9])
SHARES = np.array([0.0, 0.5, 1.0, 0.5])


def test_a_score_is_the_mean_over_questions_and_clones():
    """0.1 against 0: .01; against a half: .16 + .25; 0.9 against 1: .01; against a half: .16 + .25."""
    assert brier(FORECASTS, SHARES, 10).score == pytest.approx((0.01 + 0.41 + 0.01 + 0.41) / 4)


def test_its_parts_are_murphys():
    parts = brier(FORECASTS, SHARES, 10)
    assert parts.base_rate == 0.5
    assert parts.uncertainty == 0.25
    assert parts.reliability == pytest.approx(0.15**2)  # 0.1 against a quarter, 0.9 against three quarters
    assert parts.resolution == pytest.approx(0.25**2)
    assert parts.within_bins == pytest.approx(0)  # one forecast per bin
    assert parts.skill == pytest.approx(1 - 0.21 / 0.25)


def test_the_error_is_against_the_clones_shares():
    assert brier(FORECASTS, SHARES, 10).error == pytest.approx(np.sqrt((0.01 + 0.16 + 0.01 + 0.16) / 4))


def test_the_parts_add_up_with_what_bins_leave_out():
    rng = np.random.default_rng(0)
    forecasts, shares = rng.random(500), rng.random(500).round(2)
    parts = brier(forecasts, shares, 5)
    assert abs(parts.within_bins) > 1e-4
    assert parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins == pytest.approx(
        parts.score
    )


def test_who_knows_the_shares_is_left_with_luck_alone():
    shares = np.array([0.0, 0.5, 1.0])
    parts = brier(shares, shares, 10)
    assert (parts.reliability, parts.error) == (0.0, 0.0)
    assert parts.score == pytest.approx(0.25 / 3)


def test_the_base_rate_has_no_skill_and_nobody_has_where_nothing_varies():
    assert brier(np.full(4, 0.5), SHARES, 10).skill == pytest.approx(0)
    assert np.isnan(brier(np.full(2, 0.5), np.ones(2), 10).skill)


def test_bins_have_counts_and_means_and_the_last_takes_certainty():
    bins = binned(np.array([0.0, 0.5, 0.9, 1.0]), np.array([0.0, 1.0, 0.5, 1.0]), 2)
    assert bins["n"].tolist() == [1, 3]
    assert bins["forecast"].tolist() == pytest.approx([0.0, 0.8])
    assert bins["share"].tolist() == pytest.approx([0.0, 2.5 / 3])


def test_an_empty_bin_is_left_out():
    assert binned(np.array([0.1, 0.9]), np.array([1.0, 1.0]), 3).index.tolist() == [0, 2]
