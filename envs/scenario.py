"""What happens to the world during a run; the same events at the same steps in every world."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, assert_never


class EventKind(StrEnum):
    """What changes."""

    STREAMS = "streams"  # the number of concurrent streams
    LOSE_WORKER = "lose_worker"  # a worker dies without a word
    JOIN_WORKER = "join_worker"  # a worker like one of the hardware's own joins


class World(Protocol):
    """What a scenario can do to a world."""

    def set_streams(self, streams: int) -> None:
        """Carry this many concurrent streams from now on."""
        ...

    def lose_worker(self, worker: int) -> None:
        """Worker number `worker` of the hardware dies."""
        ...

    def join_worker(self, worker: int) -> None:
        """A further worker, like number `worker` of the hardware, starts."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """One change of the world, at a time given in one of two ways.

    Attributes:
        kind: what changes.
        value: STREAMS: how many, >= 1; LOSE_WORKER, JOIN_WORKER: index of a worker of the hardware, >= 0.
        at_s: time since the run's start in s, >= 0.
        at_share: or the share of the run that is over, in [0, 1).
    """

    kind: EventKind
    value: int
    at_s: float | None = None
    at_share: float | None = None

    def __post_init__(self) -> None:
        least = 1 if self.kind is EventKind.STREAMS else 0
        if self.value < least:
            raise ValueError(f"event {self.kind}: value must be >= {least}, got {self.value}")
        if (self.at_s is None) == (self.at_share is None):
            raise ValueError(
                f"event {self.kind}: expected either at_s or at_share, got {self.at_s} and {self.at_share}"
            )
        if self.at_s is not None and not (math.isfinite(self.at_s) and self.at_s >= 0):
            raise ValueError(f"event {self.kind}: at_s must be finite and >= 0, got {self.at_s}")
        if self.at_share is not None and not 0 <= self.at_share < 1:
            raise ValueError(f"event {self.kind}: at_share must be in [0, 1), got {self.at_share}")

    def step(self, steps: int, interval_s: float) -> int:
        """The first step (from 0) of a run of `steps` that begins no earlier than the event."""
        begun = self.at_s / interval_s if self.at_s is not None else (self.at_share or 0.0) * steps
        return math.ceil(round(begun, 6))  # a third written as 0.333333333 still is a third

    def apply(self, world: World) -> None:
        """Let it happen."""
        match self.kind:
            case EventKind.STREAMS:
                world.set_streams(self.value)
            case EventKind.LOSE_WORKER:
                world.lose_worker(self.value)
            case EventKind.JOIN_WORKER:
                world.join_worker(self.value)
            case _:
                assert_never(self.kind)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a run begins with, and its events in any order.

    Attributes:
        streams: concurrent streams at the start, >= 1.
        events: those of one step happen at its beginning, in this order; those beyond the run's end never.
    """

    streams: int = 1
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        if self.streams < 1:
            raise ValueError(f"streams must be >= 1, got {self.streams}")

    def events_by_step(self, steps: int, interval_s: float) -> dict[int, tuple[Event, ...]]:
        """Events by the step (from 0) at whose beginning they happen."""
        by_step: dict[int, tuple[Event, ...]] = {}
        for event in self.events:
            step = event.step(steps, interval_s)
            by_step[step] = (*by_step.get(step, ()), event)
        return by_step

    def check_workers(self, n_workers: int) -> None:
        """Raise ValueError if an event names a worker that hardware with n_workers does not have."""
        for event in self.events:
            if event.kind is not EventKind.STREAMS and event.value >= n_workers:
                raise ValueError(
                    f"event {event.kind} names worker {event.value}, but there are {n_workers} to choose from"
                )
