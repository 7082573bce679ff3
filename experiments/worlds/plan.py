"""From a configuration to a run that can begin, and to its simulated twin, whose future can be calculated.

What a user can get wrong is found here, before any process. The pipeline has a module of its own, imported
for its runs only; a replayed data set brings its own knobs and SLOs.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from agents.base import Agent
from agents.clairvoyant import Clairvoyant
from envs.replay.env import Replay
from envs.replay.videostreamenv import DataSet, read_data_set
from envs.scenario import Scenario
from envs.simulator.system import System
from experiments.config.derived import build
from experiments.config.schemas import (
    FileSchema,
    LiveSchema,
    PipelineSchema,
    ReplaySchema,
    RunConfig,
    SimulatorSchema,
    StreamEnvSchema,
    TrafficSchema,
    VideoSchema,
)
from experiments.program.errors import ConfigError, blaming
from experiments.worlds import builders
from experiments.worlds.builders import Detected, Plan
from pipeline.catalogue import SIMULATOR
from pipeline.messages import DetectionKind
from pipeline.options import ProducerOptions
from pipeline.settings import ladders_for
from pipeline.slos import Slo, check_known
from pipeline.sources.base import Source as PictureSource

if TYPE_CHECKING:
    from envs.simulator.env import SimulatorEnv

LIVE = (
    "a live source cannot be simulated, for its size and rate are only known while it runs; "
    "say video=traffic or video=file"
)


def plan_run(config: RunConfig) -> Plan:
    """Check a configuration and build what it stands for; starts no process, but opens a file once.

    Raises ConfigError: something in it is wrong.
    """
    match config.env:
        case PipelineSchema() as env:
            if sys.platform != "linux" and not env.control:
                raise ConfigError("env=pipeline needs Linux to start its programs: say env=simulator")
            from experiments.worlds.pipeline import plan_pipeline

            return plan_pipeline(config, env)
        case SimulatorSchema() as env:
            return plan_simulator(config, env)
        case ReplaySchema() as env:
            return plan_replay(config, env)
        case _:
            raise TypeError(f"no world has the schema {type(config.env).__name__}")


def twin_of(plan: Plan) -> Plan:
    """Return the simulated twin of what is planned; what is not of the pipeline is its own."""
    return plan_twin(plan.config) if isinstance(plan.config.env, PipelineSchema) else plan


def plan_twin(config: RunConfig) -> Plan:
    """Plan a run of the pipeline in the simulator, where thinking takes no time; any other as it is.

    Raises ConfigError: the pipeline runs elsewhere, or the simulator cannot have its like.
    """
    if not isinstance(config.env, PipelineSchema):
        return plan_run(config)
    if config.env.control:
        raise ConfigError("env.control: a pipeline that runs already has no simulated twin")
    env = simulated(config.env)
    return plan_simulator(replace(config, env=env), env)


def simulated(env: PipelineSchema) -> SimulatorSchema:
    """Return the simulator's options where the pipeline has these."""
    shared = {field.name: getattr(env, field.name) for field in fields(StreamEnvSchema)}
    return SimulatorSchema(**shared, decision_ms=0.0)


def show_world(agent: Agent, plan: Plan, say: Callable[[str], None] = lambda _: None) -> None:
    """Show the run's world, or its twin, to an agent that must see it before its first episode.

    Raises ConfigError: there is none that can be calculated in advance.
    """
    if isinstance(agent, Clairvoyant):
        with blaming("agent"):
            agent.look(twin_of(plan).make_env(Path(), say))


# --- env=replay: a run of a published data set ---


@dataclass(frozen=True, slots=True)
class ReplayPlan(Plan):
    """A run of the replay world, and what is replayed."""

    data: DataSet

    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> Replay:
        """Make the environment; it leaves nothing in `directory`."""
        env, scenario = self.config.env, build(Scenario, self.config.scenario)
        return self.data.world(env.steps, env.control_interval_s, scenario, env.initial_levels)


def plan_replay(config: RunConfig, env: ReplaySchema) -> ReplayPlan:
    """Check a configuration, and read the data set; video, detector, hardware and slo have no say in it.

    Raises ConfigError: something in it is wrong.
    """
    with blaming("env.path"):
        data = read_data_set(Path(env.path))
    detected = Detected(DetectionKind.NONE, "a data set of what was measured is replayed")
    plan = ReplayPlan(data.spec, config, detected, data)
    with blaming("env or scenario"):
        plan.make_env(Path(), lambda _: None)  # it checks its own arguments
    return plan


