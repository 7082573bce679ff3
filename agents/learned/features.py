"""What networks see of a stream: features that any spec has, of the last observations and of the episode."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.common.bottleneck import Stages, can_be_pressed
from envs.spec import ElasticitySpec

RATIO_FLOOR = 0.05  # added to a ratio before its logarithm is taken

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Eyes:
    """From observations to features; k knobs, s SLOs, q stages, m metrics.

    | features | of one observation                                                                    |
    |----------|---------------------------------------------------------------------------------------|
    | k        | position per knob                                                                     |
    | k · q    | ln relative cost per knob, of one stage after the other                               |
    | s        | ln (ratio + 0.05) per SLO: a tenth of a bound is as far from it as tenfold            |
    | q        | price of each stage: such ln of its pressure, less ln of the setting's cost           |
    | s+2q+m   | whether each ratio is known, loads and further metrics, as they are observed          |

    Where work grows as the spec says, the price stays the same whatever is set, and tells what the world can
    take; where it does not, prices at different levels tell that.

    Attributes:
        ln_costs: per knob, of each level for each stage, shape (n_levels, q).
        n_slos: s.
        stages: read the pressures. Where none can be known, the largest ratio of all SLOs is taken for them.
    """

    ln_costs: tuple[Floats, ...]
    n_slos: int
    stages: Stages | None

    @classmethod
    def of(cls, spec: ElasticitySpec) -> Self:
        """Return the eyes for a spec."""
        costs = tuple(np.log(np.array(knob.costs).T).astype(np.float32) for knob in spec.knobs)
        return cls(costs, len(spec.slos), Stages(spec) if can_be_pressed(spec) else None)

    @property
    def n_stages(self) -> int:
        """Return how many stages there are."""
        return self.ln_costs[0].shape[1]

    @property
    def n_levels(self) -> tuple[int, ...]:
        """Return the number of levels of each knob."""
        return tuple(len(ln_cost) for ln_cost in self.ln_costs)

    def levels(self, observations: Floats) -> NDArray[np.int64]:
        """Return the levels in force, shape (n, k), of observations of shape (n, n_observed)."""
        tops = np.array(self.n_levels) - 1
        return np.rint(observations[:, : len(tops)] * tops).astype(np.int64)

    def features(self, observations: Floats) -> Floats:
        """See the class's table, shape (n, n_features), of observations of shape (n, n_observed)."""
        k, s = len(self.ln_costs), self.n_slos
        levels = self.levels(observations)
        costs = np.stack([cost[levels[:, i]] for i, cost in enumerate(self.ln_costs)], axis=-1)  # (n, q, k)
        ratios = np.log(observations[:, k : k + s] + np.float32(RATIO_FLOOR))
        prices = np.nan_to_num(self.prices(observations))
        rest = observations[:, k + s :]
        flat = costs.reshape(len(costs), -1)
        return np.concatenate([observations[:, :k], flat, ratios, prices, rest], axis=1, dtype=np.float32)

    def prices(self, observations: Floats) -> Floats:
        """Return the price of each stage, NaN where unknown, shape (n, q)."""
        k, s, q = len(self.ln_costs), self.n_slos, self.n_stages
        ratios, known = observations[:, k : k + s], observations[:, k + s : k + 2 * s] > 0.5
        loads, heard = np.split(observations[:, k + 2 * s : k + 2 * s + 2 * q], 2, axis=1)
        if self.stages is None:
            largest = np.where(known, ratios, np.float32(np.nan))
            pressures = np.fmax.reduce(largest, axis=1, keepdims=True).repeat(q, axis=1)
        else:
            pressures = self.stages.pressures(ratios, known, np.where(heard > 0.5, loads, np.nan))
        levels = self.levels(observations)
        spent = sum(cost[levels[:, i]] for i, cost in enumerate(self.ln_costs))
        return np.asarray(np.log(pressures + np.float32(RATIO_FLOOR)) - spent, dtype=np.float32)


class Memory:
    """What some episodes have shown, as their agent sees it.

    Of each episode, n_seen figures: the features of its last observations, the newest first; then for each
    level of each knob the stages' prices when it was last in force, less those now, 0 if it has not been.

    Args:
        eyes: make the features.
        n: episodes side by side.
        depth: observations that are remembered whole; an episode begins as if it had always been as it is.
    """

    def __init__(self, eyes: Eyes, n: int, depth: int) -> None:
        self._eyes, self._n, self._depth = eyes, n, depth
        n_levels = np.array(eyes.n_levels)
        self._first = np.cumsum(n_levels) - n_levels  # column of each knob's lowest level
        self._rows = np.arange(n)[:, np.newaxis]
        self._prices = np.full((n, n_levels.sum(), eyes.n_stages), np.nan, np.float32)
        self._read = self._prices[:, 0].copy()  # the last observations' prices
        self._seen: Floats | None = None

    def begin(self, observations: Floats, which: NDArray[np.bool_] | None = None) -> Floats:
        """Take first observations, (n, n_observed), of all episodes or some; return what all see now."""
        features = self._eyes.features(observations)
        fresh = np.repeat(features[:, np.newaxis], self._depth, axis=1)
        if which is None or self._seen is None:
            self._seen, which = fresh, np.ones(self._n, np.bool_)
        else:
            self._seen[which] = fresh[which]
        self._prices[which], self._read[which] = np.nan, self._eyes.prices(observations)[which]
        return self._now(observations)

    def push(self, observations: Floats) -> Floats:
        """Take the next observation of every episode; return what all see now, shape (n, n_seen)."""
        if self._seen is None:
            return self.begin(observations)
        if self._depth > 1:
            self._seen[:, 1:] = self._seen[:, :-1].copy()
        self._seen[:, 0], self._read = self._eyes.features(observations), self._eyes.prices(observations)
        return self._now(observations)

    def _now(self, observations: Floats) -> Floats:
        assert self._seen is not None
        price = self._read[:, np.newaxis]
        columns = self._first + self._eyes.levels(observations)
        self._prices[self._rows, columns] = np.where(
            np.isnan(price), self._prices[self._rows, columns], price
        )
        differences = np.nan_to_num(self._prices - price).reshape(self._n, -1)
        return np.concatenate([self._seen.reshape(self._n, -1), differences], axis=1)


def n_seen(spec: ElasticitySpec, depth: int) -> int:
    """Return the number of figures that a `Memory` gives of each episode."""
    k, s, q, m = len(spec.knobs), len(spec.slos), len(spec.stages), len(spec.metrics)
    return depth * (k + k * q + 2 * s + 3 * q + m) + sum(spec.n_levels) * q
