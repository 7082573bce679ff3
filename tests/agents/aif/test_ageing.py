"""How old what is shown is, is learned from what it was worth."""

from dataclasses import replace

import numpy as np
import pytest

from agents.aif.ageing import Age, aged, expected_worth, forgotten, known_ages
from agents.aif.beliefs import along, prior_of, visited
from agents.aif.settings import Response
from envs.worth import Worth
from tests.agents.aif.small import CHANNELS, SPEC, belief

AGES_S = (0.0, 0.5, 1.0, 2.0, 4.0)
AGES = Response(0.15, 0.3, 0.2, 0.2, 0.3, -1.8, 1.0, 0.03, 0.0, 0.05, 0.05)
PRIOR = prior_of(SPEC, CHANNELS.steps[-1:], [AGES], learns=True)
START = Age(PRIOR.mean[0], PRIOR.cov[0])
FADING = Worth.of(
    AGES_S,
    np.array([[0.6, 0.7], [0.8, 0.9], [0.9, 1.0]])[..., None] * 0.5 ** np.array(AGES_S),
    np.zeros((3, 2)),
)
LASTING = Worth.ageless([[0.6, 0.7], [0.8, 0.9], [0.9, 1.0]])


def judged_by(worth):
    """The stream, where settings are worth this."""
    return replace(SPEC, joint_worth=worth)


def after(latency_s, worth=FADING, n=20, row=3):
    age, of = START, visited(PRIOR, belief(), row)
    for _ in range(n):
        age = aged(judged_by(worth), PRIOR, of, age, row, float(FADING.when_shown(latency_s)[row]))
    return age, of


@pytest.mark.parametrize("latency_s", (0.2, 0.8, 1.5))
def test_a_latency_is_found_from_what_a_setting_earns(latency_s):
    age, of = after(latency_s)
    (h,) = along(PRIOR, of, np.array([3]))
    assert np.exp(age.mean @ h) == pytest.approx(latency_s, rel=0.15)
    assert expected_worth(judged_by(FADING), PRIOR, of, age)[3] == pytest.approx(
        FADING.when_shown(latency_s)[3], rel=0.05
    )


def test_what_one_setting_takes_is_told_of_others():
    age, of = after(1.5)
    before = expected_worth(judged_by(FADING), PRIOR, of, START)
    assert expected_worth(judged_by(FADING), PRIOR, of, age)[5] < 0.9 * before[5]


def test_where_worth_does_not_age_nothing_is_learned():
    age, of = after(1.5, LASTING)
    np.testing.assert_array_equal(age.mean, START.mean)
    np.testing.assert_array_equal(expected_worth(judged_by(LASTING), PRIOR, of, age), LASTING.at_once)


def test_the_expected_worth_is_its_mean_over_what_is_believed_of_latency():
    of = visited(PRIOR, belief(), 3)
    (h,) = along(PRIOR, of, np.array([3]))
    drawn = START.mean @ h + np.sqrt(h @ START.cov @ h) * np.random.default_rng(0).standard_normal(4000)
    worth = np.mean([FADING.when_shown(np.exp(min(x, 3.0)))[3] for x in drawn])
    assert expected_worth(judged_by(FADING), PRIOR, of, START)[3] == pytest.approx(worth, abs=0.02)


def test_room_that_is_made_for_another_setting_forgets_the_former():
    age, of = after(1.5)
    (place,) = PRIOR.table.shape[1] + np.flatnonzero(of.own == 3)
    assert age.mean[place] != 0
    other = of._replace(own=np.where(of.own == 3, 4, of.own))
    assert forgotten(PRIOR, of, other, age).mean[place] == 0
    assert forgotten(PRIOR, of, of, age) is age


def test_the_next_episode_knows_how_latency_follows_the_settings():
    age, _ = after(1.5)
    f = PRIOR.table.shape[1]
    known = known_ages(PRIOR, age)
    np.testing.assert_array_equal(known.mean[0, :f], age.mean[:f])
    assert known.mean[0, -1] == AGES.start
