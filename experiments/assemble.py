"""From a configuration to what it stands for; what a user can get wrong is found here, before any process."""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.hardware import Device, GradeTimes, Hardware, usable_cores
from envs.pipeline_env import PipelineEnv
from envs.scenario import Event, Scenario
from envs.spec import ElasticitySpec
from envs.video import ladders_of, video_spec
from experiments.config import DetectorSchema, HardwareSchema, RunConfig, ScenarioSchema, VideoSchema
from pipeline.cluster import Cluster, LocalCluster
from pipeline.control import ControlClient, ControlError
from pipeline.messages import WorkType
from pipeline.options import CollectorOptions, ProducerOptions, SourceKind
from pipeline.remote import RemoteCluster
from pipeline.settings import GRADES, Ladders, ladders_for
from pipeline.slos import Slo, video_slo
from pipeline.sources.base import SourceError
from pipeline.sources.opening import open_source

GRADE_IN_NAME = re.compile(r"yolo(?:v?\d+)([nsmlx])(?![a-z])")  # yolo11n.pt, yolo11n_int8_openvino_model


class ConfigError(Exception):
    """The configuration cannot be carried out; one sentence says which part of it, and why."""


@contextlib.contextmanager
def blaming(part: str) -> Iterator[None]:
    """Turn what is wrong with values into a ConfigError that names their part of the configuration."""
    try:
        yield
    except (ValueError, SourceError, ControlError, OSError) as error:
        raise ConfigError(f"{part}: {error}") from error


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, ready to be carried out.

    Attributes:
        spec: what the agent sees.
        producer: options of the producer; endpoints are the cluster's to choose.
        hardware, scenario: the workers, and what happens to them.
        config: for everything else.
    """

    spec: ElasticitySpec
    producer: ProducerOptions
    hardware: Hardware
    scenario: Scenario
    config: RunConfig

    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> PipelineEnv:
        """The environment; its programs start with the first reset, and log to `directory`."""
        env = self.config.env
        return PipelineEnv(
            self.spec,
            lambda: self._cluster(directory),
            env.steps,
            env.control_interval_s,
            self.scenario,
            env.initial_levels,
            env.ready_timeout_s,
            on_progress,
        )

    def outputs(self, directory: Path) -> CollectorOptions:
        """Where the collector writes the stream."""
        wanted = self.config.output
        detections = wanted.detections
        return CollectorOptions(
            video=str(directory / "output.mp4") if wanted.video else "",
            detections=str(directory / f"detections.{detections}") if detections else "",
        )

    def _cluster(self, directory: Path) -> Cluster:
        env, seed = self.config.env, self.config.seed
        if env.control:
            return RemoteCluster(env.control, env.n_workers)
        workers = self.hardware.worker_options(directory / "devices", usable_cores(), seed)
        return LocalCluster(self.producer, self.outputs(directory), workers, directory / "logs")


def assemble(config: RunConfig) -> Plan:
    """Check a configuration and build what it stands for; starts no process, but opens the source once.

    Raises:
        ConfigError: something in it is wrong.
    """
    with blaming("hardware"):
        hardware = hardware_of(config.hardware)
    with blaming("scenario"):
        scenario = scenario_of(config.scenario)
        scenario.check_workers(hardware.n_workers)
    with blaming("slo"):
        slos = tuple(video_slo(slo.metric, slo.threshold, slo.warn_at, slo.sense) for slo in config.slo.slos)
    with blaming("video, detector or env"):
        producer = producer_options(config, hardware, slos)
    with blaming("env.control" if config.env.control else f"video {producer.source}"):
        ladders = remote_ladders(config.env.control) if config.env.control else source_ladders(producer)
    with blaming("slo.qoe_weights"):
        spec = video_spec(ladders, slos, dataclasses.asdict(config.slo.qoe_weights))
    plan = Plan(spec, producer, hardware, scenario, config)
    with blaming("env"):
        plan.make_env(Path(), lambda _: None)  # it checks its own arguments, and starts nothing
    return plan


def hardware_of(schema: HardwareSchema) -> Hardware:
    """The workers. Raises ValueError."""
    devices = []
    for device in schema.devices:
        times = {grade: GradeTimes(t.ms, t.origin, t.source) for grade, t in device.times.items()}
        devices.append(
            Device(
                count=device.count,
                pinned=device.pinned,
                threads=device.threads,
                capacity=device.capacity,
                times=times,
                sigma=device.sigma,
            )
        )
        if times:
            devices[-1].service_times()  # checks sizes, grades and times
    return Hardware(tuple(devices))


def scenario_of(schema: ScenarioSchema) -> Scenario:
    """What happens. Raises ValueError."""
    events = tuple(Event(event.kind, event.value, event.at_s, event.at_share) for event in schema.events)
    return Scenario(schema.streams, events)


def producer_options(config: RunConfig, hardware: Hardware, slos: tuple[Slo, ...]) -> ProducerOptions:
    """What the producer is told. Raises ValueError."""
    detector, env = config.detector, config.env
    grades, weights = grades_and_weights(detector)
    if hardware.is_emulated:
        weights = {}  # nothing is computed
    elif detector.work_type is WorkType.EMULATED:
        raise ValueError(
            "detector.work_type is EMULATED, but the hardware computes: say hardware=emulated_rpi5"
        )
    return ProducerOptions(
        **video_arguments(config.video),
        seed=config.seed,
        streams=config.scenario.streams,
        grades=grades,
        weights=weights,
        work_type=hardware.work_type(detector.work_type),
        loading_mode=detector.loading_mode,
        queue_policy=env.queue_policy,
        queue_bound_s=env.queue_bound_s,
        memory_budget_mb=env.memory_budget_mb,
        slos=tuple(slo_text(slo) for slo in slos),
    )


def video_arguments(schema: VideoSchema) -> dict[str, Any]:
    """Of `ProducerOptions`: lists become tuples, and a file's path holds from any directory."""
    arguments: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in dataclasses.asdict(schema).items()
    }
    if schema.source is SourceKind.FILE:
        arguments["path"] = str(Path(arguments["path"]).resolve())
    return arguments


