"""What settings have in common is what the spec says they cost, and how far that is trusted."""

from dataclasses import replace

import numpy as np
import pytest

from agents.aif.settings import features, weights
from agents.common.settings import joint_settings
from tests.agents.aif.small import LOADS, SPEC

SETTINGS = joint_settings(SPEC.n_levels)
TABLE = features(SETTINGS, SPEC.n_levels)
STEPS = [np.diff(np.log(knob.costs[0])) for knob in SPEC.knobs]


def test_the_lowest_setting_is_the_origin():
    assert not TABLE[0].any()
    assert TABLE.shape == (6, 2 + 1 + 1)


def test_the_prior_is_the_specs_costs_flattened():
    mean, _ = weights(STEPS, LOADS, learns=True)
    costs = np.log([[1, 3], [2, 6], [4, 12]]).ravel()
    np.testing.assert_allclose(TABLE @ mean, 0.75 * costs)


def test_its_doubt_is_that_of_slopes_steps_and_products_together():
    _, cov = weights(STEPS, LOADS, learns=True)
    highest = TABLE[-1] @ cov @ TABLE[-1]
    slopes = 0.4**2 * (np.log(4) ** 2 + np.log(3) ** 2)
    assert highest == pytest.approx(slopes + 3 * 0.05**2 + 0.1**2)


def test_what_is_taken_for_known_has_no_doubt():
    mean, cov = weights(STEPS, LOADS, learns=False)
    np.testing.assert_array_equal(mean, weights(STEPS, LOADS, learns=True)[0])
    assert not cov.any()


@pytest.mark.parametrize("change", [{"slope_sd": -0.1}, {"jump": 1.0}, {"noise": 0.0}, {"drift": -1.0}])
def test_figures_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=r"aif\.yaml"):
        replace(LOADS, **change)
