"""What an interval teaches of costs: its own settings' load, and not that of what was begun before."""

import jax.numpy as jnp
import numpy as np
import pytest

from agents.aif.beliefs import Evidence, beginning, on_device
from agents.aif.costs import CostPrior
from agents.aif.model import build
from agents.aif.perception import RESTED, learned
from agents.common.policies import Moves, policies
from tests.agents.aif.test_decision import CHOICE, N_LEVELS, SPEC, TUNABLES

MODEL = build(SPEC, TUNABLES, CostPrior(slope=0.75, slope_sd=0.4, step_sd=0.05, interaction_sd=0.1))
ARRAYS = on_device(SPEC, MODEL, policies(N_LEVELS, Moves.ABSOLUTE, 1), **CHOICE)
LOWEST, HIGHEST = 0, len(MODEL.settings) - 1


def interval(setting: int, backlog: float, load: float) -> Evidence:
    """All known; bins play no part in learning."""
    heights = np.array([backlog, load], np.float32)
    return Evidence(
        levels=MODEL.settings[setting],
        heights=heights,
        ratios=np.zeros(2, np.int32),
        known=np.ones(2, np.float32),
        pressure=np.zeros(1, np.int32),
        ln_pressure=np.log(heights[1:]),
        pressure_known=np.ones(1, np.float32),
    )


def after(*intervals: tuple[int, float, float]):
    """The belief when these have passed, each of a setting, a backlog and a load."""
    belief = beginning(ARRAYS, HIGHEST)
    for setting, backlog, load in intervals:
        belief = learned(ARRAYS, belief, interval(setting, backlog, load), jnp.int32(setting))
        belief = belief._replace(heights=jnp.array([backlog, load]), setting=jnp.int32(setting))
    return belief


def saving(belief) -> float:
    """By how much the highest setting is believed to cost more than the lowest, in the logarithm."""
    return float(belief.costs.mean[0, HIGHEST] - belief.costs.mean[0, LOWEST])


def test_a_load_seen_while_a_backlog_of_other_settings_is_worked_off_teaches_no_costs():
    overloaded = after(*[(HIGHEST, 3.0, 4.0)] * 8)
    worked_off = after(*[(HIGHEST, 3.0, 4.0)] * 8, *[(LOWEST, 3.0, 4.0)] * RESTED)
    assert saving(worked_off) == pytest.approx(saving(overloaded), abs=1e-3)


def test_a_load_that_stays_teaches_its_settings_costs_in_the_end():
    overloaded = after(*[(HIGHEST, 3.0, 4.0)] * 8)
    held = after(*[(HIGHEST, 3.0, 4.0)] * 8, *[(LOWEST, 3.0, 4.0)] * (RESTED + 4))
    assert saving(held) < saving(overloaded) - 0.1


def test_without_a_backlog_the_load_teaches_at_once():
    calm = after(*[(HIGHEST, 0.1, 0.8)] * 8)
    assert saving(after(*[(HIGHEST, 0.1, 0.8)] * 8, (LOWEST, 0.1, 0.6))) < saving(calm) - 0.1