# --- env=simulator: a run of the offline simulator ---


@dataclass(frozen=True, slots=True)
class SimulatorPlan(Plan):
    """A run of the simulator, and what is simulated."""

    system: System

    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> "SimulatorEnv":
        """The environment; it leaves nothing in `directory`."""
        on_progress("the simulator is compiled, if it has not been before")
        from envs.simulator.env import SimulatorEnv

        return SimulatorEnv(self.spec, [self.system])


def plan_simulator(config: RunConfig, env: SimulatorSchema) -> SimulatorPlan:
    """Check a configuration and build what it stands for; a video is opened where only that tells its length.

    Raises ConfigError: something in it is wrong.
    """
    with blaming("slo"):
        slos = builders.slos_of(config.slo)
        check_known(slos, SIMULATOR, has_truth=config.accuracy is not None)
    system = system_of(config, env, slos)
    detected = Detected(DetectionKind.NONE, "the simulator has no profile of the stream")
    if system.accuracy is not None:
        why = "what they are worth is calculated from the profile of the stream"
        detected = Detected(DetectionKind.EMULATED, why, is_judged=True)
    return SimulatorPlan(*builders.judged(config, detected, system.ladders, slos), system)


def system_of(config: RunConfig, env: SimulatorSchema, slos: tuple[Slo, ...]) -> System:
    """What is simulated. Raises ConfigError."""
    with blaming("scenario"):
        scenario = build(Scenario, config.scenario)
    with blaming("hardware"):
        hardware = builders.hardware_of(config.hardware).emulated()
        n_workers = hardware.with_capacities(scenario.capacities).n_workers
    with blaming("scenario"):
        scenario.check(n_workers, [slo.metric for slo in slos])
    with blaming("detector"):
        grades, _ = builders.grades_and_weights(config.detector)
        hardware.check_grades(grades)
    video = config.video
    with blaming(f"video {video.source}"):
        span_s = env.steps * env.control_interval_s
        size, fps, length_s = source_of(video, config.seed, span_s)
        ladders = ladders_for(*size, fps, grades, video.fps_levels or None, video.heights_px or None)
    with blaming("env"):
        system = System(
            ladders=ladders,
            source_size=size,
            source_fps=fps,
            source_length_s=length_s,
            hardware=hardware,
            scenario=scenario,
            return_frames=config.output.video,
            loading_mode=config.detector.loading_mode,
            accuracy=builders.accuracy_of(config.accuracy),
            **vars(env),
        )
    with blaming("scenario"):
        builders.check_contradictions(scenario, env, n_workers, config.seed)
    return system


def source_of(video: VideoSchema, seed: int, span_s: float) -> tuple[tuple[int, int], float, float]:
    """Return a source's width and height in px; frames/s; length in s, 0 = endless.

    It is opened if only that tells. A file that is not looped is read to its end, for a file's own length
    cannot be trusted; a source of somebody else's that lasts longer than the run, `span_s`, may be endless.
    Raises ValueError, SourceError: it cannot be simulated, opened or read.
    """
    if isinstance(video, TrafficSchema):
        return (video.width, video.height), video.source_fps, video.length_s
    if isinstance(video, LiveSchema):
        raise ValueError(LIVE)
    from pipeline.sources.opening import open_source

    source = open_source(ProducerOptions(**builders.video_arguments(video)))
    try:
        if source.is_live:
            raise ValueError(LIVE)
        length_s = 0.0
        if not (isinstance(video, FileSchema) and video.loop):
            source.restart(seed)
            length_s = length_of(source, math.inf if isinstance(video, FileSchema) else span_s)
        return (source.width, source.height), source.fps, length_s
    finally:
        source.close()


def length_of(source: PictureSource, span_s: float) -> float:
    """How long a source lasts from here on, in s; 0 = longer than `span_s`, in its own time."""
    length_s = 0.0
    while length_s <= span_s:
        due_ns = source.peek()
        if due_ns is None:
            return length_s
        length_s = due_ns * 1e-9 + 1 / source.fps
        source.skip()
    return 0.0
