"""What evidence teaches is Bayes' rule, by enumeration and numerical integrals."""

import jax.numpy as jnp
import numpy as np
import pytest
from pymdp import inference
from scipy.stats import norm

import agents.common.jax_cpu  # noqa: F401 - before pymdp imports JAX
from agents.aif.beliefs import ANYWHERE
from agents.aif.evidence import Attribution, Evidence
from agents.aif.filtering import P_OUTLIER, perceived, taught, told
from tests.agents.aif.small import CARRIED, CHANNELS, LOAD, PRIOR, TREND, belief, readings, resting

ALONE = Attribution(np.zeros(1, np.int64), np.ones(1, np.int64), np.zeros((1, 2), bool), np.ones(1, bool))


def of_load(y, variance, side=0.0):
    """Evidence on the load alone."""
    filled = [np.array([[value, 0.0]]) for value in (y, variance, side)]
    filled[1][0, 1] = 1.0
    return Evidence(filled[0], filled[1], filled[2], np.array([[True, False]]))


def after(found, of=None, prior=PRIOR):
    of, seen = of or belief(), readings(1.0, 1.0)
    return taught(CHANNELS, prior, of, seen, ALONE, found)[0]


def moments(density, grid):
    p = density / density.sum()
    mean = (p * grid).sum()
    return mean, (p * (grid - mean) ** 2).sum()


def test_a_reading_is_taken_as_a_kalman_filter_takes_it_where_nothing_jumps():
    calm = PRIOR._replace(jump=np.zeros(2))
    mean, variance = (part[LOAD] for part in resting(belief(), 0))
    got_mean, got_variance = (part[LOAD] for part in resting(after(of_load(0.5, 0.04), prior=calm), 0))
    gain = variance / (variance + 0.04)
    assert got_mean == pytest.approx(mean + gain * (0.5 - mean))
    assert got_variance == pytest.approx(variance * (1 - gain))


@pytest.mark.parametrize("y", (0.3, 2.5))
def test_that_it_has_jumped_is_weighed_against_that_it_has_not(y):
    """The posterior over a grid of the resting value, of both hypotheses."""
    mean, variance = (part[LOAD] for part in resting(belief(), 0))
    grid = np.linspace(-12, 12, 20_001)
    stayed = norm.pdf(grid, mean, np.sqrt(variance))
    jumped = norm.pdf(grid, mean, np.sqrt(variance + ANYWHERE**2))
    seen = norm.pdf(y, grid, 0.3)
    expected = moments((0.95 * stayed + 0.05 * jumped) * seen, grid)
    got = [part[LOAD] for part in resting(after(of_load(y, 0.09)), 0)]
    np.testing.assert_allclose(got, expected, rtol=1e-3)


@pytest.mark.parametrize("side", (-1.0, 1.0))
@pytest.mark.parametrize("y", (-1.0, 0.5))
def test_a_bound_is_taken_by_the_moments_of_what_is_beyond_it(y, side):
    calm = PRIOR._replace(jump=np.zeros(2))
    mean, variance = (part[LOAD] for part in resting(belief(), 0))
    grid = np.linspace(-10, 10, 20_001)
    expected = moments(norm.pdf(grid, mean, np.sqrt(variance)) * norm.cdf(side * (grid - y) / 0.2), grid)
    got = [part[LOAD] for part in resting(after(of_load(y, 0.04, side), prior=calm), 0)]
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


def test_a_bound_that_was_expected_tells_next_to_nothing():
    _, shift, share = told(np.array(-3.0), np.array(0.25), np.array(1.0))
    assert abs(shift) < 1e-6 and abs(share) < 1e-6


def test_what_one_setting_shows_is_told_of_its_neighbours():
    mean, variance = resting(after(of_load(1.0, 0.01), prior=PRIOR._replace(jump=np.zeros(2))), 5)
    before_mean, before_variance = resting(belief(), 5)
    assert mean[LOAD] > before_mean[LOAD]
    assert variance[LOAD] < before_variance[LOAD]
    assert (mean[CARRIED], variance[CARRIED]) == (before_mean[CARRIED], before_variance[CARRIED])


def test_what_is_unknown_teaches_nothing():
    seen = readings(1.0, 1.0, known=(False, False))
    of, trend, surprise = perceived(CHANNELS, PRIOR, belief(), TREND, seen, 0)
    np.testing.assert_array_equal(of.mean, belief().mean)
    assert surprise == 0.0
    assert np.isnan(trend.y).all()


def episode(delay, settings, of):
    """Beliefs after each interval of loads that stand out by the setting, seen so late."""
    loads, trend, seen = [0.2, 0.3, 0.45, 0.4, 0.6, 0.9], TREND, []
    for time, row in enumerate(settings):
        late = time - delay
        shown = readings(loads[settings[late]] if late >= 0 else 1.0, 0.5, known=(late >= 0,) * 2)
        of, trend, _ = perceived(CHANNELS, PRIOR, of, trend, shown, row)
        seen.append(of)
    return seen


@pytest.mark.parametrize("delay", (0, 1, 3))
def test_how_late_telemetry_is_is_inferred(delay):
    rng = np.random.default_rng(1)
    last = episode(delay, rng.integers(6, size=30).tolist(), belief(longest_delay=4))[-1]
    assert last.delays[last.likeliest] == delay
    assert last.p_delays.max() > 0.99


def test_the_posterior_over_delays_is_bayes_rule_and_that_of_pymdp():
    of = belief(longest_delay=2)._replace(has_heard=True, time=5)
    to = Attribution(np.array([0, 3, 5]), np.ones(3, np.int64), np.zeros((3, 2), bool), np.ones(3, bool))
    mean = np.array([resting(of, row)[0][LOAD] for row in to.row])
    variance = np.array([resting(of, row)[1][LOAD] for row in to.row]) + 0.01
    found = Evidence(np.full((3, 2), 0.9), np.full((3, 2), 0.01), np.zeros((3, 2)), np.ones((3, 2), bool))
    likelihood = (1 - P_OUTLIER) * norm.pdf(0.9, mean, np.sqrt(variance))
    likelihood += P_OUTLIER * norm.pdf(0.9, mean, np.sqrt(variance + 1))
    got, _ = taught(CHANNELS, PRIOR, of, readings(2.0, 1.0), to, found)
    joint = of.p_delays * likelihood
    np.testing.assert_allclose(got.p_delays, joint / joint.sum())
    scaled = (likelihood / likelihood.max()).astype(np.float32)  # a share of one outcome
    (theirs,), _ = inference.update_posterior_states(
        [jnp.asarray(scaled)[None]],
        None,
        [jnp.ones((1, 1))],
        None,
        prior=[jnp.asarray(of.p_delays, jnp.float32)],
        A_dependencies=[[0]],
        method="exact",
        return_info=True,
    )
    np.testing.assert_allclose(got.p_delays, np.ravel(theirs), atol=1e-5)
