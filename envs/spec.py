"""What an agent knows of a stream: its knobs, its SLOs, and how observations and actions are laid out.

Nothing here knows of video, sockets or models.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from pipeline.slos import RATIO_CAP, Slo, SloReading
from pipeline.slos import Sense as Sense  # agents, who see no pipeline, take it from here


def worth(value: float, lowest: float, highest: float) -> float:
    """Where a delivered value lies between the lowest level's (0) and the highest's (1), clipped.

    With a single level: the share of it that was delivered.
    """
    if highest > lowest:
        return min(max((value - lowest) / (highest - lowest), 0.0), 1.0)
    return min(max(value / lowest, 0.0), 1.0) if lowest > 0.0 else 1.0


@dataclass(frozen=True, slots=True)
class Knob:
    """Something an agent can set, one level at a time.

    Attributes:
        name, unit: for people; no agent looks at them.
        levels: what each level stands for, ascending in quality, at least one.
        value: what each level is worth to the user, not descending, same length.
        cost: relative work per level, > 0, same length.
        weight: of this knob in the QoE, >= 0, relative to the other knobs'.
    """

    name: str
    unit: str
    levels: tuple[float | str, ...]
    value: tuple[float, ...]
    cost: tuple[float, ...]
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not len(self.levels) == len(self.value) == len(self.cost) > 0:
            raise ValueError(
                f"knob {self.name}: levels, value and cost must have one entry per level, got "
                f"{len(self.levels)}, {len(self.value)} and {len(self.cost)}"
            )
        if list(self.value) != sorted(self.value):
            raise ValueError(f"knob {self.name}: value must not descend, got {self.value}")
        if min(self.cost) <= 0:
            raise ValueError(f"knob {self.name}: every cost must be > 0, got {self.cost}")
        if self.weight < 0:
            raise ValueError(f"knob {self.name}: weight must be >= 0, got {self.weight}")

    @property
    def n_levels(self) -> int:
        """Number of levels, >= 1."""
        return len(self.levels)

    def worth(self, value: float) -> float:
        """Of a delivered value, see `worth`."""
        return worth(value, self.value[0], self.value[-1])


@dataclass(frozen=True, slots=True)
class ObservedMetric:
    """A further figure in the observation, scaled from [low, high] to [0, 1] and clipped."""

    name: str
    unit: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"metric {self.name}: low must be below high, got {self.low} and {self.high}")


class Observed(NamedTuple):
    """An observation taken apart.

    Attributes:
        levels: current level index per knob, shape (n_knobs,).
        ratios: metric / threshold per SLO, in [0, RATIO_CAP], shape (n_slos,).
        known: False where nothing was measured; its ratio is 0 and means nothing, shape (n_slos,).
        metrics: further figures, scaled to [0, 1], shape (n_metrics,).
    """

    levels: NDArray[np.int64]
    ratios: NDArray[np.float64]
    known: NDArray[np.bool_]
    metrics: NDArray[np.float64]


@dataclass(frozen=True)
class ElasticitySpec:
    """Knobs, SLOs and further metrics of one stream.

    Observation (Box, float32), with k knobs, s SLOs, m metrics:

    | index         | meaning                                                | min | max       |
    |---------------|--------------------------------------------------------|-----|-----------|
    | 0 … k-1       | level index / (levels - 1) per knob; 1 if one level    | 0   | 1         |
    | k … k+s-1     | ratio per SLO: metric / threshold, violated above 1     | 0   | RATIO_CAP |
    | k+s … k+2s-1  | 1 if that ratio was measured, else 0                    | 0   | 1         |
    | k+2s …        | further metrics, scaled                                | 0   | 1         |

    Action (MultiDiscrete): one level index per knob.
    """

    knobs: tuple[Knob, ...]
    slos: tuple[Slo, ...]
    metrics: tuple[ObservedMetric, ...] = ()

    def __post_init__(self) -> None:
        if not self.knobs or not self.slos:
            raise ValueError(f"a spec needs a knob and an SLO, got {len(self.knobs)} and {len(self.slos)}")
        for kind, names in (("knob", [k.name for k in self.knobs]), ("SLO", [s.metric for s in self.slos])):
            if len(set(names)) != len(names):
                raise ValueError(f"every {kind} needs a name of its own, got {names}")

    @property
    def n_levels(self) -> tuple[int, ...]:
        """Levels per knob."""
        return tuple(knob.n_levels for knob in self.knobs)

    @cached_property
    def action_space(self) -> gym.spaces.MultiDiscrete:
        """One level index per knob."""
        return gym.spaces.MultiDiscrete(list(self.n_levels))

    @cached_property
    def observation_space(self) -> gym.spaces.Box:
        """See the class's table."""
        k, s, m = len(self.knobs), len(self.slos), len(self.metrics)
        high = np.concatenate([np.ones(k), np.full(s, RATIO_CAP), np.ones(s + m)]).astype(np.float32)
        return gym.spaces.Box(np.zeros_like(high), high, dtype=np.float32)

    @cached_property
    def is_reading(self) -> NDArray[np.bool_]:
        """Which entries of the observation are measured figures, not levels nor flags; its shape."""
        k, s, m = len(self.knobs), len(self.slos), len(self.metrics)
        return np.repeat([False, True, False, True], [k, s, s, m])

    @cached_property
    def hash(self) -> str:
        """12 hexadecimal digits that change with anything in the spec."""
        canonical = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def lowest(self) -> tuple[int, ...]:
        """The lowest level of every knob."""
        return (0,) * len(self.knobs)

    @property
    def highest(self) -> tuple[int, ...]:
        """The highest level of every knob."""
        return tuple(n - 1 for n in self.n_levels)

    def checked_action(self, action: Sequence[int] | NDArray[np.integer]) -> tuple[int, ...]:
        """An action as a level index per knob.

        Raises:
            ValueError: not one integer per knob, or a level that does not exist.
        """
        levels, n_levels = np.asarray(action), self.n_levels
        if levels.dtype.kind in "iu" and levels.shape == (len(n_levels),):
            indices = levels.tolist()
            if all(0 <= level < n for level, n in zip(indices, n_levels, strict=True)):
                return tuple(indices)
        raise ValueError(f"an action is one integer below {n_levels} per knob, got {action!r}")

    def positions(self, levels: Sequence[int]) -> list[float]:
        """Level index / (levels - 1) per knob; 1 where there is one level."""
        return [
            level / (knob.n_levels - 1) if knob.n_levels > 1 else 1.0
            for level, knob in zip(levels, self.knobs, strict=True)
        ]

    def encode(
        self,
        levels: Sequence[int],
        readings: Mapping[str, SloReading],
        metrics: Mapping[str, float | None],
    ) -> NDArray[np.float32]:
        """The observation of one interval; an SLO without a reading counts as unknown.

        Args:
            levels: level index per knob.
            readings: by the SLO's metric name.
            metrics: by name, in the metric's own unit; None or absent becomes `low`.
        """
        unknown = SloReading(ratio=0.0, state=self.slos[0].classify(0.0), known=False)
        states = [readings.get(slo.metric, unknown) for slo in self.slos]
        figures = []
        for metric in self.metrics:
            value = metrics.get(metric.name)
            value = metric.low if value is None or np.isnan(value) else value
            figures.append(np.clip((value - metric.low) / (metric.high - metric.low), 0.0, 1.0))
        ratios = [state.ratio for state in states]
        known = [float(state.known) for state in states]
        return np.asarray([*self.positions(levels), *ratios, *known, *figures], dtype=np.float32)

    def decode(self, observation: NDArray[np.float32]) -> Observed:
        """Take an observation apart.

        Raises:
            ValueError: wrong shape, a non-finite entry, or one outside the observation space.
        """
        obs = np.asarray(observation, dtype=float)
        space = self.observation_space
        if obs.shape != space.shape:
            raise ValueError(f"observation must have shape {space.shape}, got {obs.shape}")
        bad = ~np.isfinite(obs) | (obs < space.low) | (obs > space.high)
        if bad.any():
            i = int(np.argmax(bad))
            raise ValueError(
                f"observation[{i}] must be finite and in [{space.low[i]:g}, {space.high[i]:g}], got {obs[i]}"
            )
        k, s = len(self.knobs), len(self.slos)
        tops = np.asarray(self.highest)
        return Observed(
            levels=np.rint(obs[:k] * tops).astype(np.int64),
            ratios=obs[k : k + s],
            known=obs[k + s : k + 2 * s] > 0.5,
            metrics=obs[k + 2 * s :],
        )
