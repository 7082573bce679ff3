"""Schemas of a run's configuration: every key a user can set, and its type. Values are in `conf/`, once.

Where a part is the arguments of one constructor, its schema is derived from that: see `derived`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from envs.accuracy import StreamProfile
from envs.guards import Guards
from envs.hardware import Device, Hardware
from envs.scenario import Scenario
from envs.spec import Quality
from experiments.config.derived import schema_of
from pipeline.messages import Binding, HandOut, LoadingMode, WorkType
from pipeline.options import ProducerOptions, QueuePolicy, SourceKind
from pipeline.slos import video_slo

CONF = Path(__file__).resolve().parents[2] / "conf"

# --- on what: video, detector ---


@dataclass
class VideoSchema:
    """What every source has; an empty ladder is derived from the source."""

    source: SourceKind = MISSING
    fps_levels: list[float] = MISSING
    heights_px: list[int] = MISSING


@dataclass
class TrafficSchema(VideoSchema):
    """The procedural traffic scene."""

    width: int = MISSING
    height: int = MISSING
    source_fps: float = MISSING
    length_s: float = MISSING
    classes: list[str] = field(default_factory=lambda: [*ProducerOptions().classes])  # see StreamEnvSchema


@dataclass
class FileSchema(VideoSchema):
    """A video file."""

    path: str = MISSING
    loop: bool = MISSING
    truth: str = MISSING
    classes: list[str] = field(default_factory=lambda: [*ProducerOptions().classes])  # likewise


@dataclass
class LiveSchema(VideoSchema):
    """A camera or an RTSP stream."""

    path: str = MISSING


@dataclass
class CustomSchema(VideoSchema):
    """A class of somebody else's, made of these arguments; see `pipeline.sources.custom`."""

    factory: str = MISSING
    arguments: dict[str, Any] = MISSING


@dataclass
class DetectorSchema:
    """What workers do with a frame; `weights` is None, a path per grade, or one path for a single grade."""

    work_type: WorkType = MISSING
    grades: list[str] = MISSING
    weights: Any = MISSING
    loading_mode: LoadingMode = MISSING


# --- in what world: env, hardware, scenario, accuracy ---


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


@dataclass
class GuardsSchema(schema_of(Guards)):
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


@dataclass
class DeviceSchema(schema_of(Device)):
    """A kind of worker."""


@dataclass
class ProfileSchema(schema_of(Hardware)):
    """Workers and their host; a mix has no devices of its own."""

    devices: list[DeviceSchema] = field(default_factory=list)


@dataclass
class HardwareSchema(ProfileSchema):
    """A profile, or a mix of others: then `counts` says how many of the first device of each of `parts`."""

    parts: dict[str, ProfileSchema] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass
class ScenarioSchema(schema_of(Scenario)):
    """What happens during the run."""


@dataclass
class AccuracySchema(schema_of(StreamProfile)):
    """What detections of the video's scene are worth."""


# --- judged by what: slo, qoe ---


@dataclass
class SloSchema(schema_of(video_slo)):
    """An objective."""


@dataclass
class SlosSchema:
    """All objectives."""

    slos: list[SloSchema] = MISSING


@dataclass
class QoeWeightsSchema:
    """What each knob counts in a QoE by the knobs, relative to the others."""

    fps: float = 1.0
    resolution: float = 1.0
    grade: float = 1.0


@dataclass
class QoeSchema:
    """The quality that is maximised below them."""

    by: Quality = Quality.KNOBS  # of a run whose release did not have it
    weights: QoeWeightsSchema = field(default_factory=QoeWeightsSchema)


# --- the run itself ---


class DetectionsFile(StrEnum):
    """Format of the file of detections."""

    NONE = ""
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass
class OutputSchema:
    """What the run leaves beside trace, summary and logs; only the pipeline has frames to write."""

    video: bool = MISSING
    detections: DetectionsFile = MISSING
    mlflow: bool = MISSING
    picture: bool | None = MISSING
    outlines: bool = False  # of a run whose release did not have it
    golden_share: float = 0.0  # likewise


NO_OUTPUT = OutputSchema(video=False, detections=DetectionsFile.NONE, mlflow=False, picture=False)


@dataclass
class StreamConfig:
    """What runs, trainings and forecasts have in common: a stream, its world, how it is judged."""

    live: bool | None = MISSING
    results: str = MISSING
    video: VideoSchema = MISSING
    detector: DetectorSchema = MISSING
    env: EnvSchema = MISSING
    slo: SlosSchema = MISSING
    qoe: QoeSchema = field(default_factory=QoeSchema)
    accuracy: AccuracySchema | None = None  # null where nobody knows it


@dataclass
class RunConfig(StreamConfig):
    """A run: who decides, on what, in what world, judged by what.

    `world` is the number of a drawn one, which takes the place of video, hardware, scenario and slo.
    `agent` is held against its class's arguments, whoever wrote it: `experiments.config.agents`.
    """

    name: str = MISSING
    seed: int = MISSING
    agent: Any = MISSING
    hardware: HardwareSchema = MISSING
    scenario: ScenarioSchema = MISSING
    world: int | None = None
    trained_on: str | None = None  # null where nobody runs a learned agent, as in a calibration
    output: OutputSchema = MISSING


def unrecorded(
    config: StreamConfig, seed: int, hardware: HardwareSchema, scenario: ScenarioSchema
) -> RunConfig:
    """Return a run of a program's stream that leaves nothing."""
    stream = {field.name: getattr(config, field.name) for field in fields(StreamConfig)}
    return RunConfig(**stream, seed=seed, hardware=hardware, scenario=scenario, output=NO_OUTPUT)


# --- schemas of a group's options ---

VARIANTS: Mapping[str, Mapping[str, type]] = {
    "env": {"pipeline": PipelineSchema, "simulator": SimulatorSchema, "replay": ReplaySchema},
    "video": {
        "traffic": TrafficSchema,
        "file": FileSchema,
        "camera": LiveSchema,
        "rtsp": LiveSchema,
        "custom": CustomSchema,
    },
}


def schema_for(group: str, option: str, values: DictConfig) -> type | None:
    """The schema of an option of a group of `VARIANTS`; of one not ours, that which takes just its `values`.

    None: no schema of ours fits, as with an agent of somebody else's.
    """
    variants = VARIANTS[group]
    return variants.get(option) or next((v for v in variants.values() if _fits(v, values)), None)


def _fits(schema: type, values: DictConfig) -> bool:
    try:
        return not OmegaConf.missing_keys(OmegaConf.merge(OmegaConf.structured(schema), values))
    except OmegaConfBaseException:
        return False
