"""`env=pipeline`: a run of the real pipeline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from envs.cluster import Cluster
from envs.energy import open_sensor
from envs.guards import Guards
from envs.hardware import Hardware
from envs.pipeline_env import PipelineEnv
from envs.pipeline_world import check_scenario
from envs.scenario import Scenario
from envs.video import ladders_of, worst_weights
from experiments.config.derived import build
from experiments.config.schemas import DetectionsFile, PipelineSchema, RunConfig
from experiments.program.console import counted
from experiments.program.errors import blaming
from experiments.program.files import write_whole
from experiments.worlds import builders
from experiments.worlds.builders import Detected, Plan
from pipeline.allowance import usable_cores
from pipeline.catalogue import EMULATED, NATIVE
from pipeline.cluster import LocalCluster
from pipeline.content import Swing
from pipeline.control import ControlClient
from pipeline.messages import DetectionKind, Drawn, Status, Weights, WorkType
from pipeline.options import CollectorOptions, ProducerOptions, SourceKind
from pipeline.remote import RemoteCluster
from pipeline.restarts import RestartBudget
from pipeline.scoring.truth import is_known
from pipeline.settings import Ladders, ladders_for
from pipeline.slos import Slo, check_known
from pipeline.sources.opening import open_source
from pipeline.worker.weights import TASKS, are_at_hand

LIMITS = ("binding", "hand_out", "queue_policy", "queue_bound_s", "memory_budget_mb", "keys")
DRAWN = "detections.json"  # beside the workers' service times: what detections are drawn by


@dataclass(frozen=True, slots=True)
class PipelinePlan(Plan):
    """A run of the real pipeline."""

    producer: ProducerOptions  # endpoints are the cluster's to choose
    drawn: Drawn | None  # what detections are drawn by; None unless they are emulated here
    hardware: Hardware
    scenario: Scenario
    env: PipelineSchema

    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> PipelineEnv:
        """The environment; its programs start with the first reset, and log to `directory`."""
        budget = RestartBudget(self.env.restarts, self.env.restarts_within_s)
        return PipelineEnv(
            self.spec,
            lambda: self._cluster(directory, budget),
            self.env.steps,
            self.env.control_interval_s,
            self.scenario,
            self.env.initial_levels,
            self.env.ready_timeout_s,
            on_progress,
            None if self.env.control else self.hardware,
            open_sensor() if self.hardware.is_native and not self.env.control else None,
            Guards(**vars(self.env.guards)),
            self.env.shadow,
        )

    @property
    def caveat(self) -> str:
        """Whether workers that compute here share cores, and measure each other."""
        n_threads, n_cores = sum(worker.threads for worker in self.hardware.workers), len(usable_cores())
        if self.env.control or not self.hardware.is_native or n_threads <= n_cores:
            return ""
        return (
            f"workers compute in {counted(n_threads, 'thread')}, and may use {counted(n_cores, 'core')} here "
            "(of the host's, what affinity and a container's quota leave): they wait for each other"
        )

    @property
    def has_golden(self) -> bool:
        """Whether the highest grade is to say what was there: nobody else knows, and it is trained."""
        producer, is_asked = self.producer, self.config.output.golden_share > 0
        is_file = producer.source is SourceKind.FILE and not producer.truth
        is_real = self.detections.kind is DetectionKind.REAL
        return is_asked and is_file and is_real and producer.work_type is WorkType.YOLO_DETECTION

    def outputs(self, directory: Path) -> CollectorOptions:
        """Where the collector writes the stream."""
        wanted = self.config.output
        detections = wanted.detections or (DetectionsFile.PARQUET if self.has_golden else "")
        return CollectorOptions(
            video=str(directory / "output.mp4") if wanted.video else "",
            detections=str(directory / f"detections.{detections}") if detections else "",
            kind=self.detections.kind,
            outlines=wanted.outlines,
        )

    def _cluster(self, directory: Path, budget: RestartBudget) -> Cluster:
        if self.env.control:
            return RemoteCluster(self.env.control, self.env.n_workers, self.env.keys)
        devices, producer = directory / "devices", self.producer
        workers = self.hardware.worker_options(devices, usable_cores(), self.config.seed)
        if self.drawn is not None:
            devices.mkdir(parents=True, exist_ok=True)
            write_whole(devices / DRAWN, msgspec.json.encode(self.drawn))
            producer = replace(producer, drawn=str(devices / DRAWN))
        return LocalCluster(producer, self.outputs(directory), workers, directory / "logs", budget=budget)


def plan_pipeline(config: RunConfig, env: PipelineSchema) -> PipelinePlan:
    """Check a configuration and build what it stands for; starts no process, but opens the source once.

    Raises ConfigError: something in it is wrong.
    """
    with blaming("scenario"):
        scenario = build(Scenario, config.scenario)
    with blaming("hardware"):
        hardware = builders.hardware_of(config.hardware).with_capacities(scenario.capacities)
        hardware = hardware.emulated() if env.emulate else hardware
    with blaming("slo"):
        slos = builders.slos_of(config.slo)
    with blaming("scenario"):
        n_workers = 0 if env.control else hardware.n_workers
        check_scenario(scenario, n_workers, slos)
    with blaming("video, detector or env"):
        producer = producer_options(config, env, hardware, slos)
    with blaming("accuracy"):
        profile = builders.accuracy_of(config.accuracy)
    drawn = None
    if env.control:
        with blaming("env.control"), ControlClient(env.control, keys=env.keys) as client:
            status = client.status()
            ladders = ladders_of(status)
        detected = detected_elsewhere(status, profile is not None)
    else:
        with blaming(f"video {producer.source}"):
            ladders = source_ladders(producer)
        detected = detected_here(producer, slos, profile is not None)
        if profile is not None and detected.kind is DetectionKind.EMULATED:
            drawn = builders.drawn_by(profile, ladders, scenario)
    judged = builders.judged(config, detected, ladders, slos)
    plan = PipelinePlan(*judged, producer, drawn, hardware, scenario, env)
    with blaming("env"):
        plan.make_env(Path(), lambda _: None)  # it checks its own arguments, and starts nothing
    with blaming("scenario"):
        builders.check_contradictions(scenario, env, n_workers, config.seed)
    return plan


def detected_here(producer: ProducerOptions, slos: Sequence[Slo], has_profile: bool) -> Detected:
    """Of a pipeline that is started for the run. Raises ConfigError: an SLO asks for what nobody can know."""
    work, weights, has_truth = producer.work_type, producer.weights, is_known(producer)
    computed = producer.grades if work in TASKS else ()
    untrained = [grade for grade in computed if not are_at_hand(work, grade, weights.get(grade))]
    detected = builders.detections_of(work, untrained, has_truth, has_profile)
    catalogue = NATIVE if detected.kind is DetectionKind.REAL else EMULATED
    with blaming("slo"):
        check_known(slos, catalogue, has_truth and detected.kind is not DetectionKind.NONE)
    return detected


def detected_elsewhere(status: Status, has_profile: bool) -> Detected:
    """Of a pipeline that runs already: whether its workers' detections are real is theirs to say."""
    if status.draws:
        return Detected(DetectionKind.EMULATED, "the pipeline draws them from the truth", has_profile)
    if status.workers and worst_weights(status) is Weights.TRAINED:
        return Detected(DetectionKind.REAL, "its workers have trained weights", has_profile)
    return Detected(DetectionKind.NONE, "its workers have no trained weights, or are not there yet")


