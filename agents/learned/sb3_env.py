"""Gymnasium's vector environments as stable-baselines3 wants them."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from agents.learned.features import Memory
from agents.training import Side


class FromGymnasium(VecEnv):
    """Environments side by side that reset in the step in which an episode ends.

    What is observed is what a `Memory` says, an action the number of one of its rows, and the reward is given
    in units of `return_scale`. Stable-baselines3 takes the new episode's first observation where one has
    ended, and finds the old one's last under info["terminal_observation"]; info["TimeLimit.truncated"] tells
    it whether the old one would have gone on, so that its value is counted.

    Args:
        side: environments, with `metadata["autoreset_mode"]` SAME_STEP and `final_obs` in their infos.
        depth: observations that the learner remembers as they were.
        return_scale: discounted return that counts as 1, > 0.

    Raises:
        ValueError: another mode of autoreset, or streams that cannot be side by side.
    """

    def __init__(self, side: Side, depth: int, return_scale: float) -> None:
        mode = side.envs.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ValueError(f"expected a vector environment with autoreset SAME_STEP, got {mode}")
        self._envs, self._memory, self._return_scale = side.envs, Memory(side.specs, depth), return_scale
        self._settings = self._memory.streams.settings
        self._everyone = np.arange(side.envs.num_envs)
        self._actions: NDArray[Any] | None = None
        space = gym.spaces.Box(-np.inf, np.inf, (self._memory.n_seen,), np.float32)
        super().__init__(side.envs.num_envs, space, gym.spaces.Discrete(self._settings.shape[1]))

    def reset(self) -> NDArray[Any]:
        """Begin an episode in each; the first seed given by `seed` makes all of them, as Gymnasium does."""
        observations, _ = self._envs.reset(seed=self._seeds[0])
        self._reset_seeds()
        return self._memory.begin(observations)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take note of what to do."""
        self._actions = self._settings[self._everyone, actions]

    def step_wait(self) -> VecEnvStepReturn:
        """Do it."""
        observations, rewards, terminated, truncated, infos = self._envs.step(self._actions)
        rewards = np.asarray(rewards / self._return_scale, dtype=np.float32)
        dones = np.logical_or(terminated, truncated)
        each: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if not dones.any():
            return self._memory.push(observations), rewards, dones, each
        last = observations.copy()
        last[dones] = np.stack(list(infos["final_obs"][dones]))
        seen = self._memory.push(last)
        for i in np.flatnonzero(dones):
            each[i] = {
                "terminal_observation": seen[i],
                "TimeLimit.truncated": bool(truncated[i] and not terminated[i]),
            }
        return self._memory.begin(observations, dones), rewards, dones, each

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
