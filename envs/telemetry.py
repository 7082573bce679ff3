"""Telemetry that is late, noisy or lost on its way to the agent; the levels in force it always knows.

What is judged (reward, info) is what really was; what suffers is the observation, and the reward that an
agent may learn from, which is of the same report.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.patterns import TELEMETRY
from envs.spec import ElasticitySpec

MOST_LATE = 10  # intervals; older figures are of no use to anybody
RECEIVED = "received_reward"  # in an info where telemetry is not exact and prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """How what is measured reaches the agent.

    Attributes:
        late: control intervals by which it is old, in [0, MOST_LATE].
        noise: standard deviation of the logarithm of each figure's error, drawn anew each time, >= 0.
        missing: share of the intervals of which no report comes, in [0, 1).
    """

    late: int = 0
    noise: float = 0.0
    missing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.late <= MOST_LATE:
            raise ValueError(f"telemetry: late must be in [0, {MOST_LATE}] intervals, got {self.late}")
        if not 0 <= self.noise < math.inf:
            raise ValueError(f"telemetry: noise must be a finite number >= 0, got {self.noise}")
        if not 0 <= self.missing < 1:
            raise ValueError(f"telemetry: missing must be in [0, 1), got {self.missing}")


class Received(NamedTuple):
    """What reaches an agent after an interval.

    Attributes:
        observation: levels of now, figures of the report that has come.
        reward: of the interval that this report is of; NaN where none has come.
    """

    observation: NDArray[np.float32]
    reward: float


class Reception:
    """What an agent receives over one episode.

    Args:
        telemetry: how it comes.
        spec: whose observations they are.
        seed: of the episode; it chooses noise and losses.
    """

    def __init__(self, telemetry: Telemetry, spec: ElasticitySpec, seed: int) -> None:
        self._telemetry = telemetry
        self._n_knobs, self._readings, self._high = (
            len(spec.knobs),
            spec.is_reading,
            spec.observation_space.high,
        )
        self._rng = np.random.default_rng((seed, TELEMETRY))
        self._sent = deque[Received](maxlen=telemetry.late + 1)

    def receive(self, observation: NDArray[np.float32], reward: float = math.nan) -> Received:
        """Return what is seen once an interval was observed; until the first arrives, nothing is known.

        Args:
            observation: after the interval.
            reward: of it; NaN where an episode begins.
        """
        factors = np.exp(self._telemetry.noise * self._rng.standard_normal(len(observation)))
        is_lost = bool(self._rng.random() < self._telemetry.missing)
        seen = np.zeros_like(observation)
        if not is_lost:
            seen = np.where(self._readings, observation * factors, observation).clip(0.0, self._high)
        is_first = len(self._sent) < self._telemetry.late
        self._sent.append(Received(seen, math.nan if is_lost else reward))
        told = Received(np.zeros_like(observation), math.nan) if is_first else self._sent[0]
        received = told.observation.copy()
        received[: self._n_knobs] = observation[: self._n_knobs]
        return Received(received.astype(np.float32), told.reward)
