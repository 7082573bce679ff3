"""A small stand-in for a stream: frames in one queue, one server whose capacity a test can change.

Frames wait in order, each at the work of the settings it was made under, so that a change shows its effect
only when the frames before it are gone. The oldest is dropped beyond twice the queue's threshold.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from envs.reward import qoe, reward
from envs.spec import ElasticitySpec
from pipeline.slos import RATIO_CAP, SloReading, SloState

QUEUE_S = 2.0  # threshold of the queue, in seconds of frames at the highest rate
DEADLINE_MS = 1000.0
BASELINE = 0.55  # share of the memory budget that is taken by an empty queue


@dataclass(frozen=True, slots=True)
class Work:
    """What the levels really cost, and how badly it is measured.

    Attributes:
        rates: frames/s per level of `rate_knob`; one entry if no knob sets the rate.
        costs: relative work of a frame per level of each other knob, in the knobs' order.
        rate_knob: index of the knob that sets how many frames come, None for none.
        overhead: work per frame that no knob moves, as a share of the lightest frame's.
        noise: log-standard deviation of the measured load.
    """

    rates: tuple[float, ...]
    costs: tuple[tuple[float, ...], ...]
    rate_knob: int | None
    overhead: float = 0.0
    noise: float = 0.0

    def rate(self, levels: Sequence[int]) -> float:
        """Frames per second at these levels."""
        return self.rates[levels[self.rate_knob] if self.rate_knob is not None else 0]

    def per_frame(self, levels: Sequence[int]) -> float:
        """Work of one frame, in units of the lightest frame's."""
        others = [level for i, level in enumerate(levels) if i != self.rate_knob]
        lightest = np.prod([costs[0] for costs in self.costs])
        work = np.prod([costs[level] for costs, level in zip(self.costs, others, strict=True)])
        return float(work / lightest) + self.overhead

    def per_second(self, levels: Sequence[int]) -> float:
        """Capacity that these levels use up entirely."""
        return self.rate(levels) * self.per_frame(levels)


@dataclass(slots=True)
class Tally:
    """What one interval left; latencies in seconds."""

    offered: int = 0
    dropped: int = 0
    latencies_s: list[float] = field(default_factory=list)
    services_s: list[float] = field(default_factory=list)
    delivered: list[tuple[int, ...]] = field(default_factory=list)  # levels of each delivered frame


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test judges a step by.

    Attributes:
        readings: by the SLO's metric.
        qoe, reward: as the environments count them.
        changed: knobs changed by this step.
    """

    readings: dict[str, SloReading]
    qoe: float
    reward: float
    changed: int

    @property
    def fulfilled(self) -> bool:
        """Whether every SLO held."""
        return all(reading.state is not SloState.CRITICAL for reading in self.readings.values())


class Plant:
    """The queue, its server and its clock; one step is one second.

    `capacity` is in units of `work.per_second`, and may be set between two steps.
    """

    def __init__(
        self, spec: ElasticitySpec, work: Work, meaning: dict[str, str], capacity: float, seed: int = 0
    ):
        """`meaning` names, for each of the spec's metrics, the method of this class that measures it."""
        self.spec, self.work, self.meaning, self.capacity = spec, work, meaning, capacity
        self._rng = np.random.default_rng(seed)
        self._now_s = 0.0
        self._free_at_s = 0.0
        self._waiting: deque[tuple[float, float, tuple[int, ...]]] = deque()  # arrival, work, levels
        self._busy: deque[tuple[float, float, float, tuple[int, ...]]] = deque()  # finish, arrival, service
        self._levels = spec.highest
        self._tally = Tally()

    def reset(self, levels: Sequence[int]) -> NDArray[np.float32]:
        """The first observation: these levels, and nothing measured yet."""
        self._levels = tuple(levels)
        return self.spec.encode(self._levels, {}, {})

    def step(self, levels: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.float32], Outcome]:
        """One second at these levels."""
        levels = tuple(map(int, levels))
        changed = sum(a != b for a, b in zip(levels, self._levels, strict=True))
        self._levels, self._tally = levels, Tally()
        rate, work = self.work.rate(levels), self.work.per_frame(levels)
        bound = 2 * QUEUE_S * self.work.rates[-1]
        for i in range(round(rate)):
            arrival_s = self._now_s + i / rate
            self._serve_until(arrival_s)
            self._waiting.append((arrival_s, work, levels))
            self._tally.offered += 1
            if len(self._waiting) > bound:
                self._waiting.popleft()
                self._tally.dropped += 1
        self._now_s += 1.0
        self._serve_until(self._now_s)
        self._collect()
        return self._judge(changed)

    def _serve_until(self, time_s: float) -> None:
        while self._waiting and max(self._free_at_s, self._waiting[0][0]) < time_s:
            arrival_s, work, levels = self._waiting.popleft()
            service_s = work / self.capacity
            self._free_at_s = max(self._free_at_s, arrival_s) + service_s
            self._busy.append((self._free_at_s, arrival_s, service_s, levels))

    def _collect(self) -> None:
        while self._busy and self._busy[0][0] <= self._now_s:
            finish_s, arrival_s, service_s, levels = self._busy.popleft()
            self._tally.latencies_s.append(finish_s - arrival_s)
            self._tally.services_s.append(service_s)
            self._tally.delivered.append(levels)

    def _judge(self, changed: int) -> tuple[NDArray[np.float32], Outcome]:
        readings = {}
        for slo in self.spec.slos:
            readings[slo.metric] = slo.read(getattr(self, self.meaning[slo.metric])())
        quality = qoe(self.spec, self._delivered_values())
        gain = reward(readings.values(), quality, changed, len(self.spec.knobs))
        return self.spec.encode(self._levels, readings, {}), Outcome(readings, quality, gain, changed)

    def _delivered_values(self) -> list[float]:
        delivered = self._tally.delivered
        values: list[float] = []
        for i, knob in enumerate(self.spec.knobs):
            if i == self.work.rate_knob:
                values.append(knob.value[-1] * len(delivered) / self.work.rates[-1])
            elif delivered:
                values.append(float(np.mean([knob.value[levels[i]] for levels in delivered])))
            else:
                values.append(math.nan)
        return values

    # --- what can be measured; NaN = unknown ---

    def queue_size(self) -> float:
        """Waiting frames, in seconds of the highest rate."""
        return len(self._waiting) / self.work.rates[-1]

    def memory_share(self) -> float:
        """Share of a budget that a full queue takes up entirely."""
        return BASELINE + (1 - BASELINE) * self.queue_size() / (2 * QUEUE_S)

    def latency_ms(self) -> float:
        """95th percentile, or the age of the oldest frame if none was delivered."""
        if self._tally.latencies_s:
            return 1e3 * float(np.percentile(self._tally.latencies_s, 95))
        oldest = [frame[1] for frame in self._busy] + [frame[0] for frame in self._waiting]
        return 1e3 * (self._now_s - min(oldest)) if oldest else math.nan

    def drop_rate(self) -> float:
        """Dropped per offered frame."""
        return self._tally.dropped / self._tally.offered

    def load(self) -> float:
        """Offered frames times mean service time, with the measurement's noise."""
        if not self._tally.services_s:
            return math.nan
        noise = np.exp(self.work.noise * self._rng.standard_normal())
        return min(self._tally.offered * float(np.mean(self._tally.services_s)) * noise, RATIO_CAP)

    def delivered_rate(self) -> float:
        """Frames delivered in this second."""
        return float(len(self._tally.delivered))
