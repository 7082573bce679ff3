"""Drawn worlds as one environment: another world in each episode, by seed, behind the same spaces."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import envs
from envs.procedural.env import DrawnEnv
from envs.procedural.ranges import MOST_LEVELS, draw_stream
from envs.procedural.world import STEPS, world

N_WORLDS = 2  # to draw one takes seconds


@pytest.fixture(scope="module")
def env() -> gym.Env:
    return gym.make(envs.SIMULATOR_ID, n_worlds=N_WORLDS)


def test_the_seed_chooses_the_world_and_those_that_follow(env):
    played = []
    for _ in range(2):
        seeded = env.reset(seed=3)
        episodes = [seeded, *(env.reset() for _ in range(8))]
        played.append([(info["world"], observation.tolist()) for observation, info in episodes])
    assert played[0] == played[1]
    assert {number for number, _ in played[0]} == set(range(N_WORLDS))


def test_an_episode_is_that_of_its_world_for_any_action_of_the_space(env):
    env.action_space.seed(0)
    observation, info = env.reset(seed=1)
    spec, ends = world(info["world"]).spec, []
    for action in (
        np.zeros(3, int),
        env.action_space.nvec - 1,
        *(env.action_space.sample() for _ in range(9)),
    ):
        assert env.observation_space.contains(observation)
        observation, _, _, is_over, info = env.step(action)
        ends.append((tuple(info["levels"].values()), is_over))
    assert [levels for levels, _ in ends[:2]] == [spec.lowest, spec.highest]
    assert not any(is_over for _, is_over in ends)
    assert env.unwrapped.elasticity.hash == spec.hash  # type: ignore[attr-defined]


def test_every_drawn_ladder_fits_the_action_space():
    drawn = [draw_stream(np.random.default_rng(seed)).ladders.n_levels for seed in range(300)]
    assert tuple(map(max, zip(*drawn, strict=True))) == MOST_LEVELS


def test_side_by_side_each_plays_its_own_worlds_and_begins_again():
    many = gym.make_vec(envs.SIMULATOR_ID, num_envs=2, n_worlds=N_WORLDS)
    assert many.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    alone = gym.make(envs.SIMULATOR_ID, n_worlds=N_WORLDS)
    observations, infos = many.reset(seed=1)
    for i in range(2):
        observation, info = alone.reset(seed=1 + i)
        assert (info["world"], observation.tolist()) == (infos["world"][i], observations[i].tolist())
    lowest = np.zeros((2, 3), int)
    ends = [many.step(lowest)[3].tolist() for _ in range(STEPS + 1)]
    assert [i for i, over in enumerate(ends) if all(over)] == [STEPS - 1]


@pytest.mark.parametrize("action", [(9, 0, 0), (0, 0), (0.5, 0.0, 0.0), (-1, 0, 0)])
def test_an_action_outside_the_space_is_refused(env, action):
    env.reset(seed=0)
    with pytest.raises(ValueError, match="one integer below"):
        env.unwrapped.step(action)


def test_what_cannot_be_played_is_one_sentence():
    with pytest.raises(ValueError, match=r"n_worlds must be in \[1, 1,000,000\], got 0"):
        DrawnEnv(0)
    with pytest.raises(gym.error.ResetNeeded, match="call reset"):
        DrawnEnv().step([0, 0, 0])
