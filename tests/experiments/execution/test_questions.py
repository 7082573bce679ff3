"""What is asked, and what copies of an episode answer."""

from typing import Any

import numpy as np
import pytest

from agents.base import Forecaster
from envs.hardware import Hardware
from envs.simulator.branches import Branches
from envs.simulator.env import SimulatorEnv
from experiments.execution.questions import ask, drawn, truth
from tests.envs.simulator.systems import device, spec, system

SPEC = spec()
ASKED: Any = {"moments": (2, 4), "n_settings": 5, "n_clones": 6, "held": 3}
MIDDLE = (1, 1, 1)


class Confident(Forecaster):
    """Sets one thing and expects the best of every setting."""

    def __init__(self) -> None:
        super().__init__(SPEC)
        self.learned, self.asked = 0, []

    def reset(self, seed):
        self.learned = 0

    def act(self, observation, info):
        return np.array(MIDDLE)

    def learn(self, transition):
        self.learned += 1

    def forecast(self, settings):
        self.asked.append((self.learned, settings.tolist()))
        return np.full((len(settings), len(SPEC.slos)), 0.5)


def world(n_ms: float = 20.0) -> SimulatorEnv:
    hardware = Hardware((device(n_ms, sigma=0.3),))
    return SimulatorEnv(SPEC, [system(hardware=hardware, memory_budget_mb=1000.0)])


def test_the_setting_in_force_the_lowest_and_the_highest_are_always_asked_about():
    settings = drawn(SPEC, MIDDLE, 6, np.random.default_rng(0)).tolist()
    assert settings[:3] == [list(MIDDLE), list(SPEC.lowest), list(SPEC.highest)]
    assert len({tuple(setting) for setting in settings}) == 6


def test_no_setting_is_asked_about_twice_and_no_more_than_there_are():
    settings = drawn(SPEC, SPEC.lowest, 1000, np.random.default_rng(0))
    assert len(settings) == 36 == len({tuple(setting) for setting in settings.tolist()})


def test_an_agent_is_asked_after_its_decision_in_its_own_episode():
    agent = Confident()
    answers = list(ask(agent, world(), 0, **ASKED))
    assert [answer.step for answer in answers] == [2, 4]
    assert [learned for learned, _ in agent.asked] == [2, 4]
    assert answers[0].settings[0].tolist() == list(MIDDLE)
    assert answers[0].forecasts.shape == answers[0].shares.shape == (5, len(SPEC.slos) + 1)
    assert answers[0].forecasts[0].tolist() == [0.5] * 6


def test_all_agents_are_asked_the_same_and_face_the_same_luck():
    first, second = (list(ask(Confident(), world(), 3, **ASKED)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.settings.tolist() == other.settings.tolist()
        assert one.shares.tolist() == other.shares.tolist()


def test_questions_leave_the_episode_as_it_is():
    asked, plain = world(), world()
    list(ask(Confident(), asked, 0, **ASKED))
    plain.reset(seed=0)
    for _ in range(5):
        plain.step(MIDDLE)
    assert asked.step(MIDDLE)[0].tolist() == plain.step(MIDDLE)[0].tolist()


@pytest.mark.parametrize(("n_ms", "setting", "expected"), [(1.0, (3, 2, 2), 1.0), (4000.0, (0, 0, 0), 0.0)])
def test_plenty_fulfils_all_and_next_to_nothing_fails(n_ms, setting, expected):
    env = world(n_ms)
    env.reset(seed=0)
    env.step(setting)
    shares = truth(Branches(env, 4), np.array(setting), np.arange(4), held=8)
    assert shares[-1] == expected


def test_shares_are_those_of_clones_with_luck_of_their_own():
    """Alike clones would agree; those on the edge of their capacity do not."""
    env = world(13.3)
    env.reset(seed=0)
    env.step(SPEC.highest)
    shares = truth(Branches(env, 40), np.array(SPEC.highest), np.arange(40), held=4)
    assert any(0 < share < 1 for share in shares)
