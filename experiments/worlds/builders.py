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
    SlosSchema,
    VideoSchema,
)
from experiments.program.errors import blaming
from pipeline.messages import DetectionKind, Drawn, WorkType
from pipeline.options import SourceKind
from pipeline.settings import GRADES, Ladders
from pipeline.slos import Slo, video_slo
from pipeline.sources.custom import text_of

LIVES = {EventKind.JOIN_WORKER: 1, EventKind.LOSE_WORKER: -1}  # what becomes of a worker's number
GRADE_IN_NAME = re.compile(r"yolo(?:v?\d+)([nsmlx])(?![a-z])")  # yolo11n.pt, yolo11n_int8_openvino_model


@dataclass(frozen=True, slots=True)
class Plan(ABC):
    """A run that was checked and can begin; each world has its own."""

    spec: ElasticitySpec  # what the agent sees
    config: RunConfig  # all that was asked for
    detections: "Detected"

    @abstractmethod
    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> Any:
        """Make the environment; what it starts, it starts with the first reset, and logs to `directory`."""

    @property
    def caveat(self) -> str:
        """What its figures suffer from beforehand; "" if nobody knows of anything."""
        return ""


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


def timeline_of(config: RunConfig) -> dict[int, tuple[Event, ...]]:
    """What happens in a run, by the step (from 0) at whose beginning it does. Raises ValueError."""
    env, scenario = config.env, build(Scenario, config.scenario)
    return scenario.timeline(env.steps, env.control_interval_s, config.seed)


def check_contradictions(scenario: Scenario, env: EnvSchema, n_workers: int, seed: int) -> None:
    """Raise ValueError if a scenario's parts undo each other or never happen, OSError if it lacks a trace."""
    for event in scenario.events:
        if event.at_s is not None and event.step(env.steps, env.control_interval_s) >= env.steps:
            raise ValueError(
                f"event {event.kind} at {event.at_s:g} s never happens, for the run ends after "
                f"{env.steps * env.control_interval_s:g} s: say env.steps=..., or at_share in place of at_s"
            )
    kinds = {event.kind for event in scenario.events}
    undone = {"load": EventKind.STREAMS, "links": EventKind.LINKS, "tenants": EventKind.SLOW_WORKER}
    for pattern, kind in undone.items():
        if getattr(scenario, pattern) is not None and kind in kinds:
            raise ValueError(f"a pattern of {pattern} would undo the events of kind {kind.name}: give one")
    alive = dict.fromkeys(range(n_workers), 1)
    for step, events in sorted(scenario.timeline(env.steps, env.control_interval_s, seed).items()):
        for event in events:
            if event.worker is not None and event.kind in LIVES:
                alive[event.worker] += LIVES[event.kind]
                if alive[event.worker] < 0:
                    raise ValueError(f"worker {event.worker} is to be lost in step {step}, but is gone then")


def slos_of(schema: SlosSchema) -> tuple[Slo, ...]:
    """The objectives. Raises ValueError."""
    return tuple(build(video_slo, slo) for slo in schema.slos)


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

    That is the only grade configured, else the letter in the path's name. Raises ValueError: a path that is
    not there, a grade that does not exist, or one path for several grades.
    """
    grades, weights = tuple(detector.grades), detector.weights or {}
    if isinstance(weights, str):
        grade = grades[0]
        if len(grades) > 1 and Path(weights).exists():
            if (found := GRADE_IN_NAME.search(Path(weights).name)) is None:
                one_of = ", ".join(GRADES)
                raise ValueError(f"which grade is {weights}? Say e.g. detector.grades=[n] (one of {one_of})")
            grade = found[1]
        grades, weights = (grade,), {grade: weights}
    if not isinstance(weights, dict):
        raise ValueError(f"detector.weights must be a path or grade -> path, got {weights!r}")
    if unknown := sorted(set(weights) - set(grades)):
        raise ValueError(f"detector.weights names {unknown}, but detector.grades is {list(grades)}")
    for path in weights.values():
        if not Path(path).exists():
            raise ValueError(f"there are no weights at {path!r} (detector.weights)")
    return grades, {grade: str(Path(path).resolve()) for grade, path in weights.items()}


# --- what detections are, and whether anybody can say how good: decided here alone ---


@dataclass(frozen=True, slots=True)
class Detected:
    """What the detections of a run are, and why, in words."""

    kind: DetectionKind
    why: str
    is_judged: bool = False  # whether a streaming F1 of them can be known, and what settings are worth by it


def detections_of(
    work_type: WorkType, untrained: Sequence[str], has_truth: bool, has_profile: bool
) -> Detected:
    """Decide what the detections of a pipeline are.

    `untrained` are grades of the ladder without trained weights, of workers that compute; `has_truth` says
    whether the source knows what is in its pictures, and when each is due; `has_profile`, whether it is known
    what detections of its scene are worth.
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


def judged(
    config: RunConfig, detected: Detected, ladders: Ladders, slos: Sequence[Slo]
) -> tuple[ElasticitySpec, RunConfig, Detected]:
    """Return what an agent sees of a video stream, whose quality is judged as `qoe` says.

    And the others: where nobody could judge by what is found, it is by the knobs, and they say so. Raises
    ConfigError: the weights are wrong.
    """
    if config.qoe.by in OF_DETECTIONS and not detected.is_judged:
        config = replace(config, qoe=replace(config.qoe, by=Quality.KNOBS))
        detected = replace(detected, why=f"{detected.why}; so quality is judged by the knobs")
    with blaming("qoe"):
        weights, profile = asdict(config.qoe.weights), accuracy_of(config.accuracy)
        return video_spec(ladders, slos, weights, config.qoe.by, profile), config, detected


def drawn_by(profile: StreamProfile, ladders: Ladders, scenario: Scenario) -> Drawn:
    """Return what the collector draws by: F1 of what is fresh, and how the content moves it."""
    return Drawn(
        f1=tuple({px: profile.f1(grade, px, 0.0) for _, px in ladders.sizes} for grade in ladders.grades),
        scene_sd=profile.scene_sd,
        second_sd=profile.second_sd,
        second_correlation=profile.second_correlation,
        offset=None if scenario.content is None else scenario.content.offset,
    )
