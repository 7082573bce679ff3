"""Where each unknown of the model lies in one vector, and what is believed of it beforehand."""

from dataclasses import dataclass
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
        load: ln of the world's work per capacity, which drifts and jumps, shape ().
        weights: what the knobs do to ln(ratio), shape (n_rows, n_features). A row per SLO; where no SLO
            follows the work at once, one more for the demand itself.
        ln_noise: of each SLO's reading, shape (n_slos,).
        ln_rate: see RATE, of no meaning for SLOs without memory, shape (n_slos,).
    """

    load: jax.Array
    weights: jax.Array
    ln_noise: jax.Array
    ln_rate: jax.Array


@dataclass(frozen=True)
class Layout:
    """What kind each SLO is of, and how many unknowns there are of each sort.

    Attributes:
        memory, prompt: per SLO, shape (n_slos,). A prompt one follows the work of the interval at once.
        n_rows, n_features: of the weights.
    """

    memory: tuple[bool, ...]
    prompt: tuple[bool, ...]
    n_rows: int
    n_features: int

    @property
    def size(self) -> int:
        """Return the number of unknowns."""
        return 1 + self.n_rows * self.n_features + 2 * len(self.memory)

    @property
    def demanding(self) -> tuple[int, ...]:
        """Return the rows of the weights of which the largest is the demand."""
        return tuple(np.flatnonzero(self.prompt).tolist()) or (self.n_rows - 1,)

    def parts(self, point: jax.Array) -> Unknowns:
        """Take points apart, shape (..., size)."""
        n_slos, n_weights = len(self.memory), self.n_rows * self.n_features
        load, weights, noise, rate = jnp.split(point, [1, 1 + n_weights, 1 + n_weights + n_slos], axis=-1)
        weights = weights.reshape(*weights.shape[:-1], self.n_rows, self.n_features)
        return Unknowns(load[..., 0], weights, noise, rate)


def layout_of(spec: ElasticitySpec, grid: Grid) -> Layout:
    """Return the layout of any spec."""
    prompt = tuple(in_pressure(spec).tolist())
    rows = len(spec.slos) + (not any(prompt))
    return Layout(tuple(slo.memory for slo in spec.slos), prompt, rows, grid.features.shape[1])


def prior(layout: Layout, spans: Array, cost_doubt: float) -> tuple[Array, Array]:
    """Return mean and standard deviation of every unknown, as the spec alone has them, shapes (size,).

    Args:
        layout: of the unknowns.
        spans: ln(cost of the highest level / cost of the lowest) per knob, shape (n_knobs,).
        cost_doubt: share by which such a span may be wrong, > 0.
    """
    follows = np.zeros((layout.n_rows, 1), dtype=bool)
    follows[list(layout.demanding)] = True
    floor = np.zeros((layout.n_rows, 1), dtype=bool)
    floor[: len(layout.memory), 0] = ~np.array(layout.memory) & ~np.array(layout.prompt)
    mean = np.zeros((layout.n_rows, layout.n_features))
    sigma = np.empty_like(mean)
    mean[:, 1::2] = np.where(follows, spans, np.where(floor, MENDED * spans, 0.0))
    mean[:, 0] = np.where(follows[:, 0], 0.0, np.log(REST)) - mean[:, 1::2].sum(axis=1) / 2
    sigma[:, 0] = np.where(follows[:, 0], OFFSET_DOUBT, REST_DOUBT)
    sigma[:, 1::2] = np.where(follows, cost_doubt * (1 + spans), KNOB_DOUBT)
    sigma[:, 2::2] = np.where(follows, 2 * cost_doubt, KNOB_DOUBT)
    n_slos = len(layout.memory)
    tail = [np.full(n_slos, np.log(median)) for median, _ in (NOISE, RATE)]
    spread = [np.full(n_slos, sd) for _, sd in (NOISE, RATE)]
    return np.concatenate([[0.0], mean.ravel(), *tail]), np.concatenate([[UNKNOWN], sigma.ravel(), *spread])


def drifts(layout: Layout, drift: float, fade: float) -> Array:
    """Return the standard deviation by which each unknown wanders in one interval, shape (size,)."""
    wander = np.full(layout.size, fade)
    wander[0] = drift
    return wander


def jumps(layout: Layout) -> Array:
    """Return the same for when something happened: to the load, or to what does not follow it; (2, size)."""
    load, rest = np.zeros(layout.size), np.zeros(layout.size)
    load[0] = 1.0
    starts = 1 + layout.n_features * np.arange(layout.n_rows)
    rows = [row for row, is_prompt in enumerate(layout.prompt) if not is_prompt]
    for row in rows:
        rest[starts[row] : starts[row] + layout.n_features] = KNOB_DOUBT
        rest[starts[row]] = REST_DOUBT
    return np.stack([load, rest])
