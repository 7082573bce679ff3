"""Recursive least squares finds what batch least squares would, and tells outliers from jumps."""

import numpy as np
import pytest

from agents.mpc.regression import Fit, forget, predict, update


def begin(sigma=10.0, residual=0.1):
    """One figure, linear in a constant and one feature, almost nothing known of it."""
    culprits = np.zeros((1, 2, 2))
    culprits[0, 0, 0] = 1.0
    return Fit(np.zeros((1, 2)), sigma**2 * np.eye(2)[None], np.array([residual**2]), np.zeros(1), culprits)


def feed(fit, points):
    for x, y in points:
        fit = update(fit, np.array([1.0, x]), np.array([y]), np.array([True]), np.zeros(1))
    return fit


def test_two_points_determine_a_line():
    fit = feed(begin(), [(0.0, 1.0), (1.0, 3.0)])
    assert fit.mean[0] == pytest.approx([1.0, 2.0], abs=1e-2)


def test_what_was_not_read_changes_nothing():
    fit = feed(begin(), [(0.0, 1.0)])
    after = update(fit, np.array([1.0, 0.5]), np.array([7.0]), np.array([False]), np.zeros(1))
    assert np.array_equal(after.mean, fit.mean)
    assert np.array_equal(after.cov, fit.cov)


def test_one_outlier_moves_the_fit_little_and_two_in_a_row_move_its_constant():
    fit = feed(begin(), [(0.0, 1.0), (1.0, 3.0)] * 20)
    once = feed(fit, [(0.0, 5.0)])
    twice = feed(once, [(0.0, 5.0)])
    assert once.mean[0, 0] == pytest.approx(1.0, abs=0.2)
    assert twice.mean[0] == pytest.approx([5.0, 2.0], abs=0.2)


def test_only_the_constant_is_forgotten_at_the_drift():
    grown = forget(begin(sigma=1.0), np.array([0.3]), 0.1)
    assert np.diag(grown.cov[0]) == pytest.approx([1.09, 1.01])


def test_a_prediction_is_less_certain_where_nothing_was_read():
    fit = feed(begin(), [(0.0, 1.0)])
    mean, variance = predict(fit, np.array([[1.0, 0.0], [1.0, 1.0]]))
    assert mean.shape == variance.shape == (2, 1)
    assert variance[1, 0] > 100 * variance[0, 0]
