"""What would come of it: copies of a running episode that go on under settings of their own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.simulator.env import SimulatorEnv
from envs.simulator.fleet import Fleet
from envs.simulator.records import EPISODE

_FIELDS: Any = EPISODE.fields
_HEAD_BYTES = _FIELDS["frames"][1]  # what is before the long arrays, which are copied as far as they are used


class Branches:
    """n copies of an environment's episode, exact to the last frame under way.

    They know what is to come, for events and draws are the episode's own; `draw_from` gives each a seed.

    Args:
        env: whose episodes are copied, and which the copies leave as it is.
        n: copies, >= 1.
    """

    def __init__(self, env: SimulatorEnv, n: int) -> None:
        if n < 1:
            raise ValueError(f"there must be at least one branch, got {n}")
        self._origin = env.fleet
        self._fleet = Fleet(env.elasticity, self._origin.systems, n)
        self._rows = self._fleet.episodes.view(np.uint8).reshape(n, EPISODE.itemsize)
        self._row = self._origin.episodes.view(np.uint8).reshape(-1, EPISODE.itemsize)[0]
        self._n_slos = len(env.elasticity.slos)

    def take(self) -> None:
        """Every branch begins anew where the environment's episode is now."""
        episode = self._origin.episodes[0]
        n_streams = int(self._origin.records[int(episode["system"])]["n_streams"])
        self._rows[:, :_HEAD_BYTES] = self._row[:_HEAD_BYTES]
        for name, used in (("frames", "n_frames"), ("jobs", "n_jobs")):
            count = int(episode[used])
            self._fleet.episodes[name][:, :count] = episode[name][:count]
        self._fleet.episodes["window"][:, :n_streams] = episode["window"][:n_streams]
        self._fleet.events[:] = self._origin.events[0]
        self._fleet.verdicts[:] = self._origin.verdicts[0]

    def draw_from(self, seeds: Sequence[int]) -> None:
        """Let each branch's frames take the time that they would in an episode of its seed, from now on."""
        self._fleet.draw_from(seeds)

    def step(self, actions: NDArray[np.int64]) -> None:
        """One control interval of every branch; actions of shape (n, n_knobs) are legal, and none is over."""
        self._fleet.step(actions)

    @property
    def rewards(self) -> NDArray[np.float64]:
        """Of the last interval, shape (n,)."""
        return self._fleet.verdicts["reward"].copy()

    @property
    def qoes(self) -> NDArray[np.float64]:
        """Of the last interval, shape (n,)."""
        return self._fleet.verdicts["qoe"].copy()

    @property
    def fulfilled(self) -> NDArray[np.bool_]:
        """Which SLOs were kept, or not measured, in the last interval, shape (n, n_slos)."""
        return self._fleet.verdicts["states"][:, : self._n_slos] < 2

    @property
    def are_over(self) -> NDArray[Any]:
        """Whose episode has ended, shape (n,)."""
        return self._fleet.verdicts["is_over"].copy()
