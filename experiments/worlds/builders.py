"""What worlds are put together from: hardware, scenario, SLOs, grades, ladders, and what detections are."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from envs.accuracy import StreamProfile
from envs.hardware import Device, Hardware, Host
from envs.scenario import Event, EventKind, Scenario
from envs.spec import OF_DETECTIONS, ElasticitySpec, Quality
from envs.video import video_spec
from experiments.config.derived import build
from experiments.config.schemas import (
    AccuracySchema,
    CustomSchema,
    DetectorSchema,
    EnvSchema,
    HardwareSchema,
    RunConfig,
    ScenarioSchema,
    SlosSchema,
    StreamConfig,
    VideoSchema,
)
from experiments.program.errors import blaming
from pipeline.messages import DetectionKind, Drawn, WorkType
from pipeline.options import SourceKind
from pipeline.settings import GRADES, Ladders
from pipeline.slos import Slo, video_slo
from pipeline.sources.custom import text_of

GRADE_IN_NAME = re.compile(r"yolo(?:v?\d+)([nsmlx])(?![a-z])")  # yolo11n.pt, yolo11n_int8_openvino_model


@dataclass(frozen=True, slots=True)
class Plan(ABC):
    """A run that was checked and can begin; each world has its own.

    Attributes:
        spec: what the agent sees.
        config: all that was asked for.
        detections: what they are, and why.
    """

    spec: ElasticitySpec
    config: RunConfig
    detections: "Detected"

    @abstractmethod
    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> Any:
        """Make the environment; what it starts, it starts with the first reset, and logs to `directory`."""

    @property
    def caveat(self) -> str:
        """What its figures suffer from beforehand; "" if nobody knows of anything."""
        return ""


# --- hardware ---


def hardware_of(schema: HardwareSchema) -> Hardware:
    """The workers and their host. Raises ValueError."""
    if set(schema.parts) != set(schema.counts):
        raise ValueError(f"counts must be of the parts, {sorted(schema.parts)}, got {sorted(schema.counts)}")
    if schema.parts and schema.devices:
        raise ValueError("a mix has parts and counts, or a profile has devices: not both")
    if schema.devices:
        return build(Hardware, schema)
    devices = []
    for name, count in schema.counts.items():
        if not schema.parts[name].devices:
            raise ValueError(f"part {name} is itself a mix: name the profiles that it is of")
        devices.append(replace(build(Device, schema.parts[name].devices[0]), count=count))
    return Hardware(tuple(devices), build(Host, schema.host))


# --- scenario ---


def scenario_of(schema: ScenarioSchema) -> Scenario:
    """What happens. Raises ValueError."""
    return build(Scenario, schema)


def timeline_of(config: RunConfig) -> dict[int, tuple[Event, ...]]:
    """What happens in a run, by the step (from 0) at whose beginning it does. Raises ValueError."""
    env = config.env
    return scenario_of(config.scenario).timeline(env.steps, env.control_interval_s, config.seed)


def check_contradictions(scenario: Scenario, env: EnvSchema, n_workers: int, seed: int) -> None:
    """Raise ValueError if a scenario's parts undo each other or never happen, OSError if it lacks a trace."""
    for event in scenario.events:
        if event.at_s is not None and event.step(env.steps, env.control_interval_s) >= env.steps:
            raise ValueError(
                f"event {event.kind} at {event.at_s:g} s never happens, for the run ends after "
                f"{env.steps * env.control_interval_s:g} s: say env.steps=..., or at_share in place of at_s"
            )
    kinds = {event.kind for event in scenario.events}
    patterns = (
        ("load", EventKind.STREAMS),
        ("links", EventKind.LINKS),
        ("tenants", EventKind.SLOW_WORKER),
    )
    for pattern, kind in patterns:
        if getattr(scenario, pattern) is not None and kind in kinds:
            raise ValueError(f"a pattern of {pattern} would undo the events of kind {kind.name}: give one")
    alive = dict.fromkeys(range(n_workers), 1)
    for step, events in sorted(scenario.timeline(env.steps, env.control_interval_s, seed).items()):
        for event in events:
            if event.kind is EventKind.JOIN_WORKER and event.worker is not None:
                alive[event.worker] += 1
            if event.kind is EventKind.LOSE_WORKER and event.worker is not None:
                alive[event.worker] -= 1
                if alive[event.worker] < 0:
                    raise ValueError(f"worker {event.worker} is to be lost in step {step}, but is gone then")


# --- slo ---


def slos_of(schema: SlosSchema) -> tuple[Slo, ...]:
    """The objectives. Raises ValueError."""
    return tuple(build(video_slo, slo) for slo in schema.slos)


def stream_spec(config: StreamConfig, ladders: Ladders, slos: Sequence[Slo]) -> ElasticitySpec:
    """What an agent sees of a video stream, whose quality is judged as `qoe` says. Raises ConfigError."""
    with blaming("qoe"):
        weights, profile = asdict(config.qoe.weights), accuracy_of(config.accuracy)
        return video_spec(ladders, slos, weights, config.qoe.by, profile)


# --- accuracy ---


def accuracy_of(schema: AccuracySchema | None) -> StreamProfile | None:
    """What detections of the scene are worth, None where nobody knows. Raises ValueError."""
    return None if schema is None else build(StreamProfile, schema)


