"""Schemas of the configuration: every key a user can set, and its type. Values are in `conf/`, once.

Where a part is the arguments of one constructor, its schema is derived from that: see `derived`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, make_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from envs.spec import Quality
from experiments.config.agents import typed_values
from experiments.config.derived import schema_of
from experiments.config.world_schemas import WORLDS, AccuracySchema, EnvSchema, HardwareSchema, ScenarioSchema
from experiments.program.errors import blaming
from pipeline.bounds import OptionError, check_value
from pipeline.messages import LoadingMode, WorkType
from pipeline.options import ProducerOptions, SourceKind
from pipeline.slos import video_slo

CONF = Path(__file__).resolve().parents[2] / "conf"
Config = TypeVar("Config")

# --- on what: video ---


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
    classes: list[str] = MISSING


@dataclass
class FileSchema(VideoSchema):
    """A video file."""

    path: str = MISSING
    loop: bool = MISSING
    truth: str = MISSING
    classes: list[str] = MISSING


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


# --- judged by what: slo ---


@dataclass
class QoeWeightsSchema:
    """What each knob counts in a QoE by the knobs, relative to the others."""

    fps: float = 1.0
    resolution: float = 1.0
    grade: float = 1.0


_SLOS: Any = make_dataclass("Slos", [("slos", list[schema_of(video_slo)], field(default=MISSING))])


@dataclass
class SlosSchema(_SLOS):
    """All objectives."""


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


@dataclass
class PairsSchema:
    """Every hardware of a list with every scenario of another, by the names of their files."""

    hardware: list[str] = MISSING
    scenarios: list[str] = MISSING


# groups whose keys are options of the producer by the same name, "" being the run itself (seed)
PROGRAM_GROUPS = ("", "video", "env", "scenario")

VARIANTS: Mapping[str, Mapping[str, type]] = {
    "env": WORLDS,
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


def check_keys(cfg: DictConfig, place: str = "") -> None:
    """Raise if a key is there that nobody would read: added (`+key=value`), or of an agent that lacks it.

    And if a value is none that the pipeline's programs take, or no number at all (NaN).

    Raises:
        ValueError: no schema has it, or its value is none of those.
        ConfigError: of the agent, see `experiments.config.agents.typed_values`.
    """
    schema = OmegaConf.get_type(cfg)
    known = {field.name for field in fields(schema)} if is_dataclass(schema) else None
    for name in cfg:
        key = f"{place}.{name}" if place else str(name)
        if known is not None and name not in known:
            raise ValueError(
                f"nobody reads {key}; {place or 'the configuration'} has {', '.join(sorted(known))}"
            )
        if OmegaConf.is_missing(cfg, name):
            continue
        child = cfg[name]
        if key == "agent":
            typed_values(child, key)
        nodes = list(child) if isinstance(child, ListConfig) else [child]
        check_number(key, [node for node in nodes if isinstance(node, int | float)])
        for node in nodes:
            if isinstance(node, DictConfig):
                check_keys(node, key)


def check_number(key: str, numbers: list[float]) -> None:
    """Raise ValueError if a key has a number that what it is for cannot have; see `PROGRAM_GROUPS`."""
    group, _, name = key.rpartition(".")
    if group in PROGRAM_GROUPS and name in {option.name for option in fields(ProducerOptions)}:
        try:
            check_value(ProducerOptions, name, tuple(numbers))
        except OptionError as error:
            raise ValueError(f"{key} {error.problem}") from error
    if key == "processes" and any(number < 1 for number in numbers):
        raise ValueError(f"processes must be >= 1, got {numbers[0]}")
    if any(math.isnan(number) for number in numbers):
        raise ValueError(f"{key} must be a number, got nan")


def checked(cfg: DictConfig, schema: type[Config]) -> Config:
    """Return a composed configuration as values of its schema. Raises ConfigError: something is wrong."""
    with blaming("configuration"):
        check_keys(cfg)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, schema), "it is the first of its defaults"
    return config


def options_text(group: str) -> str:
    """Return the options of a group of conf/, as a help text lists them: * before what need not be said."""
    defaults: Any = OmegaConf.to_container(OmegaConf.load(CONF / "config.yaml").defaults)
    names = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
    return " | ".join(f"*{name}" if {group: name} in defaults else name for name in names)


def register() -> None:
    """Make the schemas known to Hydra, and what its help texts ask for."""
    OmegaConf.register_new_resolver("options", options_text, replace=True)
    store = ConfigStore.instance()
    store.store(name="run_schema", node=RunConfig)
    for group, variants in VARIANTS.items():
        for name, schema in variants.items():
            store.store(group=f"schema/{group}", name=name, node=schema)