def slo_text(slo: Slo) -> str:
    """As `pipeline.slos.parse_slo` reads it."""
    sign = {"at_most": "<=", "at_least": ">="}[slo.sense]
    return f"{slo.metric}{sign}{slo.threshold!r}@{slo.warn_at!r}"


def grades_and_weights(detector: DetectorSchema) -> tuple[tuple[str, ...], dict[str, str]]:
    """The ladder of grades, and absolute paths by grade; a single path leaves a ladder of one.

    Raises:
        ValueError: a path that is not there, a grade that does not exist, or one path for several grades.
    """
    grades, weights = tuple(detector.grades), detector.weights or {}
    if isinstance(weights, str):
        check_path(weights)
        grades = (grade_of(weights, grades),)
        weights = {grades[0]: weights}
    if not isinstance(weights, dict):
        raise ValueError(f"detector.weights must be a path or grade -> path, got {weights!r}")
    if unknown := sorted(set(weights) - set(grades)):
        raise ValueError(f"detector.weights names {unknown}, but detector.grades is {list(grades)}")
    for path in weights.values():
        check_path(path)
    return grades, {grade: str(Path(path).resolve()) for grade, path in weights.items()}


def check_path(path: str) -> None:
    """Raise ValueError unless there is something at a path for weights."""
    if not Path(path).exists():
        raise ValueError(f"there are no weights at {path!r} (detector.weights)")


def grade_of(path: str, grades: tuple[str, ...]) -> str:
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


def source_ladders(options: ProducerOptions) -> Ladders:
    """The ladders that a producer with these options will have. Raises ValueError, SourceError."""
    width, height, fps = options.width, options.height, options.source_fps
    if options.source is not SourceKind.TRAFFIC:
        source = open_source(options)
        try:
            width, height, fps = source.width, source.height, source.fps
        finally:
            source.close()
    return ladders_for(
        width, height, fps, options.grades, options.fps_levels or None, options.heights_px or None
    )


def remote_ladders(endpoint: str) -> Ladders:
    """The ladders of a producer that runs already. Raises ControlError."""
    with ControlClient(endpoint) as client:
        return ladders_of(client.status())
