"""A PID controller on the worst ratio, its output mapped onto a stream's Pareto front.

The error is ln(target / demand) and the output ln(cost): what a setting costs and the pressure it makes grow
together, so in logarithms the plant's gain is 1 whatever the stream. The velocity form (Åström and Hägglund,
"PID Controllers", 2nd ed., section 3.6) adds to the cost in force, so that what is held back is never wound
up; besides, no step goes further than the present error e₀ itself, e₁ and e₂ being those before it.

    Δ ln(cost) = kp (e₀ − e₁) + ki e₀ + kd (e₀ − 2 e₁ + e₂),    e = ln(target / demand)
"""

import math
from typing import NamedTuple

from agents.base import State
from agents.common.checkpoints import packed, unpacked
from agents.common.front import Patience
from agents.common.frontier import Frontier
from agents.common.pressure import Reading
from envs.spec import ElasticitySpec

LEAST_DEMAND = 1e-3  # of the target: an idle stream's error is finite


class Errors(NamedTuple):
    """The last two, the newest first, 0 before there were any."""

    last: float = 0.0
    before: float = 0.0


class Gains(NamedTuple):
    """Proportional, integral per interval, derivative in intervals."""

    kp: float
    ki: float
    kd: float

    def step(self, error: float, errors: Errors) -> float:
        """Return change of the output, between 0 and the error."""
        step = (
            self.kp * (error - errors.last)
            + self.ki * error
            + self.kd * (error - 2 * errors.last + errors.before)
        )
        return min(max(step, min(error, 0.0)), max(error, 0.0))


class Pid(Frontier):
    """Follows the error, its sum and its change.

    Args:
        spec: the stream.
        target: what the demand is held at, as a share of where WARNING begins, in (0, 1).
        tolerance: errors of at most this count as none, >= 0; in the logarithm.
        kp, ki, kd: gains, >= 0, ki > 0.
        cool_down, window, probation, first_bar, longest_bar: see `agents.common.front.Patience`.

    Raises:
        ValueError: a figure out of range.
    """

    def __init__(
        self,
        spec: ElasticitySpec,
        target: float,
        tolerance: float,
        kp: float,
        ki: float,
        kd: float,
        cool_down: int,
        window: int,
        probation: int,
        first_bar: int,
        longest_bar: int,
    ):
        if not (0 < target < 1 and min(tolerance, kp, kd) >= 0 and ki > 0):
            raise ValueError(
                "target must be in (0, 1), tolerance, kp and kd >= 0 and ki > 0, got "
                f"{target}, {tolerance}, {kp}, {kd} and {ki} (conf/agent/pid.yaml)"
            )
        self._target, self._tolerance, self._gains = target, tolerance, Gains(kp, ki, kd)
        super().__init__(spec, Patience(cool_down, window, probation, first_bar, longest_bar))

    def reset(self, seed: int) -> None:
        """Forget the last episode; nothing here is random."""
        super().reset(seed)
        self._errors = Errors()

    def _wish(self, reading: Reading, asked: float | None, now: int) -> int:
        if asked is None:
            return now
        error = math.log(self._target / max(asked, LEAST_DEMAND * self._target))
        error = 0.0 if abs(error) <= self._tolerance else error
        step = self._gains.step(error, self._errors)
        self._errors = Errors(error, self._errors.last)
        return self._front.within(self._front.costs[now] * math.exp(step))

    def _checkpoint(self) -> State:
        return {**super()._checkpoint(), "errors": packed(self._errors)}

    def _restore(self, state: State) -> None:
        super()._restore(state)
        self._errors = unpacked(Errors, state["errors"])
