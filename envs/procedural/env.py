"""Drawn worlds to train on as one Gymnasium environment: what `elasticbench/Simulator-v0` plays by itself."""

from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from numpy.typing import NDArray

from envs.procedural.ranges import MOST_LEVELS, Stratum, draw_scene, draw_slos, draw_stream
from envs.procedural.world import FIRST_VALIDATION, spec_of, world
from envs.simulator.env import Observation, SimulatorEnv
from envs.simulator.vector import SimulatorVectorEnv
from envs.spec import ElasticitySpec


class DrawnEnv(gym.Env[Any, Any]):
    """A drawn training world, another one in each episode; see `envs.procedural.world`.

    Observation: see `ElasticitySpec`, whose table is the same in all of them. Action: an index on a ladder
    of MOST_LEVELS per knob; where a world has fewer, the level that is as far up its own ladder is set: the
    lowest and the highest always are what they say. `info` has the world's number as `world`, and is
    `SimulatorEnv`'s else. A world takes about two seconds to draw, once in a process.

    Args:
        n_worlds: the first so many of the training worlds are played, in [1, 1,000,000].

    Raises:
        ValueError: a number out of its range.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, n_worlds: int = FIRST_VALIDATION) -> None:
        if not 1 <= n_worlds <= FIRST_VALIDATION:
            raise ValueError(f"n_worlds must be in [1, {FIRST_VALIDATION:,}], got {n_worlds}")
        self._n_worlds = n_worlds
        rng = np.random.default_rng(0)  # every draw of a stream has observations of the same form
        stream = draw_stream(rng)
        spec = spec_of(stream, draw_scene(rng, stream), draw_slos(rng, Stratum.MIXED))
        self.observation_space = spec.observation_space
        self.action_space = gym.spaces.MultiDiscrete(list(MOST_LEVELS))
        self._number = 0
        self._env: SimulatorEnv | None = None

    @property
    def elasticity(self) -> ElasticitySpec:
        """What the world that is played offers. Raises ResetNeeded: none is yet."""
        return self._playing.elasticity

    @property
    def _playing(self) -> SimulatorEnv:
        if self._env is None:
            raise gym.error.ResetNeeded("call reset() first: no world is drawn yet")
        return self._env

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a world and begin its episode; a seed chooses it, and those that follow without one."""
        super().reset(seed=seed)
        self._number = int(self.np_random.integers(self._n_worlds))
        cell = world(self._number).cell
        self._env = SimulatorEnv(cell.spec, cell.systems)
        observation, info = self._env.reset(seed=self._number, options=options)
        return observation, {**info, "world": self._number}

    def step(
        self, action: NDArray[np.int64] | Sequence[int]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Set the knobs and judge the interval that follows.

        Raises:
            ValueError: an action outside the action space.
            ResetNeeded: no episode is running.
        """
        levels = np.asarray(action)
        if not self.action_space.contains(levels):
            raise ValueError(f"an action is one integer below {MOST_LEVELS} per knob, got {action!r}")
        height = levels / (np.array(MOST_LEVELS) - 1)
        own = np.rint(height * self.elasticity.highest).astype(np.int64)
        observation, reward, is_terminated, is_over, info = self._playing.step(own)
        return observation, reward, is_terminated, is_over, {**info, "world": self._number}


def make_simulator(**options: Any) -> gym.Env[Any, Any]:
    """Make `elasticbench/Simulator-v0`: `SimulatorEnv` if it is given a spec, else `DrawnEnv`."""
    return SimulatorEnv(**options) if "spec" in options else DrawnEnv(**options)


def make_simulators(num_envs: int, **options: Any) -> VectorEnv[Any, Any, Any]:
    """Make its vector form, likewise; an episode that is over is begun again within the same step."""
    if "spec" in options:
        return SimulatorVectorEnv(num_envs=num_envs, **options)
    return SyncVectorEnv([lambda: DrawnEnv(**options)] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP)
