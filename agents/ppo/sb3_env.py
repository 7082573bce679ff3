"""Gymnasium's vector environments as stable-baselines3 wants them."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

Floats = NDArray[np.float32]


class FromGymnasium(VecEnv):
    """A vector environment that resets in the step in which an episode ends.

    Stable-baselines3 takes the new episode's first observation where one has ended, and finds the old
    one's last under info["terminal_observation"]; info["TimeLimit.truncated"] tells it whether the old one
    would have gone on, so that its value is counted.

    Args:
        envs: with `metadata["autoreset_mode"]` SAME_STEP, and `final_obs` in its infos.
        features: what the learner is to see of observations (..., n_observed), in an array of its own.

    Raises:
        ValueError: another mode of autoreset.
    """

    def __init__(self, envs: VectorEnv, features: Callable[[Floats], Floats]) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ValueError(f"expected a vector environment with autoreset SAME_STEP, got {mode}")
        self._envs = envs
        self._features = features
        self._actions: NDArray[Any] | None = None
        shape = envs.single_observation_space.shape
        space = gym.spaces.Box(-np.inf, np.inf, shape, np.float32)
        super().__init__(envs.num_envs, space, envs.single_action_space)

    def reset(self) -> NDArray[Any]:
        """Begin an episode in each; the first seed given by `seed` makes all of them, as Gymnasium does."""
        observations, _ = self._envs.reset(seed=self._seeds[0])
        self._reset_seeds()
        return self._features(observations)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take note of what to do."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Do it."""
        observations, rewards, terminated, truncated, infos = self._envs.step(self._actions)
        dones = np.logical_or(terminated, truncated)
        each: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(dones):
            each[i] = {
                "terminal_observation": self._features(infos["final_obs"][i]),
                "TimeLimit.truncated": bool(truncated[i] and not terminated[i]),
            }
        return self._features(observations), np.asarray(rewards, dtype=np.float32), dones, each

    def close(self) -> None:
        """End all of them."""
        self._envs.close()

    # --- of single environments, which a vector of them need not have ---

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The vector's own attribute, once per environment."""
        value = None if attr_name == "render_mode" else getattr(self._envs, attr_name)
        return [value] * len(self._chosen(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: single environments cannot be reached."""
        raise AttributeError(f"{attr_name} cannot be set in one of several environments")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refused, likewise."""
        raise AttributeError(f"{method_name} cannot be called in one of several environments")

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper], indices: Any = None) -> list[bool]:
        """None of them is."""
        return [False] * len(self._chosen(indices))

    def _chosen(self, indices: Any) -> Sequence[int]:
        return list(self._get_indices(indices))
