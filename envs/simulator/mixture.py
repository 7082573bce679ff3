"""Simulated worlds of different streams side by side, for a learner that is to serve them all."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.simulator.fleet import Fleet
from envs.simulator.system import Cell
from pipeline.allowance import usable_cores

Infos = dict[str, Any]


class Mixture(VectorEnv[Any, Any, Any]):
    """`num_envs` episodes side by side; the i-th is of the cell i mod len(cells).

    Episodes that are over begin again within the same step, as in `SimulatorVectorEnv`. Infos have nothing
    but `final_obs`: to judge a whole fleet's metrics would take as long as to simulate it.

    Args:
        cells: at least one, with observations laid out alike.
        num_envs: >= the number of cells, so that each is played.
        is_staggered: whether first episodes are cut short, evenly from one step to all of them, so that at
            any time episodes are in all of their phases.

    Raises:
        ValueError: fewer environments than cells, or as `SimulatorEnv`.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(self, cells: Sequence[Cell], num_envs: int, is_staggered: bool = False) -> None:
        if not 1 <= len(cells) <= num_envs:
            raise ValueError(f"{len(cells)} worlds side by side need as many environments, got {num_envs}")
        self.num_envs = num_envs
        self.specs = [cells[i % len(cells)].spec for i in range(num_envs)]
        self._n_levels = np.array([spec.n_levels for spec in self.specs])
        self.single_observation_space = cells[0].spec.observation_space
        self.single_action_space = gym.spaces.MultiDiscrete(self._n_levels.max(axis=0))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        n = len(cells)
        self._fleets = [Fleet(v.spec, v.systems, len(range(i, num_envs, n))) for i, v in enumerate(cells)]
        self._rngs = [seeding.np_random()[0] for _ in range(num_envs)]
        self._observations = np.zeros(self.observation_space.shape or (), np.float32)
        self._rewards, self._ends = np.zeros(num_envs), np.zeros(num_envs, np.bool_)
        self._left = np.full(num_envs, -1)  # steps until an episode is cut short, < 0: it is not
        if is_staggered:
            steps = np.array([cells[i % n].systems[0].steps for i in range(num_envs)])
            self._left = 1 + steps * np.random.default_rng(0).permutation(num_envs) // num_envs
        self._n_threads = len(usable_cores())
        self._threads = ThreadPoolExecutor(self._n_threads, "mixture")

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Infos]:
        """Begin all episodes; a single seed s stands for s, s + 1, …

        Raises:
            ValueError: not one seed per environment, or options, of which none are known.
        """
        if options:
            raise ValueError(f"reset knows no options, got {sorted(options)}")
        seeds = range(seed, seed + self.num_envs) if isinstance(seed, int) else seed
        seeds = [None] * self.num_envs if seeds is None else list(seeds)
        if len(seeds) != self.num_envs:
            raise ValueError(f"expected one seed per environment, {self.num_envs}, got {len(seeds)}")
        for i, own in enumerate(seeds):
            if own is not None:
                self._rngs[i] = seeding.np_random(own)[0]
            self._begin(i, own)
        return self._observations.copy(), {}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]:
        """One control interval of each; actions are levels, shape (num_envs, n_knobs).

        Raises:
            ValueError: a level that does not exist.
        """
        levels = np.asarray(actions, dtype=np.int64)
        if levels.shape != self._n_levels.shape or (levels < 0).any() or (levels >= self._n_levels).any():
            raise ValueError(f"expected a level per knob and environment, below its number, got {actions!r}")
        parts = [self._threads.submit(self._step_some, levels, part) for part in range(self._n_threads)]
        for part in parts:
            part.result()
        self._left -= 1
        ended, infos = self._ends | (self._left == 0), Infos()
        rewards, observations = self._rewards.copy(), self._observations
        if ended.any():
            last = np.full(self.num_envs, None, dtype=object)
            for i in np.flatnonzero(ended):
                last[i] = observations[i].copy()
                self._begin(int(i), None)
            infos = {"final_obs": last, "_final_obs": ended}
        return observations.copy(), rewards, np.zeros(self.num_envs, np.bool_), ended, infos

    def _step_some(self, levels: NDArray[np.int64], part: int) -> None:
        """Step every n-th fleet."""
        n = len(self._fleets)
        for j in range(part, n, self._n_threads):
            fleet = self._fleets[j]
            fleet.step(levels[j::n])
            self._observations[j::n] = fleet.observations
            self._rewards[j::n], self._ends[j::n] = fleet.verdicts["reward"], fleet.verdicts["is_over"]

    def _begin(self, i: int, seed: int | None) -> None:
        at, j = divmod(i, len(self._fleets))
        self._fleets[j].begin(at, self._rngs[i], seed)
        self._observations[i] = self._fleets[j].observations[at]