def producer_options(
    config: RunConfig, env: PipelineSchema, hardware: Hardware, slos: tuple[Slo, ...]
) -> ProducerOptions:
    """What the producer is told. Raises ValueError."""
    detector = config.detector
    grades, weights = builders.grades_and_weights(detector)
    if not hardware.is_native:
        weights = {}  # nothing is computed
        hardware.check_grades(grades)
    elif detector.work_type is WorkType.EMULATED:
        raise ValueError("detector.work_type is EMULATED, but the hardware computes: say env.emulate=true")
    content = build(Scenario, config.scenario).content
    if content is not None and config.video.source is not SourceKind.TRAFFIC:
        raise ValueError(
            f"scenario.content moves the traffic of video=traffic, and {config.video.source} has none"
        )
    return ProducerOptions(
        **builders.video_arguments(config.video),
        seed=config.seed,
        streams=config.scenario.streams,
        density=swing_of(content and content.density),
        fog=swing_of(content and content.fog),
        pace=1.0 if config.accuracy is None else config.accuracy.pace,
        grades=grades,
        weights=weights,
        work_type=hardware.work_type(detector.work_type),
        loading_mode=detector.loading_mode,
        **{name: getattr(env, name) for name in LIMITS},
        slos=tuple(slo.text for slo in slos),
    )


def swing_of(swing: Swing | None) -> tuple[float, ...]:
    """As the producer takes it; nothing, if there is none."""
    return () if swing is None else (swing.low, swing.high, swing.period_s)


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
