"""The bandit learns from rewards alone, and forgets what is long ago."""

import math

import numpy as np
import pytest

from agents.bandit import Evidence
from agents.base import Transition
from tests.agents.episodes import make, run


def test_evidence_of_one_reward_is_the_conjugate_posterior():
    evidence = Evidence.none(1).after(np.array([2.0]), surprise=1.0, discount=1.0)
    assert evidence.precision[0, 0] == pytest.approx(1 / 9 + 4)
    assert evidence.moment[0] == 2.0
    explained = 4 / (1 / 9 + 4)
    assert evidence.noise_variance == pytest.approx((0.01 + (1 - explained) / 2) / 2.5)


def test_what_is_forgotten_is_evidence_but_never_the_prior():
    evidence = Evidence.none(1).after(np.array([1.0]), 1.0, discount=0.5)
    for _ in range(60):
        evidence = evidence.after(np.zeros(1), 0.0, discount=0.5)
    assert evidence.precision[0, 0] == pytest.approx(1 / 9)
    assert evidence.count == pytest.approx(2.0)


def test_bad_figures_are_refused(streams):
    spec = streams["ledger"].spec
    for changes, words in (
        ({"width": -1.0}, "width"),
        ({"discount": 0.0}, "discount"),
        ({"policy": "X"}, "UCB"),
    ):
        with pytest.raises(ValueError, match=words):
            make("bandit", spec, **changes)


@pytest.mark.parametrize("policy", ("THOMPSON", "UCB"))
@pytest.mark.parametrize("stream", ("video", "lidar"))
def test_with_a_pressure_it_comes_to_fulfil_and_nearly_stops_switching(policy, stream, streams):
    plant = streams[stream].plant(0.5)
    agent = make("bandit", plant.spec, policy=policy)
    episode = run(agent, plant, plant.spec.highest, [1.0] * 60)
    assert episode.fulfilment(20) >= 0.9
    assert episode.changes(40) <= 4


def test_a_reward_that_nobody_knows_teaches_nothing(streams):
    spec = streams["video"].spec
    agent = make("bandit", spec)
    observation = spec.encode(spec.highest, {slo.metric: slo.read(0.2) for slo in spec.slos}, {})
    agent.reset(0)
    for reward in (math.nan, 0.5, math.nan):
        levels = agent.act(observation, {})
        agent.learn(Transition(observation, levels, reward, observation, False))
    agent.act(observation, {})
    assert agent.explain()["rewards_counted"] == 1


def test_a_setting_that_disappoints_is_left(streams):
    """Whatever the model thinks of it: every reward of the setting it likes best is -1."""
    spec = streams["video"].spec
    agent = make("bandit", spec, width=0.0)
    readings = {slo.metric: slo.read(0.2) for slo in spec.slos}
    agent.reset(0)
    observation = spec.encode(spec.highest, readings, {})
    first = agent.act(observation, {})
    for _ in range(10):
        levels = agent.act(observation, {})
        reward = -1.0 if np.array_equal(levels, first) else 0.5
        agent.learn(Transition(observation, levels, reward, observation, False))
    assert not np.array_equal(agent.act(observation, {}), first)
