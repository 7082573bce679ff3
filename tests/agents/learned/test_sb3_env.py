"""Gymnasium's vector environments under stable-baselines3's interface."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from agents.learned.features import N_FEATURES, n_context
from agents.learned.sb3_env import FromGymnasium
from agents.training import Side
from tests.agents.learned.worlds import SPEC, Counting

WAIT = np.zeros(2, dtype=np.int64)  # the lowest joint setting
PAST = 0  # of the context: the largest ln ratio of the SLOs that carry the past


def counting(depth: int = 1) -> FromGymnasium:
    """One environment is truncated after two steps, the other terminates after three."""
    makers = [lambda: Counting(2, terminates=False), lambda: Counting(3, terminates=True)]
    envs = SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)
    return FromGymnasium(Side(envs, [SPEC] * 2), depth, return_scale=10.0)


def counted(seen: object, ago: int = 0) -> list[int]:
    """The steps that were made by an observation, which is one of the last."""
    told = np.atleast_2d(np.asarray(seen))[:, PAST + 3 * ago]
    return np.rint(np.exp(told) * 1.05 - 0.05).astype(int).tolist()


def test_an_ended_episode_leaves_its_last_observation_and_the_next_ones_first():
    envs = counting()
    assert counted(envs.reset()) == [1, 1]
    envs.step(WAIT)
    observations, rewards, dones, infos = envs.step(WAIT)
    assert counted(observations) == [1, 3]
    assert rewards.tolist() == pytest.approx([0.2, 0.2])  # in units of the return scale
    assert dones.tolist() == [True, False]
    assert counted(infos[0]["terminal_observation"]) == [3]
    assert infos[1] == {}


def test_only_a_truncated_episode_would_have_gone_on():
    envs = counting()
    envs.reset()
    ends = [envs.step(WAIT)[3] for _ in range(3)]
    assert ends[1][0]["TimeLimit.truncated"] is True
    assert ends[2][1]["TimeLimit.truncated"] is False


def test_observations_are_not_overwritten_by_the_next_step():
    envs = counting()
    first = envs.reset()
    before = first.copy()
    envs.step(WAIT)
    assert first.tolist() == before.tolist()


def test_a_learner_that_remembers_sees_the_newest_first_and_nothing_of_another_episode():
    envs = counting(depth=2)
    assert counted(envs.reset(), ago=1) == [1, 1]  # as if it had always been so
    assert counted(envs.step(WAIT)[0], ago=1) == [1, 1]
    observations, _, _, infos = envs.step(WAIT)
    assert (counted(observations), counted(observations, ago=1)) == ([1, 3], [1, 2])
    assert counted(infos[0]["terminal_observation"], ago=1) == [2]


def test_an_action_is_the_number_of_a_setting_the_last_knob_fastest():
    envs = counting()
    assert envs.action_space == gym.spaces.Discrete(6)
    assert envs.observation_space.shape == (n_context(1) + 6 * N_FEATURES,)
    envs.reset()
    envs.step(np.array([5, 1]))
    assert [env.action.tolist() for env in envs.get_attr("envs")[0]] == [[1, 2], [0, 1]]


def test_another_mode_of_autoreset_is_refused():
    envs = SyncVectorEnv([lambda: Counting(2, True)], autoreset_mode=AutoresetMode.NEXT_STEP)
    with pytest.raises(ValueError, match=r"autoreset SAME_STEP, got AutoresetMode\.NEXT_STEP"):
        FromGymnasium(Side(envs, [SPEC]), 1, 10.0)
