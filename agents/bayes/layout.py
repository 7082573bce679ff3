"""Where each unknown of the model lies in one vector, and what is believed of it beforehand."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from agents.common.bottleneck import in_pressure
from agents.common.demand import MENDED, UNKNOWN
from agents.common.settings import Grid
from envs.spec import ElasticitySpec

Array = NDArray[np.float64]

OFFSET_DOUBT = 0.5  # likewise of one SLO's ratio about the load
REST = 0.3  # ratio where SLOs that do not follow the work are expected at first
REST_DOUBT = 1.0  # log-standard deviation of that
KNOB_DOUBT = 0.3  # likewise of what a knob may do to it
NOISE = (0.05, 0.7)  # median and log-standard deviation of a reading's noise
RATE = (0.5, 0.7)  # likewise of how fast endless demand moves a ratio with memory: thresholds per interval


class Unknowns(NamedTuple):
    """One point of the model's space.

    Attributes:
        load: ln of the world's work per capacity of each stage, which drifts and jumps, shape (n_stages,).
        weights: what the knobs do, shape (n_rows, n_features): to ln(ratio) of each SLO that does not follow
            the work at once, and then to ln of each stage's demand.
        ln_noise: of a reading of each row, shape (n_rows,).
        ln_rate: of each SLO, see RATE, of no meaning for those without memory, shape (n_slos,).
    """

    load: jax.Array
    weights: jax.Array
    ln_noise: jax.Array
    ln_rate: jax.Array


@dataclass(frozen=True)
class Layout:
    """What kind each SLO is of, and how many unknowns there are of each sort.

    Attributes:
        memory, prompt: per SLO, shape (n_slos,). A prompt one follows the work of the interval at once: it
            has no row, for it is the demand on the stage that binds.
        n_stages: whose demands are the last rows.
        n_features: of the weights.
    """

    memory: tuple[bool, ...]
    prompt: tuple[bool, ...]
    n_stages: int
    n_features: int

    @cached_property
    def rest(self) -> tuple[int, ...]:
        """Return the SLOs that are not prompt: those of the first rows."""
        return tuple(np.flatnonzero(~np.array(self.prompt)).tolist())

    @cached_property
    def row_of(self) -> tuple[int, ...]:
        """Return, per SLO, its row; of a prompt one the first beyond them."""
        return tuple(len(self.rest) if p else self.rest.index(i) for i, p in enumerate(self.prompt))

    @property
    def n_rows(self) -> int:
        """Return the rows of the weights."""
        return len(self.rest) + self.n_stages

    @property
    def size(self) -> int:
        """Return the number of unknowns."""
        return self.n_stages + self.n_rows * (self.n_features + 1) + len(self.memory)

    def parts(self, point: jax.Array) -> Unknowns:
        """Take points apart, shape (..., size)."""
        lengths = [self.n_stages, self.n_rows * self.n_features, self.n_rows]
        load, weights, noise, rate = jnp.split(point, np.cumsum(lengths).tolist(), axis=-1)
        weights = weights.reshape(*weights.shape[:-1], self.n_rows, self.n_features)
        return Unknowns(load, weights, noise, rate)


def layout_of(spec: ElasticitySpec, grid: Grid) -> Layout:
    """Return the layout of any spec."""
    memory = tuple(slo.memory for slo in spec.slos)
    return Layout(memory, tuple(in_pressure(spec).tolist()), len(spec.stages), grid.features.shape[1])


def prior(layout: Layout, spans: Array, cost_doubt: float) -> tuple[Array, Array]:
    """Return mean and standard deviation of every unknown, as the spec alone has them, shapes (size,).

    Args:
        layout: of the unknowns.
        spans: ln(cost of the highest level / cost of the lowest), shape (n_stages, n_knobs).
        cost_doubt: share by which such a span may be wrong, > 0.
    """
    n_rest = len(layout.rest)
    follows = np.arange(layout.n_rows)[:, None] >= n_rest
    floor = np.array([not layout.memory[slo] for slo in layout.rest] + [False] * layout.n_stages)[:, None]
    of_row = np.vstack([np.broadcast_to(spans.max(axis=0), (n_rest, spans.shape[1])), spans])
    mean = np.zeros((layout.n_rows, layout.n_features))
    sigma = np.empty_like(mean)
    mean[:, 1::2] = np.where(follows, of_row, np.where(floor, MENDED * of_row, 0.0))
    mean[:, 0] = np.where(follows[:, 0], 0.0, np.log(REST)) - mean[:, 1::2].sum(axis=1) / 2
    sigma[:, 0] = np.where(follows[:, 0], OFFSET_DOUBT, REST_DOUBT)
    sigma[:, 1::2] = np.where(follows, cost_doubt * (1 + of_row), KNOB_DOUBT)
    sigma[:, 2::2] = np.where(follows, 2 * cost_doubt, KNOB_DOUBT)
    loads, noises, rates = np.zeros(layout.n_stages), np.ones(layout.n_rows), np.ones(len(layout.memory))
    middle = np.concatenate([loads, mean.ravel(), np.log(NOISE[0]) * noises, np.log(RATE[0]) * rates])
    return middle, np.concatenate([UNKNOWN + loads, sigma.ravel(), NOISE[1] * noises, RATE[1] * rates])


def drifts(layout: Layout, drift: float, fade: float) -> Array:
    """Return the standard deviation by which each unknown wanders in one interval, shape (size,)."""
    wander = np.full(layout.size, fade)
    wander[: layout.n_stages] = drift
    return wander


def jumps(layout: Layout) -> Array:
    """Return the same for when something happened: to the load, or to what does not follow it; (2, size)."""
    load, rest = np.zeros(layout.size), np.zeros(layout.size)
    load[: layout.n_stages] = 1.0
    for row in range(len(layout.rest)):
        start = layout.n_stages + layout.n_features * row
        rest[start : start + layout.n_features] = KNOB_DOUBT
        rest[start] = REST_DOUBT
    return np.stack([load, rest])
