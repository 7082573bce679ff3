"""Worlds of different streams side by side are those that each of them is alone."""

import gymnasium as gym
import numpy as np
import pytest

from envs.simulator.env import SimulatorEnv
from envs.simulator.mixture import Mixture
from envs.simulator.system import Cell
from envs.video import video_spec
from pipeline.settings import ladders_for
from tests.envs.simulator.systems import LADDERS, SIZE, SLOS, spec, system

OTHERS = ladders_for(*SIZE, 30.0, ("n", "s"), fps_levels=(10, 30), heights_px=(18, 36))
CELLS = [
    Cell("large", spec(), [system(steps=3)]),
    Cell("small", video_spec(OTHERS, SLOS), [system(ladders=OTHERS, steps=4)]),
]


def test_every_episode_is_that_of_its_own_world_through_an_autoreset():
    together = Mixture(CELLS, 3)  # large, small, large
    alone = [SimulatorEnv(cell.spec, cell.systems) for cell in (*CELLS, CELLS[0])]
    observations, _ = together.reset(seed=7)
    assert observations.tolist() == [env.reset(seed=7 + i)[0].tolist() for i, env in enumerate(alone)]
    for step in range(1, 6):
        levels = np.array([[step % 4, 1, 2], [step % 2, 1, 0], [0, step % 3, 1]])
        observations, rewards, terminated, truncated, infos = together.step(levels)
        each = [env.step(own) for env, own in zip(alone, levels, strict=True)]
        assert rewards.tolist() == [one[1] for one in each]
        assert truncated.tolist() == [one[3] for one in each] and not terminated.any()
        for i, (env, (last, _, _, is_over, _)) in enumerate(zip(alone, each, strict=True)):
            if is_over:
                assert infos["final_obs"][i].tolist() == last.tolist()
                last, _ = env.reset()
            assert observations[i].tolist() == last.tolist()


def test_each_world_is_played_and_each_has_levels_of_its_own():
    with pytest.raises(ValueError, match="2 worlds side by side need as many environments, got 1"):
        Mixture(CELLS, 1)
    together = Mixture(CELLS, 2)
    assert together.single_action_space == gym.spaces.MultiDiscrete(list(LADDERS.n_levels))
    together.reset(seed=0)
    with pytest.raises(ValueError, match="expected a level per knob and environment"):
        together.step(np.array([[3, 2, 2], [3, 1, 1]]))


def test_staggered_episodes_begin_apart_and_are_whole_from_then_on():
    cells = [Cell(str(i), spec(), [system(steps=4)]) for i in range(4)]
    together = Mixture(cells, 4, is_staggered=True)
    together.reset(seed=0)
    ends = np.array([together.step(np.zeros((4, 3), np.int64))[3] for _ in range(8)])
    firsts = ends.argmax(axis=0)
    assert sorted(firsts.tolist()) == [0, 1, 2, 3]
    assert [np.flatnonzero(column).tolist() for column in ends.T] == [[first, first + 4] for first in firsts]
