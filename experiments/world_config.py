"""Schemas of the worlds: env, hardware, scenario. They mirror arguments, see `experiments.config`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from envs.hardware import Device, GradeTimes, Hardware, Host, Link, Origin
from envs.patterns import LinkPattern, LoadPattern, LoadShape
from envs.pipeline_env import PipelineEnv
from envs.replay.env import Replay
from envs.scenario import Event, EventKind, Scenario, Thermal
from envs.simulator.system import System
from pipeline.options import QueuePolicy

# --- in what world ---


@dataclass
class EnvSchema:
    """What every world has."""

    steps: int = MISSING
    control_interval_s: float = MISSING
    initial_levels: list[int] | None = MISSING


@dataclass
class StreamEnvSchema(EnvSchema):
    """A producer's limits, whether it is real or simulated."""

    queue_policy: QueuePolicy = MISSING
    queue_bound_s: float = MISSING
    memory_budget_mb: float = MISSING


@dataclass
class PipelineSchema(StreamEnvSchema):
    """The real pipeline, in real time."""

    emulate: bool = MISSING
    ready_timeout_s: float = MISSING
    control: str = MISSING
    n_workers: int = MISSING
    restarts: int = 0  # of a run whose release did not have it
    restarts_within_s: float = 60.0


@dataclass
class SimulatorSchema(StreamEnvSchema):
    """The simulator, in no time. `output.video` writes nothing here: results carry the frame all the same."""

    decision_ms: float = MISSING


@dataclass
class ReplaySchema(EnvSchema):
    """A published data set; video, detector, hardware and slo have no say in it, a scenario hardly any."""

    path: str = MISSING


# --- on which workers ---


@dataclass
class GradeTimesSchema:
    """Service times of one grade."""

    ms: dict[str, float] = MISSING
    origin: Origin = MISSING
    source: str = MISSING
    quantiles_ms: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class LinkSchema:
    """Between a device and the producer's host."""

    delay_ms: float = 0.0
    mbit_s: float = math.inf


@dataclass
class DeviceSchema:
    """Workers of one kind."""

    count: int = 1
    native: bool = False
    pinned: bool = True
    threads: int = 1
    capacity: float = 1.0
    times: dict[str, GradeTimesSchema] = field(default_factory=dict)
    sigma: float = 0.0
    handling_ms: float = 0.0
    start_ms: float = 2000.0
    load_ms: float = 0.0
    new_shape_ms: float = 0.0
    link: LinkSchema = field(default_factory=LinkSchema)
    idle_w: float | None = None
    busy_w: float | None = None
    power_source: str = ""


@dataclass
class HostSchema:
    """The machine of producer and collector."""

    baseline_mb: float = 200.0
    memory_mb: float = 8000.0
    used_mb: float = 2000.0
    message_ms: float = 0.2
    capture_ms: float = 0.0


@dataclass
class ProfileSchema:
    """Workers and their host."""

    devices: list[DeviceSchema] = field(default_factory=list)
    host: HostSchema = field(default_factory=HostSchema)
    accuracy: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass
class HardwareSchema(ProfileSchema):
    """A profile, or a mix of others: then `counts` says how many of the first device of each of `parts`."""

    parts: dict[str, ProfileSchema] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


# --- what happens meanwhile ---


@dataclass
class EventSchema:
    """One change of the world, `at_s` or `at_share` of the run."""

    kind: EventKind = MISSING
    value: float | None = None
    worker: int | None = None
    metric: str = ""
    at_s: float | None = None
    at_share: float | None = None


@dataclass
class LoadPatternSchema:
    """How the number of streams goes up and down."""

    shape: LoadShape = MISSING
    low: int = MISSING
    high: int = MISSING
    period_s: float = MISSING


@dataclass
class LinkPatternSchema:
    """How the links' bandwidth goes up and down."""

    path: str = ""
    low_mbit_s: float = MISSING
    high_mbit_s: float = MISSING
    period_s: float = 20.0


@dataclass
class ThermalSchema:
    """How devices get hot."""

    tau_s: float = MISSING
    throttles_from: float = MISSING
    slowdown: float = MISSING


@dataclass
class ScenarioSchema:
    """What happens during the run."""

    streams: int = MISSING
    events: list[EventSchema] = MISSING
    capacities: list[float] = field(default_factory=list)
    load: LoadPatternSchema | None = None
    links: LinkPatternSchema | None = None
    thermal: ThermalSchema | None = None


# schema -> what its keys are arguments of, and the keys that are for something else
WORLD_MIRRORS: Mapping[type, tuple[Any, frozenset[str]]] = {
    PipelineSchema: (
        PipelineEnv,
        frozenset(
            {"emulate", "control", "n_workers", "restarts", "restarts_within_s"}
            | {"queue_policy", "queue_bound_s", "memory_budget_mb"}
        ),
    ),
    SimulatorSchema: (System, frozenset()),
    ReplaySchema: (Replay, frozenset({"path"})),
    GradeTimesSchema: (GradeTimes, frozenset()),
    LinkSchema: (Link, frozenset()),
    DeviceSchema: (Device, frozenset()),
    HostSchema: (Host, frozenset()),
    HardwareSchema: (Hardware, frozenset({"parts", "counts"})),
    EventSchema: (Event, frozenset()),
    LoadPatternSchema: (LoadPattern, frozenset()),
    LinkPatternSchema: (LinkPattern, frozenset()),
    ThermalSchema: (Thermal, frozenset()),
    ScenarioSchema: (Scenario, frozenset()),
}

WORLDS: Mapping[str, type[EnvSchema]] = {
    "pipeline": PipelineSchema,
    "simulator": SimulatorSchema,
    "replay": ReplaySchema,
}
