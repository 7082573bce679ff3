"""The online posterior is what a sampler finds, follows a load that jumps, and never recompiles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import log_density

from agents.bayes.filtering import Stories, update
from agents.bayes.layout import Layout, drifts, jumps
from agents.bayes.model import Gaussian, Reading, interval

LAYOUT = Layout(memory=(False,), prompt=(True,), n_stages=1, n_features=3)
PRIOR = Gaussian(
    jnp.array([0.0, 0.0, 1.0, 0.0, -3.0, -0.7]), jnp.diag(jnp.array([1.0, 0.3, 0.5, 0.3, 0.3, 0.3]))
)
STILL = Stories(jnp.zeros((1, LAYOUT.size)), jnp.zeros(1))


def reading(place, ratio):
    """Of a setting at this place of a single knob."""
    one, none = jnp.ones(1), jnp.zeros(0)
    features = jnp.array([1.0, place, place**2 - place])
    ln_pressure = jnp.log(ratio * one)
    return Reading(features, none, none, ln_pressure, one, 0 * one, jnp.asarray(1.0), jnp.asarray(1.0))


def demand_of(belief, place):
    """Mean and standard deviation of ln(demand) at a place."""
    point = np.array([1.0, 1.0, place, place**2 - place, 0.0, 0.0])
    root = np.asarray(belief.root)
    return float(point @ np.asarray(belief.mean)), float(np.linalg.norm(point @ root))


def test_one_update_is_what_nuts_samples():
    seen = reading(0.7, 1.9)
    belief, _ = update(LAYOUT, PRIOR, STILL, seen)
    sampler = MCMC(
        NUTS(potential_fn=jax.jit(lambda at: -log_density(interval, (LAYOUT, PRIOR, seen), {}, at)[0])),
        num_warmup=200,
        num_samples=1500,
        progress_bar=False,
    )
    sampler.run(jax.random.key(0), init_params={"standard": jnp.zeros(LAYOUT.size)})
    points = np.asarray(PRIOR.mean + sampler.get_samples()["standard"] @ PRIOR.root.T)
    at_setting = points[:, 0] + points[:, 1] + 0.7 * points[:, 2] + (0.49 - 0.7) * points[:, 3]
    mean, sigma = demand_of(belief, 0.7)
    assert mean == pytest.approx(at_setting.mean(), abs=0.02)
    # where it was read, the noise is unknown and has tails: the curvature at the mode sees neither
    assert 0.5 * at_setting.std() < sigma < 1.1 * at_setting.std()
    spread = points.std(axis=0)
    assert np.asarray(belief.mean)[:4] == pytest.approx(points.mean(axis=0)[:4], abs=0.06)
    assert np.linalg.norm(np.asarray(belief.root), axis=1)[:4] == pytest.approx(spread[:4], rel=0.15)


def test_readings_at_two_places_tell_the_slope():
    belief = PRIOR
    for _ in range(10):
        for place, ratio in ((0.0, 0.2), (1.0, 1.0)):
            belief, _ = update(LAYOUT, belief, STILL, reading(place, ratio))
    low, high = demand_of(belief, 0.0), demand_of(belief, 1.0)
    assert low[0] == pytest.approx(np.log(0.2), abs=0.05)
    assert high[0] == pytest.approx(0.0, abs=0.05)
    assert max(low[1], high[1]) < 0.05


def test_a_load_that_doubles_is_followed_at_once_as_a_jump():
    steady = drifts(LAYOUT, drift=0.02, fade=0.003)
    sigmas = np.stack([steady, np.hypot(steady, jumps(LAYOUT)[0])])
    stories = Stories(jnp.asarray(sigmas, jnp.float32), jnp.log(jnp.array([0.98, 0.02])))
    belief = PRIOR
    for _ in range(15):
        belief, shares = update(LAYOUT, belief, stories, reading(0.5, 0.5))
    assert shares[1] < 0.02
    belief, shares = update(LAYOUT, belief, stories, reading(0.5, 1.0))
    assert shares[1] > 0.9
    assert demand_of(belief, 0.5)[0] == pytest.approx(0.0, abs=0.1)


def test_a_reading_at_the_cap_says_at_least_so_much():
    belief, _ = update(LAYOUT, PRIOR, STILL, reading(1.0, 10.0))
    mean, sigma = demand_of(belief, 1.0)
    assert mean > np.log(10) - 2 * sigma
    assert mean > demand_of(PRIOR, 1.0)[0]
