"""Gymnasium's vector environments under stable-baselines3's interface."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from agents.learned.features import Eyes
from agents.learned.sb3_env import FromGymnasium
from tests.agents.learned.worlds import Counting

ACTIONS = np.zeros(2, dtype=np.int64)  # the lowest joint setting


class Plain(Eyes):
    """Sees observations as they are; of two knobs, of 2 and 3 levels, which stay at the lowest."""

    def levels(self, observations):
        return np.zeros((len(observations), 2), np.int64)

    def features(self, observations):
        return observations.copy()

    def prices(self, observations):
        return np.full((len(observations), 1), np.nan, np.float32)


def counting(depth: int = 1, is_joint: bool = True) -> FromGymnasium:
    """One environment is truncated after two steps, the other terminates after three."""
    makers = [lambda: Counting(2, terminates=False), lambda: Counting(3, terminates=True)]
    envs = SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)
    return FromGymnasium(envs, PLAIN, depth, is_joint)


def seen(figures: object) -> list[list[float]]:
    """Without the prices of five levels, of which nothing is known."""
    array = np.atleast_2d(np.asarray(figures))
    assert not array[:, -5:].any()
    return array[:, :-5].tolist()


N_LEVELS = (2, 3)
PLAIN = Plain(tuple(np.zeros((n, 1), np.float32) for n in N_LEVELS), n_slos=1, stages=None)


def test_an_ended_episode_leaves_its_last_observation_and_the_next_ones_first():
    envs = counting()
    assert seen(envs.reset()) == [[0.0], [0.0]]
    envs.step(ACTIONS)
    observations, rewards, dones, infos = envs.step(ACTIONS)
    assert seen(observations) == [[0.0], [2.0]]
    assert rewards.tolist() == [2.0, 2.0]
    assert dones.tolist() == [True, False]
    assert seen(infos[0]["terminal_observation"]) == [[2.0]]
    assert infos[1] == {}


def test_only_a_truncated_episode_would_have_gone_on():
    envs = counting()
    envs.reset()
    ends = [envs.step(ACTIONS)[3] for _ in range(3)]
    assert ends[1][0]["TimeLimit.truncated"] is True
    assert ends[2][1]["TimeLimit.truncated"] is False


def test_observations_are_not_overwritten_by_the_next_step():
    envs = counting()
    first = envs.reset()
    envs.step(ACTIONS)
    assert seen(first) == [[0.0], [0.0]]


def test_a_learner_that_remembers_sees_the_newest_first_and_nothing_of_another_episode():
    envs = counting(depth=2)
    assert seen(envs.reset()) == [[0.0, 0.0], [0.0, 0.0]]
    assert seen(envs.step(ACTIONS)[0]) == [[1.0, 0.0], [1.0, 0.0]]
    observations, _, _, infos = envs.step(ACTIONS)
    assert seen(observations) == [[0.0, 0.0], [2.0, 1.0]]
    assert seen(infos[0]["terminal_observation"]) == [[2.0, 1.0]]


def test_a_joint_setting_is_a_number_in_c_order_of_the_levels():
    envs = counting()
    assert envs.action_space == gym.spaces.Discrete(6)
    envs.reset()
    envs.step(np.array([5, 1]))
    assert [env.action.tolist() for env in envs.get_attr("envs")[0]] == [[1, 2], [0, 1]]


def test_else_an_action_is_a_level_per_knob():
    envs = counting(is_joint=False)
    envs.reset()
    envs.step(np.array([[1, 2], [0, 1]]))
    assert [env.action.tolist() for env in envs.get_attr("envs")[0]] == [[1, 2], [0, 1]]


def test_another_mode_of_autoreset_is_refused():
    with pytest.raises(ValueError, match=r"autoreset SAME_STEP, got AutoresetMode\.NEXT_STEP"):
        envs = SyncVectorEnv([lambda: Counting(2, True)], autoreset_mode=AutoresetMode.NEXT_STEP)
        FromGymnasium(envs, PLAIN, 1, False)
