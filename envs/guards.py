"""What an agent may do to a pipeline: within which levels, in which direction, how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from envs.spec import ElasticitySpec


class Paused(StrEnum):
    """Directions in which no knob is moved for the time being."""

    NONE = "none"
    UP = "up"
    DOWN = "down"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Guards:
    """Limits to what an agent's decisions do; what they were is recorded all the same.

    Attributes:
        lowest, highest: level index per knob; None = the ladder's own end.
        paused: directions in which knobs stay where they are.
        every: intervals from one change to the next, at the least, >= 1.
    """

    lowest: Sequence[int] | None = None
    highest: Sequence[int] | None = None
    paused: Paused = Paused.NONE
    every: int = 1

    def limited(self, wanted: Sequence[int], now: Sequence[int]) -> tuple[int, ...]:
        """Return what is left of a decision, whenever the last one was; one level index per knob."""
        levels = list(wanted)
        if self.lowest is not None:
            levels = [max(pair) for pair in zip(levels, self.lowest, strict=True)]
        if self.highest is not None:
            levels = [min(pair) for pair in zip(levels, self.highest, strict=True)]
        if self.paused in (Paused.UP, Paused.BOTH):
            levels = [min(pair) for pair in zip(levels, now, strict=True)]
        if self.paused in (Paused.DOWN, Paused.BOTH):
            levels = [max(pair) for pair in zip(levels, now, strict=True)]
        return tuple(levels)


NO_GUARDS = Guards()


class Gate:
    """Lets decisions through as far as guards allow.

    Raises:
        ValueError: a limit is no level of the spec, or they leave none of a knob.
    """

    def __init__(self, guards: Guards, spec: ElasticitySpec) -> None:
        if guards.every < 1:
            raise ValueError(f"guards.every must be >= 1, got {guards.every}")
        lowest = spec.checked_action(spec.lowest if guards.lowest is None else guards.lowest)
        highest = spec.checked_action(spec.highest if guards.highest is None else guards.highest)
        if any(low > high for low, high in zip(lowest, highest, strict=True)):
            raise ValueError(f"guards.lowest must not be above guards.highest, got {lowest} and {highest}")
        self._guards = guards
        self._since = guards.every  # intervals since the last change

    def begin(self) -> None:
        """Begin an episode, whose first change may come at once."""
        self._since = self._guards.every

    def admitted(self, wanted: Sequence[int], now: tuple[int, ...]) -> tuple[int, ...]:
        """Return the levels that a decision leads to; to be asked once in each interval.

        Args:
            wanted: level index per knob, as decided.
            now: in force.
        """
        levels = self._guards.limited(wanted, now) if self._since >= self._guards.every else now
        self._since = self._since + 1 if levels == now else 1
        return levels
