"""The joint settings of a stream as a table: what each costs, is worth, and looks like to a regression."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents import ladders
from agents.aif.policies import joint_settings
from envs.spec import ElasticitySpec, Knob

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """Every joint setting of a spec, n of them, the last knob fastest.

    Attributes:
        settings: level index per knob, shape (n, n_knobs).
        worth: what each is worth if it is delivered, in [0, 1], shape (n,).
        features: what a regression sees of each, shape (n, n_features). First 1; then per knob its place t in
            [0, 1] between its lowest and its highest level, and t² − t, which bends the line between them.
        spans: ln(cost of the highest level / cost of the lowest) per knob, shape (n_knobs,).
    """

    settings: NDArray[np.int64]
    worth: Array
    features: Array
    spans: Array
    n_levels: tuple[int, ...]

    def row(self, levels: NDArray[np.int64]) -> int:
        """Where this setting is in the table."""
        return int(np.ravel_multi_index(tuple(levels), self.n_levels))

    def rows(self, settings: NDArray[np.int64]) -> NDArray[np.intp]:
        """Where these settings are, given as (n, n_knobs)."""
        return np.asarray(np.ravel_multi_index(tuple(np.asarray(settings).T), self.n_levels))

    def differs(self, levels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which settings are not these levels, shape (n,)."""
        return (self.settings != levels).any(axis=1)


def places(knob: Knob) -> Array:
    """Where each level lies between the lowest (0) and the highest (1), shape (n_levels,).

    By ln(cost) where the cost rises from the lowest level to the highest, else by the index.
    """
    ln_cost = np.log(knob.cost)
    if ln_cost[-1] > ln_cost[0]:
        return (ln_cost - ln_cost[0]) / (ln_cost[-1] - ln_cost[0])
    return np.arange(knob.n_levels) / max(knob.n_levels - 1, 1)


def grid_of(spec: ElasticitySpec) -> Grid:
    """The table of any spec.

    Raises:
        ValueError: more joint settings than a table has room for.
    """
    settings = joint_settings(spec.n_levels)
    columns = [np.ones(len(settings))]
    for i, knob in enumerate(spec.knobs):
        t = places(knob)[settings[:, i]]
        columns += [t, t * t - t]
    return Grid(
        settings=settings,
        worth=np.array([ladders.worth(spec, levels) for levels in settings]),
        features=np.stack(columns, axis=1),
        spans=np.array([max(np.log(knob.cost[-1] / knob.cost[0]), 0.0) for knob in spec.knobs]),
        n_levels=spec.n_levels,
    )
