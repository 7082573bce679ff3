"""Gymnasium's vector environments under stable-baselines3's interface."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from agents.ppo.sb3_env import FromGymnasium
from tests.agents.ppo.worlds import Counting

ACTIONS = np.zeros((2, 2), dtype=np.int64)


def counting() -> FromGymnasium:
    """One environment is truncated after two steps, the other terminates after three."""
    makers = [lambda: Counting(2, terminates=False), lambda: Counting(3, terminates=True)]
    return FromGymnasium(SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP), np.array)


def test_an_ended_episode_leaves_its_last_observation_and_the_next_ones_first():
    envs = counting()
    assert envs.reset().tolist() == [[0.0], [0.0]]
    envs.step(ACTIONS)
    observations, rewards, dones, infos = envs.step(ACTIONS)
    assert np.asarray(observations).tolist() == [[0.0], [2.0]]
    assert rewards.tolist() == [2.0, 2.0]
    assert dones.tolist() == [True, False]
    assert infos[0]["terminal_observation"].tolist() == [2.0]
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
    assert first.tolist() == [[0.0], [0.0]]


def test_the_learner_sees_features_of_every_observation_the_last_included():
    counting = SyncVectorEnv([lambda: Counting(2, terminates=False)], autoreset_mode=AutoresetMode.SAME_STEP)
    envs = FromGymnasium(counting, lambda seen: 10 * seen)
    assert envs.reset().tolist() == [[0.0]]
    assert np.asarray(envs.step(ACTIONS[:1])[0]).tolist() == [[10.0]]
    assert envs.step(ACTIONS[:1])[3][0]["terminal_observation"].tolist() == [20.0]


def test_another_mode_of_autoreset_is_refused():
    with pytest.raises(ValueError, match=r"autoreset SAME_STEP, got AutoresetMode\.NEXT_STEP"):
        envs = SyncVectorEnv([lambda: Counting(2, True)], autoreset_mode=AutoresetMode.NEXT_STEP)
        FromGymnasium(envs, np.array)
