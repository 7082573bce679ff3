"""Levels that never change: what elasticity has to beat."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Agent
from envs.spec import ElasticitySpec


class Static(Agent):
    """Keeps every knob where it was told.

    Args:
        spec: the stream.
        levels: "lowest", "middle" (the lower one of two), "highest", or a level index per knob.

    Raises:
        ValueError: another word, another number of knobs, or a level that a knob does not have.
    """

    def __init__(self, spec: ElasticitySpec, levels: str | Sequence[int]):
        super().__init__(spec)
        middle = tuple((n - 1) // 2 for n in spec.n_levels)
        named = {"lowest": spec.lowest, "middle": middle, "highest": spec.highest}
        if isinstance(levels, str) and levels not in named:
            raise ValueError(
                f"levels must be lowest, middle, highest or an index per knob, got {levels!r} "
                "(conf/agent/static.yaml)"
            )
        indices = named[levels] if isinstance(levels, str) else tuple(levels)
        self._levels = np.array(indices, dtype=np.int64)
        if self._levels not in spec.action_space:
            raise ValueError(
                f"levels must be an index per knob, below {spec.n_levels}, got {indices} "
                "(conf/agent/static.yaml)"
            )

    def reset(self, seed: int) -> None:
        """Do nothing: there is nothing to forget."""

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the same levels every time."""
        self.spec.decode(observation)
        return self._levels.copy()
