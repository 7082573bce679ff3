"""What an agent knows of a stream: its knobs, its SLOs, and how observations and actions are laid out.

Nothing here knows of video, sockets or models.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from envs.worth import Worth, attained
from pipeline.slos import RATIO_CAP, Slo, SloReading
from pipeline.slos import Sense as Sense  # agents, who see no pipeline, take it from here


@dataclass(frozen=True, slots=True)
class Knob:
    """Something an agent can set, one level at a time.

    Attributes:
        name, unit: for people; no agent looks at them.
        levels: what each level stands for, at least one.
        value: what of it is delivered at each level, in a unit of its own, same length.
        costs: relative work per level, > 0, a row of the same length for each stage of the spec.
        weight: of this knob in a QoE that is a sum over knobs, >= 0, relative to the other knobs'.
    """

    name: str
    unit: str
    levels: tuple[float | str, ...]
    value: tuple[float, ...]
    costs: tuple[tuple[float, ...], ...]
    weight: float = 1.0

    def __post_init__(self) -> None:
        lengths = [len(row) for row in self.costs]
        if not self.levels or {len(self.value), *lengths} != {len(self.levels)}:
            raise ValueError(
                f"knob {self.name}: levels, value and each stage's costs must have one entry per level, got "
                f"{len(self.levels)}, {len(self.value)} and {lengths}"
            )
        if min(map(min, self.costs), default=1.0) <= 0:
            raise ValueError(f"knob {self.name}: every cost must be > 0, got {self.costs}")
        if self.weight < 0:
            raise ValueError(f"knob {self.name}: weight must be >= 0, got {self.weight}")

    @property
    def n_levels(self) -> int:
        """Number of levels, >= 1."""
        return len(self.levels)

    @property
    def shares(self) -> tuple[float, ...]:
        """Work of the last stage at each level, as a share of the most, in (0, 1]."""
        most = max(self.costs[-1])
        return tuple(cost / most for cost in self.costs[-1])

    def worth(self, value: float) -> float:
        """Of a delivered value, see `attained`."""
        return attained(value, min(self.value), max(self.value))


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the way that every frame goes, with a capacity of its own.

    Attributes:
        name: for people; agents know a stage by its index.
        metric: that is its load, offered ÷ what it could do, >= 0, used up at 1; "" = nothing measures it.
    """

    name: str
    metric: str = ""


class Quality(StrEnum):
    """What the quality of experience of an interval is judged by."""

    ACCURACY = "accuracy"  # what was found in what was shown, and how fluent that was
    F1 = "f1"  # what was found alone
    KNOBS = "knobs"  # how much of each knob's range was delivered
    LEVELS = "levels"  # how high the knobs were set, delivered or not: the published predecessor's measure
    FRUGAL = "frugal"  # how little the setting has computed, delivered or not: what energy goes by