# --- video and detector ---


def video_arguments(schema: VideoSchema) -> dict[str, Any]:
    """Of `ProducerOptions`: lists become tuples, a file's path holds from any directory, a class's arguments
    become text."""
    arguments: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in asdict(schema).items()
    }
    if schema.source is SourceKind.FILE:
        for name in ("path", "truth"):
            arguments[name] = arguments[name] and str(Path(arguments[name]).resolve())
    if isinstance(schema, CustomSchema):
        arguments["arguments"] = {name: text_of(value) for name, value in schema.arguments.items()}
    return arguments


def grades_and_weights(detector: DetectorSchema) -> tuple[tuple[str, ...], dict[str, str]]:
    """The ladder of grades, and absolute paths by grade; a single path leaves a ladder of one.

    Raises:
        ValueError: a path that is not there, a grade that does not exist, or one path for several grades.
    """
    grades, weights = tuple(detector.grades), detector.weights or {}
    if isinstance(weights, str):
        weights = {grade_of(weights, grades) if Path(weights).exists() else grades[0]: weights}
        grades = (*weights,)
    if not isinstance(weights, dict):
        raise ValueError(f"detector.weights must be a path or grade -> path, got {weights!r}")
    if unknown := sorted(set(weights) - set(grades)):
        raise ValueError(f"detector.weights names {unknown}, but detector.grades is {list(grades)}")
    for path in weights.values():
        if not Path(path).exists():
            raise ValueError(f"there are no weights at {path!r} (detector.weights)")
    return grades, {grade: str(Path(path).resolve()) for grade, path in weights.items()}


def grade_of(path: str, grades: Sequence[str]) -> str:
    """The grade of a single weights path: the only one configured, else the letter in its name.

    Raises:
        ValueError: it cannot be told.
    """
    if len(grades) == 1:
        return grades[0]
    found = GRADE_IN_NAME.search(Path(path).name)
    if found is None:
        raise ValueError(f"which grade is {path}? Say e.g. detector.grades=[n] (one of {', '.join(GRADES)})")
    return found[1]


# --- what detections are, and whether anybody can say how good: decided here alone ---


@dataclass(frozen=True, slots=True)
class Detected:
    """What the detections of a run are.

    Attributes:
        kind: real, emulated or none.
        why: in words.
        is_judged: whether a streaming F1 of them can be known, and what settings are worth by it.
    """

    kind: DetectionKind
    why: str
    is_judged: bool = False

    @property
    def line(self) -> str:
        """All of it for people."""
        return f"detections: {self.kind}: {self.why}"


def detections_of(
    work_type: WorkType, untrained: Sequence[str], has_truth: bool, has_profile: bool
) -> Detected:
    """Decide what the detections of a pipeline are.

    Args:
        work_type: what the workers do with a frame.
        untrained: grades of the ladder without trained weights, of workers that compute.
        has_truth: whether the source knows what is in its pictures, and when each is due.
        has_profile: whether it is known what detections of its scene are worth.
    """
    match work_type:
        case WorkType.NONE:
            return Detected(DetectionKind.NONE, "workers do nothing with a frame")
        case WorkType.EMULATED:
            reason = "emulated workers compute nothing"
        case _ if not untrained:
            is_judged = has_truth and has_profile and work_type is WorkType.YOLO_DETECTION
            return Detected(DetectionKind.REAL, "of networks with trained weights", is_judged)
        case _:
            reason = f"there are no trained weights of grade {', '.join(untrained)}"
    if work_type is WorkType.YOLO_OBB:
        return Detected(DetectionKind.NONE, f"{reason}, and boxes with a rotation are not drawn")
    if has_truth and has_profile:
        drawn = "they are drawn from the truth by the profile of the stream"
        return Detected(DetectionKind.EMULATED, f"{reason}; {drawn}", is_judged=True)
    lacking = "what is found in such a scene" if has_truth else "what is really in the pictures"
    return Detected(DetectionKind.NONE, f"{reason}, and nobody knows {lacking}")


def simulated_detections(has_profile: bool) -> Detected:
    """Say what they are where there are no pictures."""
    if has_profile:
        why = "what they are worth is calculated from the profile of the stream"
        return Detected(DetectionKind.EMULATED, why, is_judged=True)
    return Detected(DetectionKind.NONE, "the simulator has no profile of the stream")


def judged_where_known(config: RunConfig, detected: Detected) -> tuple[RunConfig, Detected]:
    """Let a run be judged by its knobs where nobody could judge it by what is found, and have it say so."""
    if config.qoe.by not in OF_DETECTIONS or detected.is_judged:
        return config, detected
    why = f"{detected.why}; so quality is judged by the knobs"
    return replace(config, qoe=replace(config.qoe, by=Quality.KNOBS)), replace(detected, why=why)


def drawn_by(profile: StreamProfile, ladders: Ladders, scenario: Scenario) -> Drawn:
    """Return what the collector draws by: F1 of what is fresh, and how the content moves it."""
    return Drawn(
        f1=tuple({px: profile.f1(grade, px, 0.0) for _, px in ladders.sizes} for grade in ladders.grades),
        scene_sd=profile.scene_sd,
        second_sd=profile.second_sd,
        second_correlation=profile.second_correlation,
        offset=None if scenario.content is None else scenario.content.offset,
    )
