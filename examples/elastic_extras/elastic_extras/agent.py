"""A proportional controller: one position between the lowest and the highest setting, for all knobs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Agent, State
from envs.spec import ElasticitySpec

LONGEST_MOVE = 0.25  # of the position in one interval, however bad the interval was


class Proportional(Agent):
    """Moves by gain × (target − the largest ratio), and not at all while nothing is known.

    SLOs with a memory, such as a queue, tell of the past: they count only while they are broken, unless
    there are no others.

    Args:
        spec: the stream.
        gain: move per unit of ratio, > 0; the position goes from 0 (every knob lowest) to 1.
        target: ratio that is aimed at, in (0, 1].

    Raises:
        ValueError: gain or target is out of range.
    """

    def __init__(self, spec: ElasticitySpec, gain: float, target: float):
        super().__init__(spec)
        if not gain > 0:
            raise ValueError(f"gain must be > 0, got {gain}")
        if not 0 < target <= 1:
            raise ValueError(f"target must be in (0, 1], got {target}")
        self._gain, self._target = gain, target
        prompt = np.array([not slo.memory for slo in spec.slos])
        self._prompt = prompt if prompt.any() else ~prompt
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Begin at the highest setting; there is nothing to draw."""
        self._position = 1.0

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """The level of every knob at the position, rounded down."""
        seen = self.spec.decode(observation)  # refuses what is no observation
        counted = seen.known & (self._prompt | (seen.ratios > 1.0))
        if counted.any():
            move = self._gain * (self._target - float(seen.ratios[counted].max()))
            moved = self._position + min(max(move, -LONGEST_MOVE), LONGEST_MOVE)
            self._position = min(max(moved, 0.0), 1.0)
        return np.floor(self._position * np.asarray(self.spec.highest)).astype(np.int64)

    def explain(self) -> dict[str, float]:
        """The position, which the trace then has as `explain.position`."""
        return {"position": self._position}

    def _checkpoint(self) -> State:
        return {"position": np.array(self._position)}

    def _restore(self, state: State) -> None:
        self._position = float(state["position"])
