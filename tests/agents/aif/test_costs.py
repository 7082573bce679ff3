"""What settings really cost is learned from pressures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.aif import costs
from agents.aif.costs import CostPrior, Costs, demand_prior
from agents.common.settings import joint_settings
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo

SPEC = ElasticitySpec(
    knobs=(
        Knob("rate", "", (1, 2, 3), (1.0, 2.0, 3.0), ((1.0, 2.0, 3.0),)),
        Knob("size", "", (1, 2, 3), (1.0, 2.0, 3.0), ((1.0, 3.3, 10.5),)),
    ),
    slos=(Slo("load", 1.0),),
)
SETTINGS = joint_settings(SPEC.n_levels)
PRIOR = CostPrior(slope=0.75, slope_sd=0.4, step_sd=0.05, interaction_sd=0.1)
TRUE = np.log([1.0, 2.0, 3.0])[SETTINGS[:, 0]] + np.log([1.0, 1.2, 1.4])[SETTINGS[:, 1]]
NOISE, JUMP = 0.05, 0.05
UPDATE = jax.jit(costs.update)
START = Costs(
    *(jnp.asarray(part, jnp.float32) for part in demand_prior(SPEC, 0, SETTINGS, PRIOR, 1.0, False))
)


def seen(belief, setting, ln_pressure, jump=JUMP):
    return UPDATE(belief, jnp.int32(setting), jnp.float32(ln_pressure), NOISE, jump, 1.0)


def relative(belief):
    """ln cost of every setting, less that of the lowest."""
    return np.asarray(belief.mean[:-1] - belief.mean[0])


def test_the_prior_is_the_specs_costs_flattened_and_lets_the_lowest_be_known():
    mean, cov = demand_prior(SPEC, 0, SETTINGS, PRIOR, 1.0, False)
    assert mean[-2] == pytest.approx(0.75 * np.log(3 * 10.5))
    assert mean[-1] == 1.0
    assert cov[0, 0] == 0
    slopes, steps = 0.16 * (np.log(3) ** 2 + np.log(10.5) ** 2), 2 * 2 * 0.05**2
    assert cov[-2, -2] == pytest.approx(slopes + steps + 0.1**2)


def test_relative_costs_of_1_to_1_2_to_1_4_are_recovered_from_noisy_pressures():
    rng, belief = np.random.default_rng(0), START
    for _ in range(8):
        for setting in rng.permutation(len(SETTINGS)):
            belief = seen(belief, setting, TRUE[setting] - 0.4 + NOISE * rng.standard_normal())
    np.testing.assert_allclose(relative(belief), TRUE, atol=0.08)
    assert belief.mean[-1] == pytest.approx(0.4, abs=0.08)


def test_what_one_setting_shows_is_told_of_others_that_were_never_tried():
    belief = START
    for _ in range(3):
        for setting in (0, 1):  # the lowest, and one level more of the size
            belief = seen(belief, setting, TRUE[setting])

    def error(belief, setting, than):
        costs = relative(belief) - TRUE
        return abs(costs[setting] - costs[than])

    assert error(belief, 7, 6) < error(START, 7, 6) / 2  # the same two sizes, at the highest rate
    assert error(belief, 2, 0) < error(START, 2, 0) / 2  # the highest size: by the slope


def test_a_kalman_filters_update_is_what_happens_where_nothing_jumps():
    """By the textbook's matrices."""
    row = np.zeros(10)
    row[4], row[-1] = 1.0, -1.0
    mean, cov = np.asarray(START.mean, float), np.asarray(START.cov, float)
    variance = row @ cov @ row + NOISE**2
    gain = cov @ row / variance
    expected = mean + gain * (0.3 - row @ mean)
    ours = seen(START, 4, 0.3, jump=0.0)
    np.testing.assert_allclose(ours.mean, expected, atol=1e-4)
    np.testing.assert_allclose(ours.cov, cov - variance * np.outer(gain, gain), atol=1e-4)


def test_a_sudden_change_at_a_setting_that_is_known_is_the_capacitys_and_not_the_costs():
    belief = START
    for _ in range(20):
        belief = seen(belief, 4, TRUE[4])
    costs_before, k = relative(belief), float(belief.mean[-1])
    belief = seen(belief, 4, TRUE[4] + np.log(3))
    assert float(belief.mean[-1]) - k == pytest.approx(-np.log(3), abs=0.1)
    np.testing.assert_allclose(relative(belief), costs_before, atol=0.05)


def test_what_was_not_seen_changes_nothing():
    unseen = UPDATE(START, jnp.int32(3), jnp.float32(0.0), NOISE, JUMP, 0.0)
    np.testing.assert_array_equal(unseen.mean, START.mean)
    np.testing.assert_array_equal(unseen.cov, START.cov)


def test_what_was_learned_is_forgotten_towards_the_prior_and_never_to_nothing():
    belief = seen(START, 4, 2.0)
    for _ in range(2000):
        belief = costs.remember(belief, START, jnp.float32(0.01), jnp.float32(0.0))
    np.testing.assert_allclose(belief.mean[:-1], START.mean[:-1], atol=1e-4)
    np.testing.assert_allclose(belief.cov[:-1, :-1], START.cov[:-1, :-1], atol=1e-4)


@pytest.mark.parametrize("change", [{"slope": 0.0}, {"slope_sd": -0.1}, {"step_sd": -1.0}])
def test_figures_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=r"cost_prior.*aif\.yaml"):
        CostPrior(**({"slope": 1.0, "slope_sd": 0.1, "step_sd": 0.1, "interaction_sd": 0.1} | change))
