"""From observations to readings: which ratios tell of the setting in force, and how far to trust them."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from agents.bayes.layout import Layout
from agents.bayes.model import Reading
from agents.common.bottleneck import Stages
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
        ln_pressures: last known, of the stages, shape (n_stages,).
        lag: log-standard deviation that a change of setting still adds to each row, shape (n_rows,).
        is_backlog: whether work of the past is waiting.
        is_moving: whether a ratio with memory moved in the last interval, or was broken and stayed so.
        readings: made so far.
    """

    row: int
    ratios: Array
    ln_pressures: Array
    lag: Array
    is_backlog: bool
    is_moving: bool
    readings: int


def nothing_yet(layout: Layout) -> Past:
    """Return the past before an episode's first observation."""
    n_slos, n_stages, n_rows = len(layout.memory), layout.n_stages, layout.n_rows
    return Past(-1, np.zeros(n_slos), np.zeros(n_stages), np.zeros(n_rows), False, False, 0)


class Reader:
    """Reads one spec's observations."""

    def __init__(self, spec: ElasticitySpec, grid: Grid, layout: Layout):
        self._grid, self._stages = grid, Stages(spec)
        self._memory, self._rest = np.array(layout.memory), np.array(layout.rest, dtype=int)
        self._is_floor = np.append(~self._memory[self._rest], np.zeros(layout.n_stages, bool))

    def read(self, past: Past, seen: Observed) -> tuple[Reading, Past]:
        """Return the reading, and the past of the next one."""
        row, rest = self._grid.row(seen.levels), self._rest
        ratios = np.where(seen.known, seen.ratios, past.ratios)
        is_first = past.readings == 0
        pressures = self._stages.pressures(seen.ratios, seen.known, seen.loads)
        heard = ~np.isnan(pressures)
        ln_pressures = np.where(heard, np.log(np.maximum(pressures, TINY)), past.ln_pressures)
        ln_demand = float(ln_pressures[heard].max()) if heard.any() else 0.0
        before = ratios if is_first else past.ratios
        lag = self._lag(past, row)
        soft = np.where(self._memory, SOFT, 0.0)
        moved = np.log((np.maximum(ratios, TINY) + soft) / (np.maximum(before, TINY) + soft))[rest]
        moved = np.append(moved, 0.0 * ln_pressures if is_first else ln_pressures - past.ln_pressures)
        is_still = ~self._memory | (row == past.row) | is_first
        growth = ratios - before
        overload = ln_demand > 0
        falls = np.any(growth[self._memory] < -STANDSTILL)
        is_backlog = (
            bool(self._memory.any()) and not is_first and (overload or (past.is_backlog and bool(falls)))
        )
        doubt = lag if is_backlog else np.minimum(lag, 2 * np.abs(moved))
        doubt = np.where(self._is_floor, np.hypot(doubt, 2 * max(ln_demand, 0.0)), doubt)
        reading = Reading(
            features=jnp.asarray(self._grid.features[row], jnp.float32),
            ratios=jnp.asarray(ratios[rest], jnp.float32),
            before=jnp.asarray(before[rest], jnp.float32),
            ln_pressures=jnp.asarray(ln_pressures, jnp.float32),
            counts=jnp.asarray(np.append((seen.known & is_still)[rest], heard), jnp.float32),
            doubt=jnp.asarray(doubt, jnp.float32),
            is_measured=jnp.float32(heard.any()),
            is_resting=jnp.float32(is_first or (heard.any() and not is_backlog)),
        )
        is_moving = bool(np.any(self._memory & ((np.abs(growth) > STANDSTILL) | (ratios > 1))))
        readings = past.readings + bool(seen.known.any())
        return reading, Past(row, ratios, ln_pressures, lag, is_backlog, is_moving, readings)

    def _lag(self, past: Past, row: int) -> Array:
        lag = past.lag * LAG_LEFT[past.is_backlog]
        if past.row < 0 or row == past.row:
            return lag
        step = np.abs(self._grid.features[row] - self._grid.features[past.row])[1::2]
        apart = self._grid.spans @ step
        of_rest = np.full(len(self._rest), 0.25 * float(self._grid.spans.max(axis=0) @ step))
        return lag + LAG * np.append(of_rest, apart)
