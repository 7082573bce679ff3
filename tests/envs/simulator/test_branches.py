"""Copies of a running episode are that episode, until something else is done in them."""

import numpy as np
import pytest

from envs.simulator.branches import Branches
from envs.simulator.env import SimulatorEnv
from tests.envs.simulator.systems import random_system, spec

SPEC = spec()
N_BEFORE, N_AFTER = 6, 6


def running(seed):
    """An environment in the middle of an episode, and actions to go on with."""
    rng = np.random.default_rng(seed)
    env = SimulatorEnv(SPEC, [random_system(seed)])
    env.reset(seed=seed)
    for _ in range(N_BEFORE):
        *_, is_over, _ = env.step(rng.integers(SPEC.n_levels))
        if is_over:
            pytest.skip("this system's source has ended by then")
    return env, rng.integers(SPEC.n_levels, size=(N_AFTER, 3))


@pytest.mark.parametrize("seed", range(12))
def test_a_branch_goes_on_as_the_episode_does(seed):
    env, actions = running(seed)
    branches = Branches(env, 3)
    branches.take()
    for action in actions:
        branches.step(np.tile(action, (3, 1)))
        _, reward, _, is_over, info = env.step(action)
        assert branches.rewards.tolist() == [reward] * 3
        assert branches.qoes.tolist() == [info["qoe"]] * 3
        assert branches.fulfilled[1].tolist() == [state < 2 for state in info["slos"].values()]
        if is_over:
            break


def test_what_is_done_in_branches_leaves_the_episode_and_each_other_alone():
    (env, actions), (twin, _) = running(3), running(3)
    branches = Branches(env, 2)
    first = []
    for _ in range(2):
        branches.take()
        for action in actions:
            branches.step(np.stack([SPEC.lowest, action]))
        first.append(branches.rewards.tolist())
    assert first[0] == first[1]
    assert [env.step(action)[1] for action in actions] == [twin.step(action)[1] for action in actions]


def test_other_seeds_make_branches_differ_and_equal_seeds_make_them_equal():
    env, actions = running(7)
    branches = Branches(env, 3)
    branches.take()
    branches.draw_from([11, 12, 11])
    rewards = []
    for action in actions:
        branches.step(np.tile(action, (3, 1)))
        rewards.append(branches.rewards)
    first, second, third = np.transpose(rewards)
    assert first.tolist() == third.tolist()
    assert first.tolist() != second.tolist()


def test_there_is_at_least_one_branch():
    with pytest.raises(ValueError, match="at least one branch, got 0"):
        Branches(running(0)[0], 0)
