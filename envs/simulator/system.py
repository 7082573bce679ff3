"""What is simulated: everything about a pipeline and its world that an agent does not change."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from envs.accuracy import StreamProfile
from envs.hardware import Hardware
from envs.scenario import EventKind, Scenario
from envs.spec import ElasticitySpec
from pipeline.messages import Binding, HandOut, LoadingMode
from pipeline.options import QueuePolicy
from pipeline.settings import Ladders

LONGEST_S = 1e6  # of an episode: times are integer ns, and schedules products of them
HIGHEST_FPS = 1000.0  # of a source, likewise
NOTHING_HAPPENS = Scenario()
MOST_SHAPES = 62  # what a worker has loaded is one integer's bits


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One pipeline in one world, for episodes of `steps` control intervals.

    Attributes:
        ladders: of the three knobs; the grades need service times in every device.
        source_size: (width, height) in px.
        source_fps: frames/s, constant.
        source_length_s: when the source ends, and the episode with it; 0 = never.
        hardware: devices need service times, whether native or not.
        scenario: what happens; its capacities replace the hardware's workers.
        steps: control intervals per episode, >= 1.
        control_interval_s: > 0.
        initial_levels: level index per knob at the start; None = the highest.
        decision_ms: from an interval's beginning until its settings are in force, in [0, interval).
        return_frames: whether results carry the frame back, as for an annotated video.
        accuracy: what detections of the source's scene are worth; None = nobody knows.
        others: as in `ProducerOptions` and `WorkerOptions`, and with their defaults.
    """

    ladders: Ladders
    source_size: tuple[int, int]
    source_fps: float
    hardware: Hardware
    scenario: Scenario = NOTHING_HAPPENS
    steps: int
    control_interval_s: float = 1.0
    initial_levels: Sequence[int] | None = None
    source_length_s: float = 0.0
    decision_ms: float = 0.0
    return_frames: bool = False
    loading_mode: LoadingMode = LoadingMode.EAGER
    binding: Binding = Binding.HAND_OUT
    hand_out: HandOut = HandOut.EARLIEST_DONE
    queue_policy: QueuePolicy = QueuePolicy.DROP_OLDEST
    queue_bound_s: float = 4.0
    memory_budget_mb: float = 0.0
    heartbeat_s: float = 0.5
    lease_s: float = 10.0
    retries: int = 2
    prefetch: int = 2
    batch: int = 1
    accuracy: StreamProfile | None = None

    def __post_init__(self) -> None:
        self._check_time()
        self._check_producer()
        if self.initial_levels is not None:
            self.ladders.settings(self.initial_levels)
        self.cluster.check_grades(self.ladders.grades)
        self.cluster.emulated()  # says what to do where there are no service times
        if len(self.ladders.grades) * (len(self.ladders.sizes) + 1) > MOST_SHAPES:
            raise ValueError(
                f"grades x (sizes + 1) must be at most {MOST_SHAPES}, got {len(self.ladders.grades)} grades "
                f"and {len(self.ladders.sizes)} sizes"
            )

    def _check_time(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be >= 1, got {self.steps} (env.steps)")
        if not self.control_interval_s > 0 or self.steps * self.control_interval_s > LONGEST_S:
            raise ValueError(
                f"expected control_interval_s > 0, and episodes of at most {LONGEST_S:g} s, got "
                f"{self.steps} x {self.control_interval_s} s"
            )
        if not 0 <= self.decision_ms < 1e3 * self.control_interval_s:
            raise ValueError(f"decision_ms must be >= 0 and below the interval, got {self.decision_ms}")
        if self.source_fps > HIGHEST_FPS or self.source_length_s < 0:
            raise ValueError(
                f"expected a source of at most {HIGHEST_FPS:g} frames/s and a length >= 0 s, got "
                f"{self.source_fps} and {self.source_length_s}"
            )

    def _check_producer(self) -> None:
        if self.queue_policy is QueuePolicy.WAIT:
            raise ValueError("queue_policy WAIT stretches time: simulate with DROP_OLDEST or DROP_NEWEST")
        for name in ("queue_bound_s", "heartbeat_s", "lease_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a finite number > 0, got {getattr(self, name)}")
        for name, least in (("retries", 0), ("memory_budget_mb", 0), ("prefetch", 1), ("batch", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be >= {least}, got {getattr(self, name)}")

    @property
    def cluster(self) -> Hardware:
        """The hardware with the scenario's capacities."""
        return self.hardware.with_capacities(self.scenario.capacities)

    @property
    def interval_ns(self) -> int:
        """Of control."""
        return round(self.control_interval_s * 1e9)

    @property
    def first_levels(self) -> tuple[int, int, int]:
        """Level index per knob at the start."""
        if self.initial_levels is not None:
            fps, size, grade = self.initial_levels
            return fps, size, grade
        fps, size, grade = self.ladders.n_levels
        return fps - 1, size - 1, grade - 1

    @property
    def most_streams(self) -> int:
        """Concurrent streams at any time, at most."""
        events = [int(e.value or 1) for e in self.scenario.events if e.kind is EventKind.STREAMS]
        load = [self.scenario.load.high] if self.scenario.load else []
        return max([self.scenario.streams, *events, *load])

    @property
    def most_workers(self) -> int:
        """Workers ever started in an episode, at most."""
        joins = sum(event.kind is EventKind.JOIN_WORKER for event in self.scenario.events)
        return self.cluster.n_workers + joins

    @property
    def most_events(self) -> int:
        """Events of an episode, at most."""
        scenario = self.scenario
        patterns = sum(pattern is not None for pattern in (scenario.load, scenario.links))
        patterns += 0 if scenario.tenants is None else len(scenario.tenants.workers)
        return len(scenario.events) + patterns * self.steps


@dataclass(frozen=True, slots=True)
class Cell:
    """A stream, and the systems of which each of its episodes draws one.

    Attributes:
        name: for people.
        spec: with the ladders of all systems.
        systems: at least one.
    """

    name: str
    spec: ElasticitySpec
    systems: Sequence[System]
