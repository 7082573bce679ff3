"""From observations to readings: which ratios tell of the setting in force, and how far to trust them."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from agents.bayes.layout import Layout
from agents.bayes.model import Reading
from agents.common.demand import LAG, LAG_LEFT, SOFT, TINY
from agents.common.settings import Grid
from envs.spec import ElasticitySpec, Observed

Array = NDArray[np.float64]

STANDSTILL = 0.02  # change of a ratio in one interval that is taken for jitter


@dataclass(frozen=True, slots=True)
class Past:
    """What a reading needs to know of those before it.

    Attributes:
        row: of the setting that was in force, -1 before the first observation.
        ratios: last known, 0 before, shape (n_slos,).
        lag: log-standard deviation that a change of setting still adds to each ratio, shape (n_slos,).
        is_backlog: whether work of the past is waiting.
        is_moving: whether a ratio with memory moved in the last interval, or was broken and stayed so.
        readings: made so far.
    """

    row: int
    ratios: Array
    lag: Array
    is_backlog: bool
    is_moving: bool
    readings: int


def nothing_yet(spec: ElasticitySpec) -> Past:
    """Return the past before an episode's first observation."""
    nothing = np.zeros(len(spec.slos))
    return Past(-1, nothing, nothing, False, False, 0)


class Reader:
    """Reads one spec's observations."""

    def __init__(self, spec: ElasticitySpec, grid: Grid, layout: Layout):
        self._grid = grid
        self._memory, self._prompt = np.array(layout.memory), np.array(layout.prompt)

    def read(self, past: Past, seen: Observed) -> tuple[Reading, Past]:
        """Return the reading, and the past of the next one."""
        row = self._grid.row(seen.levels)
        ratios = np.where(seen.known, seen.ratios, past.ratios)
        is_first = past.readings == 0
        before = ratios if is_first else past.ratios
        pressing = seen.ratios[self._prompt & seen.known]
        ln_demand = float(np.log(max(pressing.max(), TINY))) if pressing.size else 0.0
        lag = self._lag(past, row)
        soft = np.where(self._memory, SOFT, 0.0)
        moved = np.log((np.maximum(ratios, TINY) + soft) / (np.maximum(before, TINY) + soft))
        is_still = ~self._memory | (row == past.row) | is_first
        growth = ratios - before
        overload = pressing.size > 0 and ln_demand > 0
        falls = np.any(growth[self._memory] < -STANDSTILL)
        is_backlog = (
            bool(self._memory.any()) and not is_first and (overload or (past.is_backlog and bool(falls)))
        )
        doubt = lag if is_backlog else np.minimum(lag, 2 * np.abs(moved))
        doubt = np.where(self._prompt | self._memory, doubt, np.hypot(doubt, 2 * max(ln_demand, 0.0)))
        reading = Reading(
            features=jnp.asarray(self._grid.features[row], jnp.float32),
            ratios=jnp.asarray(ratios, jnp.float32),
            before=jnp.asarray(before, jnp.float32),
            counts=jnp.asarray(seen.known & is_still, jnp.float32),
            doubt=jnp.asarray(doubt, jnp.float32),
            ln_demand=jnp.float32(ln_demand),
            is_measured=jnp.float32(pressing.size > 0),
            is_resting=jnp.float32(is_first or (pressing.size > 0 and not is_backlog)),
        )
        is_moving = bool(np.any(self._memory & ((np.abs(growth) > STANDSTILL) | (ratios > 1))))
        readings = past.readings + bool(seen.known.any())
        return reading, Past(row, ratios, lag, is_backlog, is_moving, readings)

    def _lag(self, past: Past, row: int) -> Array:
        lag = past.lag * LAG_LEFT[past.is_backlog]
        if past.row < 0 or row == past.row:
            return lag
        apart = np.abs(self._grid.features[row] - self._grid.features[past.row])[1::2] @ self._grid.spans
        return lag + LAG * np.where(self._prompt, apart, 0.25 * apart)
