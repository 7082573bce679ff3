"""The joint settings of a stream's knobs: what they cost, what they are worth, and the ways between them."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.spec import ElasticitySpec, Knob

Array = NDArray[np.float64]
Levels = tuple[int, ...]
Scales = tuple[float, ...]  # per stage, what a unit of its cost means beside those of the others

MAX_SETTINGS = 4096  # joint settings of all knobs: each has its own row in every likelihood
SAME_WORTH = 1e-9  # worths may differ by less because they were added in another order


class Setting(NamedTuple):
    """Levels of all knobs, with their relative work and what they are worth."""

    cost: float
    worth: float
    levels: Levels


def stage_costs(spec: ElasticitySpec, levels: Sequence[int]) -> list[float]:
    """Return the relative work at these levels for each stage, the product over the knobs."""
    rows = list(zip(spec.knobs, levels, strict=True))
    return [math.prod(knob.costs[i][level] for knob, level in rows) for i in range(len(spec.stages))]


def cost(spec: ElasticitySpec, levels: Sequence[int], scales: Scales) -> float:
    """Return the work at these levels for the stage that it means most to; see agents.common.bottleneck."""
    return max(scale * work for scale, work in zip(scales, stage_costs(spec, levels), strict=True))


def worth(spec: ElasticitySpec, levels: Sequence[int]) -> float:
    """Return what these levels are worth while they are in force and delivered, in [0, 1]."""
    return float(spec.worth.at_once[np.ravel_multi_index(tuple(levels), spec.n_levels)])


def step_down(spec: ElasticitySpec, levels: Levels, scales: Scales) -> Levels:
    """Return the step of one knob by one level that saves most; the same levels where none saves anything."""
    best = min(_steps(spec, levels), key=lambda lower: cost(spec, lower, scales), default=levels)
    return best if cost(spec, best, scales) < cost(spec, levels, scales) else levels


def steps_up(spec: ElasticitySpec, levels: Levels, scales: Scales) -> list[Levels]:
    """Return every step of one knob by one level that is worth more, the cheapest per worth gained first."""
    now, present = worth(spec, levels), cost(spec, levels, scales)
    gains = {step: worth(spec, step) - now for step in _steps(spec, levels)}

    def price(step: Levels) -> float:
        return math.log(cost(spec, step, scales) / present) / gains[step]

    return sorted((step for step, gain in gains.items() if gain > SAME_WORTH), key=price)


def _steps(spec: ElasticitySpec, levels: Levels) -> Iterator[Levels]:
    for step in (-1, 1):
        for i, knob in enumerate(spec.knobs):
            if 0 <= levels[i] + step < knob.n_levels:
                yield (*levels[:i], levels[i] + step, *levels[i + 1 :])


def pareto_front(spec: ElasticitySpec, scales: Scales) -> tuple[Setting, ...]:
    """Return the joint settings that no other beats in both cost and worth, ascending in both."""
    values = spec.worth.at_once
    rows = enumerate(np.ndindex(*spec.n_levels))
    settings = (Setting(cost(spec, levels, scales), float(values[row]), levels) for row, levels in rows)
    return tuple(unbeaten(settings))


def unbeaten(settings: Iterable[Setting]) -> Iterator[Setting]:
    """Yield those that no other beats, ascending; of equal ones the first in the order of the levels."""
    best = -math.inf
    for setting in sorted(settings, key=lambda s: (s.cost, -s.worth, s.levels)):
        if setting.worth > best + SAME_WORTH:
            best = setting.worth
            yield setting


def joint_settings(n_levels: Sequence[int]) -> NDArray[np.int64]:
    """Return every joint setting, the last knob fastest, shape (n_settings, n_knobs).

    Raises:
        ValueError: more than MAX_SETTINGS; counted before anything is allocated.
    """
    count = math.prod(n_levels)
    if count > MAX_SETTINGS:
        raise ValueError(
            f"expected at most {MAX_SETTINGS} joint settings, got {count} from knobs of {tuple(n_levels)} "
            "levels; give the knobs fewer levels"
        )
    return np.array(list(itertools.product(*map(range, n_levels))), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Grid:
    """Every joint setting of a spec, n of them, the last knob fastest.

    Attributes:
        settings: level index per knob, shape (n, n_knobs).
        costs: relative work at each for every stage, shape (n, n_stages).
        worth: what each is worth while it is in force and delivered, in [0, 1], shape (n,).
        features: what a regression sees of each, shape (n, n_features). First 1; then per knob its place t in
            [0, 1] between its lowest and its highest level, and t² − t, which bends the line between them.
        spans: ln(cost of the highest level / cost of the lowest), shape (n_stages, n_knobs).
    """

    settings: NDArray[np.int64]
    costs: Array
    worth: Array
    features: Array
    spans: Array
    n_levels: tuple[int, ...]

    def row(self, levels: NDArray[np.int64]) -> int:
        """Return where this setting is in the table."""
        return int(np.ravel_multi_index(tuple(levels), self.n_levels))

    def rows(self, settings: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return where these settings are, given as (n, n_knobs)."""
        return np.asarray(np.ravel_multi_index(tuple(np.asarray(settings).T), self.n_levels))

    def differs(self, levels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which settings are not these levels, shape (n,)."""
        return (self.settings != levels).any(axis=1)


def places(knob: Knob) -> Array:
    """Return where each level lies between the lowest (0) and the highest (1), shape (n_levels,).

    By ln(cost) of the stage whose cost rises most from the lowest level to the highest, or by the index where
    none rises.
    """
    ln_cost = max(np.log(knob.costs), key=lambda row: row[-1] - row[0])
    if ln_cost[-1] > ln_cost[0]:
        return (ln_cost - ln_cost[0]) / (ln_cost[-1] - ln_cost[0])
    return np.arange(knob.n_levels) / max(knob.n_levels - 1, 1)


def grid_of(spec: ElasticitySpec) -> Grid:
    """Return the table of any spec.

    Raises:
        ValueError: more joint settings than a table has room for.
    """
    settings = joint_settings(spec.n_levels)
    columns = [np.ones(len(settings))]
    for i, knob in enumerate(spec.knobs):
        t = places(knob)[settings[:, i]]
        columns += [t, t * t - t]
    spans = [[max(np.log(row[-1] / row[0]), 0.0) for row in knob.costs] for knob in spec.knobs]
    return Grid(
        settings=settings,
        costs=np.array([stage_costs(spec, levels) for levels in settings]),
        worth=spec.worth.at_once,
        features=np.stack(columns, axis=1),
        spans=np.array(spans).T,
        n_levels=spec.n_levels,
    )
