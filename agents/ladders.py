"""The joint settings of a stream's knobs by what they cost and what they are worth."""

import math
from collections.abc import Iterator, Sequence

from envs.spec import ElasticitySpec

Levels = tuple[int, ...]


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
