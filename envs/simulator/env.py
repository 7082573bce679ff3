"""The simulator as a Gymnasium environment: `elasticbench/Simulator-v0`."""

from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from envs.simulator.fleet import Fleet
from envs.simulator.system import System
from envs.spec import ElasticitySpec
from envs.telemetry import RECEIVED

Observation = NDArray[np.float32]


class SimulatorEnv(gym.Env[Any, Any]):
    """A simulated pipeline, one control interval per step; as `PipelineEnv`, but as fast as it is computed.

    Observation and action: see `ElasticitySpec`; info: see `envs.observe.judge`. An episode depends on its
    seed and on the actions alone. It is truncated after the system's `steps`, or once the source has ended
    and its last frame has its outcome; it is never terminated. At its beginning every worker is ready.

    Args:
        spec: what agents see; knobs as `envs.video.video_spec` makes them.
        systems: what is simulated; of several, each episode draws one.

    Raises:
        ValueError: no system, or one that does not fit the spec, its own scenario, or the room there is.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    weights = "simulated"

    def __init__(self, spec: ElasticitySpec, systems: Sequence[System]) -> None:
        self.elasticity = spec
        self.observation_space = spec.observation_space
        self.action_space = spec.action_space
        self.fleet = Fleet(spec, systems, 1)  # what `envs.simulator.branches` copies
        self._rewards, self._ends = self.fleet.verdicts["reward"], self.fleet.verdicts["is_over"]
        self._levels = np.zeros((1, len(spec.knobs)), np.int64)
        self._is_over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; a seed chooses it, and those that follow without one."""
        super().reset(seed=seed)
        if options:
            raise ValueError(f"reset knows no options, got {sorted(options)}")
        self.fleet.begin(0, self.np_random, seed)
        self._is_over = False
        return self.fleet.observations[0].copy(), self._info()

    def step(
        self, action: NDArray[np.int64] | Sequence[int]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Set the knobs and judge the interval that follows.

        Raises:
            ValueError: an action outside the action space.
            ResetNeeded: no episode is running.
        """
        levels = self.elasticity.checked_action(action)
        if self._is_over:
            raise gym.error.ResetNeeded("call reset() before step(): no episode is running")
        self._levels[0] = levels
        self.fleet.step(self._levels)
        self._is_over = self._ends.item(0)
        return self.fleet.observations[0].copy(), self._rewards.item(0), False, self._is_over, self._info()

    def _info(self) -> dict[str, Any]:
        info = self.fleet.info.of_first()
        if 0 in self.fleet.received_rewards:
            info[RECEIVED] = self.fleet.received_rewards[0]
        return info
