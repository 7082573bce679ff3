"""Which stage binds: what the work of one stage means beside that of the others, as their pressures tell.

With pressures p of the stages at levels that cost c, a unit of cost of stage i presses by p_i / c_i, and
levels a are expected to press by max p_i / c_i · c_i(a). As one number that is compared,

    cost(a) = max_i w_i c_i(a),    w_i = (p_i / c_i) / (p_b / c_b)

with b the stage that binds now, of the largest pressure. With one stage w is 1, and cost is its cost.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.common.settings import Levels, Scales, stage_costs
from envs.spec import ElasticitySpec, Sense

Array = NDArray[np.float64]

IDLE = 1e-3  # a pressure below tells nothing: nothing was measured, or nothing was done
MOVED = 0.25  # change of a ln w from which on it is no jitter


def in_pressure(spec: ElasticitySpec) -> NDArray[np.bool_]:
    """Return SLOs whose ratio speaks of this interval alone and grows with demand, shape (n_slos,)."""
    return np.array([not slo.memory and slo.sense is Sense.AT_MOST for slo in spec.slos])


def can_be_pressed(spec: ElasticitySpec) -> bool:
    """Return whether any stage's pressure can be known."""
    return bool(in_pressure(spec).any()) or any(stage.metric for stage in spec.stages)


class Stages:
    """Reads what SLOs and loads say of each stage's pressure.

    That is the ratio of the SLO on the stage's own load, where there is one. The largest ratio of the other
    SLOs of the pressure is that of the stage of the largest load, and the others' in proportion to their
    loads. Where no SLO is in the pressure, loads speak for themselves: used up is broken. A stage that shows
    no load beside one that does has none: IDLE.
    """

    def __init__(self, spec: ElasticitySpec) -> None:
        pressing = np.flatnonzero(in_pressure(spec))
        stage_of = {stage.metric: i for i, stage in enumerate(spec.stages)}
        self._own = [(i, stage_of[spec.slos[i].metric]) for i in pressing if spec.slos[i].metric in stage_of]
        self._others = np.setdiff1d(pressing, [i for i, _ in self._own]).astype(int)
        self._no_slos = not pressing.size

    def pressures(
        self, ratios: NDArray[np.floating], known: NDArray[np.bool_], loads: NDArray[np.floating]
    ) -> Array:
        """Return the pressure of each stage, NaN where unknown; (..., n_stages).

        Args:
            ratios, known: per SLO, (..., n_slos).
            loads: per stage, NaN where unknown, (..., n_stages).
        """
        if self._no_slos:
            return _with_idle(loads.astype(float))
        heard = np.where(known, ratios, -np.inf)
        found = np.full(loads.shape, -np.inf)
        if self._others.size:
            top = np.where(np.isnan(loads), -np.inf, loads).max(axis=-1, keepdims=True)
            shares = np.where(top > 0, loads / np.where(top > 0, top, 1.0), 1.0)  # unknown ones are as large
            found = np.fmax(found, shares * heard[..., self._others].max(axis=-1, keepdims=True))
        for slo, stage in self._own:
            found[..., stage] = np.maximum(found[..., stage], heard[..., slo])
        return _with_idle(np.where(found == -np.inf, np.nan, found))


def _with_idle(pressures: Array) -> Array:
    busy = (pressures > IDLE).any(axis=-1, keepdims=True)
    return np.where(busy, np.fmax(pressures, IDLE), pressures)


def first_scales(spec: ElasticitySpec) -> Scales:
    """Return the scales before anything was seen: the highest levels press all stages alike."""
    first, *others = stage_costs(spec, spec.highest)
    return (1.0, *(first / other for other in others))


def scales_after(spec: ElasticitySpec, scales: Scales, levels: Levels, pressures: Sequence[float]) -> Scales:
    """Return the scales after pressures at these levels, NaN where unknown; the same if they jitter."""
    costs = stage_costs(spec, levels)
    prices = {i: p / costs[i] for i, p in enumerate(pressures) if p >= IDLE}
    if not prices:
        return scales
    binding = max(prices, key=lambda i: pressures[i])
    before = [scale / scales[binding] for scale in scales]
    after = [prices[i] / prices[binding] if i in prices else scale for i, scale in enumerate(before)]
    moved = max(abs(math.log(b / a)) for a, b in zip(before, after, strict=True))
    return tuple(after) if moved > MOVED else scales
