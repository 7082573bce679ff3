"""What is learned of: the load of every stage, and every SLO that is no load; and how they are read.

Each of these channels has a logarithm y that is 0 at the threshold. Loads are y = ln r. Ratios that carry the
past are y = ln((r + SOFT) / (1 + SOFT)), for an empty queue must be no −∞, and are read within CLIP: how far
beyond a threshold a queue is says how long it has grown, not how fast.

Where nothing tells of a load, one is inferred all the same: what grows without end has too little capacity.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.aif.settings import Floats
from agents.common.bottleneck import IDLE, Stages, can_be_pressed, in_pressure
from agents.common.demand import SOFT, TINY
from envs.spec import RATIO_CAP, ElasticitySpec, Observed, Sense

Bools = NDArray[np.bool_]

CLIP = (-2.0, 0.9)  # of y where a ratio is no load
LEAST_LOAD = 0.02  # loads below are told apart from nothing


class Readings(NamedTuple):
    """What one observation shows of every channel, shape (c,) each.

    Attributes:
        y: see above; means nothing where unknown.
        ratio: itself.
        known: whether it was measured.
        side: 1 where y is at least that much, −1 where it is at most that, else 0.
        broken: whether the ratio is above 1.
    """

    y: Floats
    ratio: Floats
    known: Bools
    side: NDArray[np.int64]
    broken: Bools


class Channels:
    """The channels of a spec: loads first, then the SLOs that are none.

    Args:
        spec: the stream.
        by_stage: whether every stage has a load of its own; false = the largest stands for all.

    Attributes:
        n: how many.
        n_slos: of the spec.
        n_loads: of them are loads, >= 1; the first ones.
        is_inferred: whether nothing tells of a load.
        is_load, has_memory: of each, the latter: whether it carries the past; shape (n,).
        rest: the SLOs that are no load, shape (n - n_loads,).
        pressing: the SLOs that are broken where a load is above 1, likewise.
        steps: per channel and knob, what each level adds to ln cost; of a channel that falls with it, less.
    """

    def __init__(self, spec: ElasticitySpec, by_stage: bool = True) -> None:
        self._stages = Stages(spec)
        is_pressing = in_pressure(spec)
        self.rest, self.pressing = np.flatnonzero(~is_pressing), np.flatnonzero(is_pressing)
        self.is_inferred = not can_be_pressed(spec)
        self._is_one = self.is_inferred or not by_stage
        self.n_loads = 1 if self._is_one else len(spec.stages)
        self.n, self.n_slos = self.n_loads + self.rest.size, len(spec.slos)
        self.is_load = np.arange(self.n) < self.n_loads
        slos = [spec.slos[i] for i in self.rest]
        self.has_memory = np.array([False] * self.n_loads + [slo.memory for slo in slos])
        self._soft = np.array([SOFT if slo.memory else 0.0 for slo in slos])
        dearest = [np.diff(max(np.log(knob.costs), key=lambda row: row[-1] - row[0])) for knob in spec.knobs]
        by_stages = [[np.diff(np.log(knob.costs[i])) for knob in spec.knobs] for i in range(self.n_loads)]
        signs = [1.0 if slo.sense is Sense.AT_MOST else -1.0 for slo in slos]
        self.steps = [dearest] if self._is_one else by_stages
        self.steps += [[sign * step for step in dearest] for sign in signs]

    def read(self, observed: Observed) -> Readings:
        """Return what an observation shows."""
        loads = self._loads(observed)
        has_load = loads >= IDLE
        loads = np.where(has_load, loads, 1.0)
        ratios, known = observed.ratios[self.rest], observed.known[self.rest]
        low, high = CLIP
        y = np.log((np.maximum(ratios, TINY) + self._soft) / (1 + self._soft))
        sides = (loads >= RATIO_CAP) * 1 - (loads <= LEAST_LOAD) * 1, (y >= high) * 1 - (y <= low) * 1
        return Readings(
            y=np.concatenate([np.log(np.maximum(loads, LEAST_LOAD)), np.clip(y, low, high)]),
            ratio=np.concatenate([loads, ratios]),
            known=np.concatenate([has_load, known]),
            side=np.concatenate(sides).astype(np.int64),
            broken=np.concatenate([has_load & (loads > 1), known & (ratios > 1)]),
        )

    def by_slo(self, p: Floats) -> Floats:
        """Return P(fulfilled) of every SLO, (..., n_slos, m), from that of every channel, (..., n, m)."""
        *outer, _, m = p.shape
        found = np.empty((*outer, self.rest.size + self.pressing.size, m))
        loads = p[..., : self.n_loads, :].min(-2, keepdims=True)
        found[..., self.pressing, :] = loads
        own = p[..., self.n_loads :, :]
        found[..., self.rest, :] = np.minimum(own, loads) if self.is_inferred else own
        return found

    def _loads(self, observed: Observed) -> Floats:
        """Return the load of every stage, NaN where unknown."""
        if self.is_inferred:
            return np.full(1, np.nan)
        loads = self._stages.pressures(observed.ratios, observed.known, observed.loads)
        return np.array([np.fmax.reduce(loads)]) if self._is_one else loads
