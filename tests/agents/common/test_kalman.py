"""The shared update is the textbook's, and merging is that of the two posteriors it merges."""

import numpy as np
import pytest

from agents.common import kalman

RNG = np.random.default_rng(0)
ROOT = RNG.standard_normal((4, 4))
MEAN, COV = RNG.standard_normal(4), ROOT @ ROOT.T
H, READING, NOISE = np.array([1.0, 0.0, 2.0, -1.0]), 0.7, 0.3
JUMP = np.diag([0.0, 0.0, 0.0, 4.0])


def after(cov):
    """Mean and covariance after the reading, by the textbook's matrices; s, S and e besides."""
    towards, error = cov @ H, READING - H @ MEAN
    variance = H @ towards + NOISE
    gain = towards / variance
    return MEAN + gain * error, cov - np.outer(gain, gain) * variance, towards, variance, error


def test_a_reading_corrects_as_the_inverse_of_summed_precisions_does():
    _, _, towards, variance, error = after(COV)
    mean, cov = kalman.corrected(MEAN, COV, towards / variance, error, towards)
    precision = np.linalg.inv(COV) + np.outer(H, H) / NOISE
    assert np.allclose(cov, np.linalg.inv(precision))
    assert np.allclose(mean, cov @ (np.linalg.solve(COV, MEAN) + H * READING / NOISE))


def test_the_division_may_stand_with_any_factor_and_beliefs_lie_side_by_side():
    expected_mean, expected_cov, towards, variance, error = after(COV)
    errors, shares = np.array([error / variance, 0.0]), np.array([towards / variance, 0 * towards])
    mean, cov = kalman.corrected(
        np.stack([MEAN, MEAN]), np.stack([COV, COV]), np.stack([towards, towards]), errors, shares
    )
    assert mean[0] == pytest.approx(expected_mean, abs=1e-12)
    assert cov[0] == pytest.approx(expected_cov, abs=1e-12)
    assert np.array_equal(mean[1], MEAN) and np.array_equal(cov[1], COV)  # nothing was read


def test_several_readings_at_once_shift_as_far_as_one_after_the_other():
    rows, values = np.stack([H, H[::-1]]), np.array([0.7, -0.2])
    mean, cov = MEAN, COV
    for row, value in zip(rows, values, strict=True):
        towards = cov @ row
        variance = row @ towards + NOISE
        mean, cov = kalman.corrected(mean, cov, towards / variance, value - row @ mean, towards)
    towards = COV @ rows.T
    shift = kalman.shift(towards, rows @ towards + NOISE * np.eye(2), values - rows @ MEAN)
    assert MEAN + shift == pytest.approx(mean, abs=1e-12)


def test_evidence_that_is_a_reading_is_matched_to_the_same_posterior():
    expected_mean, expected_cov, towards, total, error = after(COV)
    variance = H @ towards
    mean, cov = kalman.matched(MEAN, COV, towards / variance, variance / total * error, variance**2 / total)
    assert mean == pytest.approx(expected_mean, abs=1e-12)
    assert cov == pytest.approx(expected_cov, abs=1e-12)


def test_two_hypotheses_are_merged_as_their_posteriors_are():
    p = np.array(0.3)
    stayed, jumped = after(COV), after(COV + JUMP)
    shares = np.array([1 - p, p])
    expected = kalman.merged(shares, *(np.stack(pair) for pair in zip(stayed[:2], jumped[:2], strict=True)))
    near, far = (kalman.Told(towards / s, error, s) for _, _, towards, s, error in (stayed, jumped))
    ours = kalman.either(MEAN, COV + p * JUMP, near, far, p)
    for part, textbook in zip(ours, expected, strict=True):
        assert part == pytest.approx(textbook, abs=1e-12)


def test_an_array_of_jax_comes_out_as_one_of_numpy():
    import jax
    import jax.numpy as jnp

    import agents.common.jax_cpu  # noqa: F401

    _, _, towards, variance, error = after(COV)
    theirs = jax.jit(kalman.corrected)(*map(jnp.asarray, (MEAN, COV, towards / variance, error, towards)))
    ours = kalman.corrected(MEAN, COV, towards / variance, error, towards)
    assert all(np.allclose(*pair, atol=1e-5) for pair in zip(theirs, ours, strict=True))
