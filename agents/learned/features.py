"""What networks see of a stream: features that any spec has, of the last observations and of the episode."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.common.bottleneck import in_pressure
from envs.spec import ElasticitySpec

RATIO_FLOOR = 0.05  # added to a ratio before its logarithm is taken

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Eyes:
    """From observations to features; k knobs, s SLOs, m metrics.

    | features | of one observation                                                                    |
    |----------|---------------------------------------------------------------------------------------|
    | k        | position per knob                                                                     |
    | k        | ln relative cost per knob                                                             |
    | s        | ln (ratio + 0.05) per SLO: a tenth of a bound is as far from it as tenfold            |
    | 1        | price: the largest such ln of what speaks of demand, less ln of the setting's cost    |
    | s + m    | whether each ratio is known, and further metrics, as they are observed                |

    Where work grows as the spec says, the price stays the same whatever is set, and tells what the world can
    take; where it does not, prices at different levels tell that.

    Attributes:
        ln_costs: per knob, of each level.
        speaks_of_demand: which SLOs do, see `agents.common.pressure.in_pressure`; all, where none does.
    """

    ln_costs: tuple[Floats, ...]
    speaks_of_demand: NDArray[np.bool_]

    @classmethod
    def of(cls, spec: ElasticitySpec) -> Self:
        """Return the eyes for a spec."""
        costs = tuple(np.log(np.array(knob.costs[0])).astype(np.float32) for knob in spec.knobs)
        demand = in_pressure(spec)
        return cls(costs, demand if demand.any() else np.ones_like(demand))

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
        k, s = len(self.ln_costs), len(self.speaks_of_demand)
        levels = self.levels(observations)
        costs = np.stack([cost[levels[:, i]] for i, cost in enumerate(self.ln_costs)], axis=-1)
        ratios = np.log(observations[:, k : k + s] + np.float32(RATIO_FLOOR))
        known = observations[:, k + s : k + 2 * s] > 0.5
        heard = np.where(known & self.speaks_of_demand, ratios, -np.inf).max(axis=1)
        price = np.where(np.isfinite(heard), heard - costs.sum(axis=1), np.float32(0.0))[:, np.newaxis]
        rest = observations[:, k + s :]
        return np.concatenate([observations[:, :k], costs, ratios, price, rest], axis=1, dtype=np.float32)

    def prices(self, features: Floats) -> Floats:
        """Return the price among features, NaN where unknown, shape (n,)."""
        k, s = len(self.ln_costs), len(self.speaks_of_demand)
        price, known = features[:, 2 * k + s], features[:, 2 * k + s + 1 : 2 * k + 2 * s + 1]
        return np.where((known > 0.5)[:, self.speaks_of_demand].any(axis=1), price, np.float32(np.nan))


class Memory:
    """What some episodes have shown, as their agent sees it.

    Of each episode, n_seen figures: the features of its last observations, the newest first; then for each
    level of each knob the price when it was last in force, less the price now, 0 if it has not been.

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
        self._prices = np.full((n, n_levels.sum()), np.nan, np.float32)
        self._seen: Floats | None = None

    def begin(self, observations: Floats, which: NDArray[np.bool_] | None = None) -> Floats:
        """Take first observations, (n, n_observed), of all episodes or some; return what all see now."""
        features = self._eyes.features(observations)
        fresh = np.repeat(features[:, np.newaxis], self._depth, axis=1)
        if which is None or self._seen is None:
            self._seen, which = fresh, np.ones(self._n, np.bool_)
        else:
            self._seen[which] = fresh[which]
        self._prices[which] = np.nan
        return self._now(observations)

    def push(self, observations: Floats) -> Floats:
        """Take the next observation of every episode; return what all see now, shape (n, n_seen)."""
        if self._seen is None:
            return self.begin(observations)
        if self._depth > 1:
            self._seen[:, 1:] = self._seen[:, :-1].copy()
        self._seen[:, 0] = self._eyes.features(observations)
        return self._now(observations)

    def _now(self, observations: Floats) -> Floats:
        assert self._seen is not None
        price = self._eyes.prices(self._seen[:, 0])[:, np.newaxis]
        columns = self._first + self._eyes.levels(observations)
        self._prices[self._rows, columns] = np.where(
            np.isnan(price), self._prices[self._rows, columns], price
        )
        differences = np.nan_to_num(self._prices - price)
        return np.concatenate([self._seen.reshape(self._n, -1), differences], axis=1)


def n_seen(spec: ElasticitySpec, depth: int) -> int:
    """Return the number of figures that a `Memory` gives of each episode."""
    k, s, m = len(spec.knobs), len(spec.slos), len(spec.metrics)
    return depth * (2 * k + 2 * s + 1 + m) + sum(spec.n_levels)
