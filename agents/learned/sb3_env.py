"""Gymnasium's vector environments as stable-baselines3 wants them."""

import math
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from agents.learned.features import Eyes, Memory


class FromGymnasium(VecEnv):
    """A vector environment that resets in the step in which an episode ends.

    Stable-baselines3 takes the new episode's first observation where one has ended, and finds the old
    one's last under info["terminal_observation"]; info["TimeLimit.truncated"] tells it whether the old one
    would have gone on, so that its value is counted.

    Args:
        envs: with `metadata["autoreset_mode"]` SAME_STEP, and `final_obs` in its infos.
        eyes: what the learner sees with.
        depth: observations that it remembers whole.
        is_joint: whether an action is the number of a joint setting, in C order of the levels, for a learner
            that knows no other actions; else it is a level per knob.

    Raises:
        ValueError: another mode of autoreset.
    """

    def __init__(self, envs: VectorEnv, eyes: Eyes, depth: int, is_joint: bool) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ValueError(f"expected a vector environment with autoreset SAME_STEP, got {mode}")
        self.depth = depth
        self._envs, self._grid, self._is_joint = envs, eyes.n_levels, is_joint
        self._memory = Memory(eyes, envs.num_envs, depth)
        self._actions: NDArray[Any] | None = None
        shape = envs.single_observation_space.shape
        assert shape is not None
        n_seen = Memory(eyes, 1, depth).begin(np.zeros((1, *shape), np.float32)).shape[1]
        space = gym.spaces.Box(-np.inf, np.inf, (n_seen,), np.float32)
        grid = gym.spaces.Discrete(math.prod(self._grid))
        super().__init__(envs.num_envs, space, grid if is_joint else envs.single_action_space)

    def reset(self) -> NDArray[Any]:
        """Begin an episode in each; the first seed given by `seed` makes all of them, as Gymnasium does."""
        observations, _ = self._envs.reset(seed=self._seeds[0])
        self._reset_seeds()
        return self._memory.begin(observations)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take note of what to do."""
        self._actions = np.stack(np.unravel_index(actions, self._grid), -1) if self._is_joint else actions

    def step_wait(self) -> VecEnvStepReturn:
        """Do it."""
        observations, rewards, terminated, truncated, infos = self._envs.step(self._actions)
        dones = np.logical_or(terminated, truncated)
        each: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if not dones.any():
            return self._memory.push(observations), np.asarray(rewards, dtype=np.float32), dones, each
        last = observations.copy()
        last[dones] = np.stack(list(infos["final_obs"][dones]))
        seen = self._memory.push(last)
        for i in np.flatnonzero(dones):
            each[i] = {
                "terminal_observation": seen[i],
                "TimeLimit.truncated": bool(truncated[i] and not terminated[i]),
            }
        seen = self._memory.begin(observations, dones)
        return seen, np.asarray(rewards, dtype=np.float32), dones, each

    def close(self) -> None:
        """End all of them."""
        self._envs.close()

    # --- of single environments, which a vector of them need not have ---

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return the vector's own attribute, once per environment."""
        value = None if attr_name == "render_mode" else getattr(self._envs, attr_name)
        return [value] * len(self._chosen(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: single environments cannot be reached."""
        raise AttributeError(f"{attr_name} cannot be set in one of several environments")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refuse, likewise."""
        raise AttributeError(f"{method_name} cannot be called in one of several environments")

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper], indices: Any = None) -> list[bool]:
        """Return False for each: none of them is."""
        return [False] * len(self._chosen(indices))

    def _chosen(self, indices: Any) -> Sequence[int]:
        return list(self._get_indices(indices))
