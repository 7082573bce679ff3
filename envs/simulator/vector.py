"""Many simulated pipelines at once, for training: the vector form of `elasticbench/Simulator-v0`."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.simulator.fleet import Fleet
from envs.simulator.system import System
from envs.spec import ElasticitySpec

Infos = dict[str, Any]


class SimulatorVectorEnv(VectorEnv[Any, Any, Any]):
    """`num_envs` episodes side by side, each precisely what `SimulatorEnv` gives with the same seed.

    An episode that is over is begun again within the same step (SAME_STEP): its last observation and info
    are in `infos["final_obs"]` and `infos["final_info"]`, as Gymnasium documents it.

    Args:
        spec, systems: as for `SimulatorEnv`; each new episode draws its system.
        num_envs: >= 1.

    Raises:
        ValueError: as `SimulatorEnv`, or a number of environments below 1.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(self, spec: ElasticitySpec, systems: Sequence[System], num_envs: int = 1) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be >= 1, got {num_envs}")
        self.num_envs = num_envs
        self.elasticity = spec
        self.single_observation_space, self.single_action_space = spec.observation_space, spec.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._fleet = Fleet(spec, systems, num_envs)
        self._shape = (num_envs, len(spec.knobs))
        self._rngs = [seeding.np_random()[0] for _ in range(num_envs)]
        self._everyone = np.ones(num_envs, np.bool_)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], Infos]:
        """Begin all episodes; a single seed s stands for s, s + 1, …

        Raises:
            ValueError: not one seed per environment, or options, of which none are known.
        """
        if options:
            raise ValueError(f"reset knows no options, got {sorted(options)}")
        seeds = self._seeds(seed)
        for i, own in enumerate(seeds):
            if own is not None:
                self._rngs[i] = seeding.np_random(own)[0]
            self._fleet.begin(i, self._rngs[i], own)
        return self._fleet.observations.copy(), self._fleet.info.of_all(self._everyone)

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]:
        """One control interval of each; episodes that are over begin again.

        Raises:
            ValueError: an action outside the action space.
        """
        self._fleet.step(self._checked(actions))
        verdicts, info = self._fleet.verdicts, self._fleet.info
        rewards, truncations = verdicts["reward"].copy(), verdicts["is_over"].copy()
        final: Infos = {}
        if truncations.any():
            final = self._final(truncations)
            for i in np.flatnonzero(truncations):
                self._fleet.begin(int(i), self._rngs[i], None)
        infos = {**info.of_all(self._everyone), **final}
        terminations = np.zeros(self.num_envs, np.bool_)
        return self._fleet.observations.copy(), rewards, terminations, truncations, infos

    def _checked(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        levels, n_levels = np.asarray(actions), self.elasticity.n_levels
        is_whole = levels.shape == self._shape and levels.dtype.kind in "iu"
        if not is_whole or (levels < 0).any() or (levels >= n_levels).any():
            raise ValueError(
                f"actions are {self._shape[0]} rows of one integer below {n_levels} per knob, got {actions!r}"
            )
        return levels.astype(np.int64, copy=False)

    def _final(self, over: NDArray[np.bool_]) -> Infos:
        """The last observations and infos of the episodes that are over."""
        last = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(over):
            last[i] = self._fleet.observations[i].copy()
        return {
            "final_obs": last,
            "_final_obs": over,
            "final_info": self._fleet.info.of_all(over),
            "_final_info": over,
        }

    def _seeds(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int):
            return [seed + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"expected one seed per environment, {self.num_envs}, got {len(seed)}")
        return seed
