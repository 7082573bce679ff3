"""What happens to the world during a run; the same events at the same steps in every world."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, assert_never

from envs.patterns import ContentPattern, LinkPattern, LoadPattern, TenantPattern
from envs.telemetry import Telemetry


class EventKind(StrEnum):
    """What changes, and which fields of an `Event` say how."""

    STREAMS = "streams"  # value: the number of concurrent streams, >= 1
    LOSE_WORKER = "lose_worker"  # a worker dies without a word
    JOIN_WORKER = "join_worker"  # a worker like this one of the hardware joins
    SLOW_WORKER = "slow_worker"  # value: its service times are this many times longer, >= 1
    LINKS = "links"  # value: Mbit/s of every worker's link, > 0
    THRESHOLD = "threshold"  # metric, value: an SLO's new threshold, > 0


OF_A_WORKER = (EventKind.LOSE_WORKER, EventKind.JOIN_WORKER, EventKind.SLOW_WORKER)


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

    def slow_worker(self, worker: int, slowdown: float) -> None:
        """Its service times are from now on `slowdown` times those of its device, >= 1."""
        ...

    def set_links(self, mbit_s: float) -> None:
        """Every worker's link carries this much each way from now on."""
        ...

    def set_threshold(self, metric: str, threshold: float) -> None:
        """The SLO on this metric has another threshold from now on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change of the world, at a time given in one of two ways.

    Attributes:
        kind: what changes; it says which of the next three it needs.
        value: how much.
        worker: index of a worker of the hardware, >= 0.
        metric: of an SLO.
        at_s: time since the run's start in s, >= 0.
        at_share: share of the run, in [0, 1).
    """

    kind: EventKind
    value: float | None = None
    worker: int | None = None
    metric: str = ""
    at_s: float | None = None
    at_share: float | None = None

    def __post_init__(self) -> None:
        self._check_time()
        for name, needed in (
            ("worker", self.kind in OF_A_WORKER),
            ("metric", self.kind is EventKind.THRESHOLD),
            ("value", self.kind not in (EventKind.LOSE_WORKER, EventKind.JOIN_WORKER)),
        ):
            if (getattr(self, name) in (None, "")) == needed:
                raise ValueError(f"event {self.kind} {'needs' if needed else 'has no use for'} `{name}`")
        if self.worker is not None and self.worker < 0:
            raise ValueError(f"event {self.kind}: worker must be >= 0, got {self.worker}")
        if self.value is not None:
            self._check_value(self.value)

    def _check_value(self, value: float) -> None:
        if self.kind is EventKind.STREAMS and (value < 1 or value != int(value)):
            raise ValueError(f"event {self.kind}: value must be a whole number >= 1, got {value}")
        if self.kind is EventKind.SLOW_WORKER and not 1 <= value < math.inf:
            raise ValueError(f"event {self.kind}: value must be a slowdown >= 1, got {value}")
        if not value > 0:
            raise ValueError(f"event {self.kind}: value must be > 0, got {value}")

    def _check_time(self) -> None:
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
        value, worker = self.value or 0.0, self.worker or 0
        match self.kind:
            case EventKind.STREAMS:
                world.set_streams(int(value))
            case EventKind.LOSE_WORKER:
                world.lose_worker(worker)
            case EventKind.JOIN_WORKER:
                world.join_worker(worker)
            case EventKind.SLOW_WORKER:
                world.slow_worker(worker, value)
            case EventKind.LINKS:
                world.set_links(value)
            case EventKind.THRESHOLD:
                world.set_threshold(self.metric, value)
            case _:
                assert_never(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thermal:
    """Devices that get hot: service times rise with the time they have computed, and recover when they idle.

    A device's heat follows its busy share with one time constant: h ← h + (busy − h)·(1 − exp(−Δt/τ)), from
    h = 0; its service times are 1 + (slowdown − 1)·clip((h − from)/(1 − from), 0, 1) times as long. A
    first-order model of what single-board computers do: published ones have time constants of 4 to 12 min.

    Attributes:
        tau_s: time constant, > 0.
        throttles_from: heat at which throttling begins, in [0, 1).
        slowdown: at full heat, >= 1.
    """

    tau_s: float
    throttles_from: float
    slowdown: float

    def __post_init__(self) -> None:
        if not (0 < self.tau_s < math.inf and 0 <= self.throttles_from < 1 <= self.slowdown < math.inf):
            raise ValueError(
                "thermal: expected tau_s > 0, throttles_from in [0, 1) and slowdown >= 1, got "
                f"{self.tau_s}, {self.throttles_from} and {self.slowdown}"
            )


def heat_after(heat: float, busy_share: float, duration_s: float, tau_s: float) -> float:
    """Heat of a device after a time of this busy share, see `Thermal`."""
    return heat + (min(busy_share, 1.0) - heat) * (1.0 - math.exp(-duration_s / tau_s))


def throttled(heat: float, throttles_from: float, slowdown: float) -> float:
    """How many times longer a device's service times are at this heat, see `Thermal`."""
    share = (heat - throttles_from) / (1.0 - throttles_from)
    return 1.0 + (slowdown - 1.0) * min(max(share, 0.0), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What a run begins with, and what happens in it.

    Attributes:
        streams: concurrent streams at the start, >= 1.
        capacities: workers of the hardware's first device at these shares of its speed, instead of the
            hardware's own workers; empty = those.
        events: those of one step happen at its beginning, in this order; those beyond the run's end never.
        load: how the number of streams goes up and down; its events come before `events`.
        links: how the links' bandwidth goes up and down, likewise.
        tenants: other programs that slow devices down, likewise.
        content: how the traffic grows denser and thins out; None = as it does by itself.
        telemetry: what of it reaches the agent; None = all, exact and at once.
        thermal: None = devices stay cool.
    """

    streams: int = 1
    capacities: tuple[float, ...] = ()
    events: tuple[Event, ...] = ()
    load: LoadPattern | None = None
    links: LinkPattern | None = None
    tenants: TenantPattern | None = None
    content: ContentPattern | None = None
    telemetry: Telemetry | None = None
    thermal: Thermal | None = None

    def __post_init__(self) -> None:
        if self.streams < 1:
            raise ValueError(f"streams must be >= 1, got {self.streams}")
        if not all(0 < capacity <= 1 for capacity in self.capacities):
            raise ValueError(f"capacities must be in (0, 1], got {list(self.capacities)}")

    @property
    def is_drawn(self) -> bool:
        """Tell whether what happens depends on the seed."""
        return self.load is not None or self.links is not None or self.tenants is not None

    def timeline(self, steps: int, interval_s: float, seed: int) -> dict[int, tuple[Event, ...]]:
        """Events by the step (from 0) at whose beginning they happen; patterns draw theirs by the seed."""
        by_step: dict[int, tuple[Event, ...]] = {}
        patterned: list[tuple[int, Event]] = []
        for pattern, kind in ((self.load, EventKind.STREAMS), (self.links, EventKind.LINKS)):
            if pattern is not None:
                for step, value in pattern.changes(steps, interval_s, seed):
                    patterned.append((step, Event(kind=kind, value=value, at_s=step * interval_s)))
        if self.tenants is not None:
            for step, worker, slowdown in self.tenants.changes(steps, interval_s, seed):
                event = Event(
                    kind=EventKind.SLOW_WORKER, worker=worker, value=slowdown, at_s=step * interval_s
                )
                patterned.append((step, event))
        timed = [(event.step(steps, interval_s), event) for event in self.events]
        for step, event in [*patterned, *timed]:
            if step < steps:
                by_step[step] = (*by_step.get(step, ()), event)
        return by_step

    def check(self, n_workers: int, metrics: Sequence[str]) -> None:
        """Raise ValueError if an event names a worker or an SLO's metric that there is none of."""
        tenants = () if self.tenants is None else self.tenants.workers
        named = [*((f"event {event.kind}", event.worker) for event in self.events)]
        for what, worker in [*named, *(("tenants", worker) for worker in tenants)]:
            if worker is not None and worker >= n_workers:
                raise ValueError(f"{what} names worker {worker}, but there are only {n_workers}")
        for event in self.events:
            if event.metric and event.metric not in metrics:
                raise ValueError(
                    f"event {event.kind} names the SLO {event.metric!r}; there are {', '.join(metrics)}"
                )