OF_DETECTIONS = (Quality.ACCURACY, Quality.F1)  # these must be known


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
        loads: of each stage, in [0, RATIO_CAP], NaN where nothing was measured, shape (n_stages,).
        metrics: further figures, scaled to [0, 1], shape (n_metrics,).
    """

    levels: NDArray[np.int64]
    ratios: NDArray[np.float64]
    known: NDArray[np.bool_]
    loads: NDArray[np.float64]
    metrics: NDArray[np.float64]


@dataclass(frozen=True)
class ElasticitySpec:
    """Knobs, SLOs, further metrics and stages of one stream, and what its settings are worth.

    Observation (Box, float32), with k knobs, s SLOs, q stages, m metrics:

    | index               | meaning                                              | min | max       |
    |---------------------|------------------------------------------------------|-----|-----------|
    | 0 … k-1             | level index / (levels - 1) per knob; 1 if one level  | 0   | 1         |
    | k … k+s-1           | ratio per SLO: metric / threshold, violated above 1   | 0   | RATIO_CAP |
    | k+s … k+2s-1        | 1 if that ratio was measured, else 0                  | 0   | 1         |
    | k+2s … k+2s+q-1     | load per stage, used up at 1                          | 0   | RATIO_CAP |
    | k+2s+q … k+2s+2q-1  | 1 if that load was measured, else 0                   | 0   | 1         |
    | k+2s+2q …           | further metrics, scaled                              | 0   | 1         |

    Action (MultiDiscrete): one level index per knob.

    Attributes:
        knobs, slos, metrics: at least a knob and an SLO.
        stages: at least one, the last of which computes; the knobs' costs have a row for each.
        joint_worth: of every joint setting, None = the weighted mean of what the knobs' values are worth.
        quality: what delivery is judged by; those of detections need a joint worth.
    """

    knobs: tuple[Knob, ...]
    slos: tuple[Slo, ...]
    metrics: tuple[ObservedMetric, ...] = ()
    stages: tuple[Stage, ...] = (Stage("work"),)
    joint_worth: Worth | None = None
    quality: Quality = Quality.KNOBS

    def __post_init__(self) -> None:
        if not self.knobs or not self.slos:
            raise ValueError(f"a spec needs a knob and an SLO, got {len(self.knobs)} and {len(self.slos)}")
        for kind, names in (
            ("knob", [knob.name for knob in self.knobs]),
            ("SLO", [slo.metric for slo in self.slos]),
            ("stage", [stage.name for stage in self.stages]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"every {kind} needs a name of its own, got {names}")
        if not self.stages or any(len(knob.costs) != len(self.stages) for knob in self.knobs):
            raise ValueError(
                f"every knob needs costs for each of {len(self.stages)} stages, got "
                f"{[len(knob.costs) for knob in self.knobs]}"
            )
        n_settings = math.prod(self.n_levels)
        if self.joint_worth is None and self.quality in OF_DETECTIONS:
            raise ValueError(f"a spec that is judged by {self.quality} needs a joint worth, got none")
        if self.joint_worth is not None and self.joint_worth.n_settings != n_settings:
            raise ValueError(f"expected a worth of {n_settings} settings, got {self.joint_worth.n_settings}")

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
        k, s, q, m = len(self.knobs), len(self.slos), len(self.stages), len(self.metrics)
        caps = [np.full(n, top) for n, top in ((k, 1), (s, RATIO_CAP), (s, 1), (q, RATIO_CAP), (q + m, 1))]
        high = np.concatenate(caps).astype(np.float32)
        return gym.spaces.Box(np.zeros_like(high), high, dtype=np.float32)

    @cached_property
    def is_reading(self) -> NDArray[np.bool_]:
        """Which entries of the observation are measured figures, not levels nor flags; its shape."""
        k, s, q, m = len(self.knobs), len(self.slos), len(self.stages), len(self.metrics)
        return np.repeat([False, True, False, True, False, True], [k, s, s, q, q, m])

    @cached_property
    def hash(self) -> str:
        """12 hexadecimal digits that change with anything in the spec."""
        canonical = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @cached_property
    def worth(self) -> Worth:
        """What every joint setting is worth if it is delivered."""
        if self.joint_worth is not None:
            return self.joint_worth
        total = sum(knob.weight for knob in self.knobs)
        gained = np.zeros(())
        for knob in self.knobs:
            gained = gained[..., None] + [knob.weight * knob.worth(value) for value in knob.value]
        return Worth.ageless(gained / total)

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
            metrics: by name, in the metric's own unit; None or absent becomes `low`, and of a stage unknown.
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
        read = [metrics.get(stage.metric) for stage in self.stages]
        heard = [float(load is not None and not np.isnan(load)) for load in read]
        loads = [
            min(max(load or 0.0, 0.0), RATIO_CAP) if is_heard else 0.0
            for load, is_heard in zip(read, heard, strict=True)
        ]
        return np.asarray(
            [*self.positions(levels), *ratios, *known, *loads, *heard, *figures], dtype=np.float32
        )

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
        k, s, q = len(self.knobs), len(self.slos), len(self.stages)
        positions, ratios, known, loads, heard, metrics = np.split(obs, np.cumsum([k, s, s, q, q]))
        return Observed(
            levels=np.rint(positions * np.asarray(self.highest)).astype(np.int64),
            ratios=ratios,
            known=known > 0.5,
            loads=np.where(heard > 0.5, loads, np.nan),
            metrics=metrics,
        )
