"""`env=simulator`: a run of the offline simulator."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envs.simulator.system import System
from envs.spec import ElasticitySpec
from experiments.config.schemas import CustomSchema, FileSchema, RunConfig, TrafficSchema, VideoSchema
from experiments.config.world_schemas import SimulatorSchema
from experiments.program.errors import blaming
from experiments.worlds.builders import (
    accuracy_of,
    check_contradictions,
    grades_and_weights,
    hardware_of,
    scenario_of,
    slos_of,
    stream_spec,
    video_arguments,
)
from experiments.worlds.detections import Detected, judged_where_known, simulated_detections
from pipeline.catalogue import SIMULATOR
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


@dataclass(frozen=True, slots=True)
class SimulatorPlan:
    """A run of the simulator.

    Attributes:
        spec: what the agent sees.
        system: what is simulated.
        detections: what their worth is taken from.
        env: for how long, by which limits.
        config: for everything else; its env is the pipeline's in a twin.
    """

    spec: ElasticitySpec
    system: System
    detections: Detected
    env: SimulatorSchema
    config: RunConfig

    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> "SimulatorEnv":
        """The environment; it leaves nothing in `directory`."""
        on_progress("the simulator is compiled, if it has not been before")
        from envs.simulator.env import SimulatorEnv

        return SimulatorEnv(self.spec, [self.system])


class Source(NamedTuple):
    """What the simulator must know of a stream's source; sizes in px, length 0 = endless."""

    width: int
    height: int
    fps: float
    length_s: float


def plan_simulator(config: RunConfig, env: SimulatorSchema) -> SimulatorPlan:
    """Check a configuration and build what it stands for; a video is opened where only that tells its length.

    Raises:
        ConfigError: something in it is wrong.
    """
    with blaming("slo"):
        slos = slos_of(config.slo)
        check_known(slos, SIMULATOR, has_truth=config.accuracy is not None)
    system = system_of(config, env, slos)
    detected = simulated_detections(system.accuracy is not None)
    config, detected = judged_where_known(config, detected)
    spec = stream_spec(config, system.ladders, slos)
    return SimulatorPlan(spec, system, detected, env, config)


def system_of(config: RunConfig, env: SimulatorSchema, slos: tuple[Slo, ...]) -> System:
    """What is simulated. Raises ConfigError."""
    with blaming("scenario"):
        scenario = scenario_of(config.scenario)
    with blaming("hardware"):
        hardware = hardware_of(config.hardware).emulated()
        n_workers = hardware.with_capacities(scenario.capacities).n_workers
    with blaming("scenario"):
        scenario.check(n_workers, [slo.metric for slo in slos])
    with blaming("detector"):
        grades, _ = grades_and_weights(config.detector)
        hardware.check_grades(grades)
    video = config.video
    with blaming(f"video {video.source}"):
        span_s = env.steps * env.control_interval_s
        width, height, fps, length_s = source_of(video, config.seed, span_s)
        levels = video.fps_levels or None, video.heights_px or None
        ladders = ladders_for(width, height, fps, grades, *levels)
    with blaming("env"):
        system = System(
            ladders=ladders,
            source_size=(width, height),
            source_fps=fps,
            source_length_s=length_s,
            hardware=hardware,
            scenario=scenario,
            steps=env.steps,
            control_interval_s=env.control_interval_s,
            initial_levels=env.initial_levels,
            decision_ms=env.decision_ms,
            return_frames=config.output.video,
            loading_mode=config.detector.loading_mode,
            binding=env.binding,
            hand_out=env.hand_out,
            queue_policy=env.queue_policy,
            queue_bound_s=env.queue_bound_s,
            memory_budget_mb=env.memory_budget_mb,
            accuracy=accuracy_of(config.accuracy),
        )
    with blaming("scenario"):
        check_contradictions(scenario, env, n_workers, config.seed)
    return system


def source_of(video: VideoSchema, seed: int, span_s: float) -> Source:
    """Size, rate and length of a source.

    Args:
        video: what it is.
        seed: of the run.
        span_s: of the run, in s; a source that lasts longer may be endless.

    Raises:
        ValueError, SourceError: it cannot be simulated, opened or read.
    """
    match video:
        case TrafficSchema():
            return Source(video.width, video.height, video.source_fps, video.length_s)
        case FileSchema():
            return file_source(video.path, video.loop)
        case CustomSchema():
            return opened_source(ProducerOptions(**video_arguments(video)), seed, span_s)
        case _:
            raise ValueError(LIVE)


def file_source(path: str, loop: bool) -> Source:
    """Of a video file; one that is not looped is read to its end, for a file's own length cannot be trusted.

    Raises:
        SourceError: it cannot be opened or read.
    """
    from pipeline.sources.file import FileSource

    source = FileSource(path, loop)
    try:
        length_s = 0.0 if loop else length_of(source, math.inf)
        return Source(source.width, source.height, source.fps, length_s)
    finally:
        source.close()


def opened_source(options: ProducerOptions, seed: int, span_s: float) -> Source:
    """Of a source that tells only when it is open; passed over to its end, or for so long in its own time.

    Raises:
        ValueError: it is a live one.
        SourceError: it cannot be opened or read.
    """
    from pipeline.sources.opening import open_source

    source = open_source(options)
    try:
        if source.is_live:
            raise ValueError(LIVE)
        source.restart(seed)
        return Source(source.width, source.height, source.fps, length_of(source, span_s))
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
