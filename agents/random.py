"""Levels drawn anew in every interval: the lower end of any comparison."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Agent, State
from envs.spec import ElasticitySpec


class Random(Agent):
    """Every level of every knob is as likely as any other."""

    def __init__(self, spec: ElasticitySpec):
        super().__init__(spec)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Draw from this seed on."""
        self._rng = np.random.default_rng(seed)

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return a uniform draw."""
        self.spec.decode(observation)
        return self._rng.integers(self.spec.n_levels, dtype=np.int64)

    def _checkpoint(self) -> State:
        return {"rng": np.array(json.dumps(self._rng.bit_generator.state))}

    def _restore(self, state: State) -> None:
        self._rng.bit_generator.state = json.loads(str(state["rng"]))
