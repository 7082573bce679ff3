"""Stages in a row, as a fluid: each has a capacity of its own, and the one that binds makes the queue."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.common.settings import stage_costs
from envs.reward import reward
from envs.spec import ElasticitySpec
from tests.agents.plant import Outcome

FULL_S = 4.0  # of work that may wait; what comes on top is lost


class Line:
    """One step is one second. `capacity` scales all stages' and may be set between two steps.

    Measures "load", the largest of the stages', "backlog_s", what waits in seconds of work, and each stage's
    load as its metric; the QoE is the spec's worth, at the age that the backlog makes, of what is delivered.

    Args:
        spec: of SLOs on "load" and "backlog_s".
        capacities: of each stage, in units of the spec's costs.
        noise: log-standard deviation of a measured load.
    """

    def __init__(self, spec: ElasticitySpec, capacities: Sequence[float], noise: float = 0.0) -> None:
        self.spec, self.capacity = spec, 1.0
        self.capacities = np.array(capacities)
        self._noise, self._rng = noise, np.random.default_rng(0)
        self._backlog_s = 0.0
        self._levels = spec.highest

    def loads(self, levels: Sequence[int]) -> NDArray[np.float64]:
        """Of each stage at these levels, used up at 1."""
        return np.array(stage_costs(self.spec, levels)) / (self.capacity * self.capacities)

    def best(self) -> float:
        """Worth of the best setting for which every stage suffices."""
        rows = enumerate(np.ndindex(*self.spec.n_levels))
        worth = self.spec.worth.when_shown()
        return max(float(worth[row]) for row, levels in rows if self.loads(levels).max() <= 1)

    def reset(self, levels: Sequence[int]) -> NDArray[np.float32]:
        """The first observation: these levels, and nothing measured yet."""
        self._levels, self._backlog_s = tuple(levels), 0.0
        return self.spec.encode(self._levels, {}, {})

    def step(self, levels: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.float32], Outcome]:
        """One second at these levels."""
        levels = tuple(map(int, levels))
        changed = sum(a != b for a, b in zip(levels, self._levels, strict=True))
        self._levels, loads = levels, self.loads(levels)
        self._backlog_s = float(np.clip(self._backlog_s + 1 - 1 / loads.max(), 0.0, FULL_S))
        seen = loads * np.exp(self._noise * self._rng.standard_normal(len(loads)))
        measured = {"load": float(seen.max()), "backlog_s": self._backlog_s}
        readings = {slo.metric: slo.read(measured[slo.metric]) for slo in self.spec.slos}
        row = int(np.ravel_multi_index(levels, self.spec.n_levels))
        worth = float(self.spec.worth.when_shown(self._backlog_s)[row])
        quality = worth * min(1.0, 1 / loads.max())
        gain = reward(readings.values(), quality, changed, len(levels))
        figures = dict(zip([stage.metric for stage in self.spec.stages], map(float, seen), strict=True))
        return self.spec.encode(levels, readings, figures), Outcome(readings, quality, gain, changed)
