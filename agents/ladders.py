"""The joint settings of a stream's knobs by what they cost and what they are worth."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from envs.spec import ElasticitySpec

Levels = tuple[int, ...]

SAME_WORTH = 1e-9  # sums of the same weights may differ by less, for they were added in another order


class Setting(NamedTuple):
    """Levels of some knobs, with their relative work and what they are worth, weights not yet shared out."""

    cost: float
    worth: float
    levels: Levels


def cost(spec: ElasticitySpec, levels: Sequence[int]) -> float:
    """Relative work at these levels, the product over the knobs."""
    return math.prod(knob.cost[level] for knob, level in zip(spec.knobs, levels, strict=True))


def worth(spec: ElasticitySpec, levels: Sequence[int]) -> float:
    """What these levels are worth if they are delivered, the weighted mean over the knobs, in [0, 1]."""
    parts = (k.weight * k.worth(k.value[level]) for k, level in zip(spec.knobs, levels, strict=True))
    return sum(parts) / sum(knob.weight for knob in spec.knobs)


def step_down(spec: ElasticitySpec, levels: Levels) -> Levels:
    """One level less of the knob that saves most by it; the same levels at the bottom."""
    return min(_steps(spec, levels, -1), key=lambda lower: cost(spec, lower), default=levels)


def steps_up(spec: ElasticitySpec, levels: Levels) -> list[Levels]:
    """One level more of each knob, the cheapest per worth gained first."""

    def price(raised: Levels) -> float:
        gain = worth(spec, raised) - worth(spec, levels)
        dearer = math.log(cost(spec, raised) / cost(spec, levels))
        return dearer / gain if gain > 0 else math.inf

    return sorted(_steps(spec, levels, 1), key=price)


def _steps(spec: ElasticitySpec, levels: Levels, step: int) -> Iterator[Levels]:
    for i, knob in enumerate(spec.knobs):
        if 0 <= levels[i] + step < knob.n_levels:
            yield (*levels[:i], levels[i] + step, *levels[i + 1 :])


def pareto_front(spec: ElasticitySpec) -> tuple[Levels, ...]:
    """The joint settings that no other beats in both cost and worth, ascending in both.

    Built knob by knob: what is beaten within the first knobs is beaten whatever the others are, for costs
    multiply and worths add up. So the number of joint settings is no limit.
    """
    front = [Setting(1.0, 0.0, ())]
    for knob in spec.knobs:
        front = list(
            unbeaten(
                Setting(
                    part.cost * knob.cost[level],
                    part.worth + knob.weight * knob.worth(knob.value[level]),
                    (*part.levels, level),
                )
                for part in front
                for level in range(knob.n_levels)
            )
        )
    return tuple(setting.levels for setting in front)


def unbeaten(settings: Iterable[Setting]) -> Iterator[Setting]:
    """Those that none of the others beats, ascending; of equal ones the first in the order of the levels."""
    best = -math.inf
    for setting in sorted(settings, key=lambda s: (s.cost, -s.worth, s.levels)):
        if setting.worth > best + SAME_WORTH:
            best = setting.worth
            yield setting
