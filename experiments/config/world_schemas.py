"""Schemas of the worlds: env, hardware, scenario, accuracy."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from envs.accuracy import StreamProfile
from envs.guards import Guards
from envs.hardware import Device, Hardware
from envs.scenario import Scenario
from experiments.config.derived import schema_of
from pipeline.messages import Binding, HandOut
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

    binding: Binding = Binding.CAPTURE  # of a run whose release did not have it
    hand_out: HandOut = HandOut.FIRST_ASKS  # likewise
    queue_policy: QueuePolicy = MISSING
    queue_bound_s: float = MISSING
    memory_budget_mb: float = MISSING


_GUARDS: Any = schema_of(Guards)


@dataclass
class GuardsSchema(_GUARDS):
    """What an agent may do."""


@dataclass
class PipelineSchema(StreamEnvSchema):
    """The real pipeline, in real time."""

    emulate: bool = MISSING
    ready_timeout_s: float = MISSING
    control: str = MISSING
    n_workers: int = MISSING
    keys: str = ""  # of a run whose release did not have it, as what follows
    shadow: bool = False
    guards: GuardsSchema = field(default_factory=GuardsSchema)
    restarts: int = 0
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

ProfileSchema: Any = dataclasses.make_dataclass(  # a mix has no devices of its own
    "ProfileSchema",
    [("devices", list[schema_of(Device)], field(default_factory=list))],
    bases=(schema_of(Hardware),),
    namespace={"__module__": __name__},  # where pickle finds it
)
_MIX: Any = dataclasses.make_dataclass(
    "MixSchema", [("parts", dict[str, ProfileSchema], field(default_factory=dict))], bases=(ProfileSchema,)
)
_SCENARIO: Any = schema_of(Scenario)
_ACCURACY: Any = schema_of(StreamProfile)


@dataclass
class HardwareSchema(_MIX):
    """A profile, or a mix of others: then `counts` says how many of the first device of each of `parts`."""

    counts: dict[str, int] = field(default_factory=dict)


@dataclass
class ScenarioSchema(_SCENARIO):
    """What happens during the run."""


@dataclass
class AccuracySchema(_ACCURACY):
    """What detections of the video's scene are worth."""


WORLDS: Mapping[str, type[EnvSchema]] = {
    "pipeline": PipelineSchema,
    "simulator": SimulatorSchema,
    "replay": ReplaySchema,
}
