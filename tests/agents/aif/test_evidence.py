"""Readings are taken for the settings that they are of, and for nothing else's making."""

import numpy as np

from agents.aif.beliefs import along
from agents.aif.filtering import perceived
from tests.agents.aif.small import CARRIED, CHANNELS, LOAD, PRIOR, TREND, belief, readings, resting

LOWEST, HIGHEST = 0, 5


def lived(*intervals, of=None, row=HIGHEST):
    """Beliefs after intervals of a setting, a load and a ratio."""
    of, trend = of or belief(row=row), TREND
    for setting, load, ratio in intervals:
        of, trend, _ = perceived(CHANNELS, PRIOR, of, trend, readings(load, ratio), setting)
    return of, trend


def carried(of, row):
    return resting(of, row)[0][CARRIED]


def test_a_backlog_of_the_past_says_nothing_of_the_setting_that_it_drains_under():
    calm = ((HIGHEST, 0.9, 0.5),) * 3
    before, _ = lived(*calm, (HIGHEST, 0.9, 1.5))
    after, _ = lived(*calm, (HIGHEST, 0.9, 1.5), (LOWEST, 0.2, 1.4), (LOWEST, 0.2, 1.2), (LOWEST, 0.2, 1.1))
    assert carried(after, LOWEST) == np.float64(carried(before, LOWEST))


def test_what_stays_broken_is_the_settings_own():
    of, _ = lived(*((LOWEST, 0.2, 1.3),) * 6, row=LOWEST)
    assert carried(of, LOWEST) > 0.3


def test_what_breaks_while_a_load_is_too_high_is_explained_by_that():
    calm = ((HIGHEST, 0.9, 0.5),) * 3
    before, _ = lived(*calm)
    after, _ = lived(*calm, *((HIGHEST, 1.5, 1.5),) * 5)
    assert carried(after, HIGHEST) < carried(before, HIGHEST) + 0.3
    assert resting(after, HIGHEST)[0][LOAD] > 0.2


def test_a_load_after_trouble_may_still_be_of_the_setting_before():
    """2.0 at the highest, and once more when that was left: else it would be a jump of the capacity."""
    known = ((LOWEST, 0.2, 0.1), (HIGHEST, 0.8, 0.1)) * 6
    before, _ = lived(*known, (HIGHEST, 2.0, 0.5))
    after, _ = lived(*known, (HIGHEST, 2.0, 0.5), (LOWEST, 2.0, 0.5))
    assert resting(after, LOWEST)[0][LOAD] == resting(before, LOWEST)[0][LOAD]
    told, _ = lived(*known, (HIGHEST, 2.0, 0.5), (LOWEST, 0.5, 0.5))
    assert resting(told, LOWEST)[0][LOAD] != resting(before, LOWEST)[0][LOAD]


def test_a_capacity_that_is_lost_is_the_worlds_and_not_the_settings():
    known = ((LOWEST, 0.2, 0.1), (HIGHEST, 0.8, 0.1)) * 6
    before, _ = lived(*known)
    after, _ = lived(*known, *((HIGHEST, 2.4, 0.5),) * 2)
    for row in (LOWEST, HIGHEST):
        apart = resting(after, row)[0][LOAD] - resting(before, row)[0][LOAD]
        assert abs(apart - np.log(3)) < 0.2


def test_late_readings_are_of_the_setting_that_was_in_force():
    one_late = belief(longest_delay=1, row=LOWEST)._replace(ln_p=np.array([-50.0, 0.0]))
    of, _ = lived((LOWEST, 0.5, 0.1), (HIGHEST, 0.5, 0.1), (HIGHEST, 2.0, 0.1), of=one_late)
    (h,) = along(PRIOR, of, np.array([HIGHEST]))
    prompt, late = of.mean[:, LOAD] @ h
    assert late != prompt
    assert of.row.tolist() == [HIGHEST, HIGHEST]
    assert of.n_held.tolist() == [1, 0]
