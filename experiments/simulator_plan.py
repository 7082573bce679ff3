"""`env=simulator`: a run of the offline simulator."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envs.simulator.system import System
from envs.spec import ElasticitySpec
from envs.video import video_spec
from experiments.complaints import blaming
from experiments.config import FileSchema, RunConfig, TrafficSchema, VideoSchema
from experiments.parts import (
    check_contradictions,
    grades_and_weights,
    hardware_of,
    qoe_weights_of,
    scenario_of,
    slos_of,
)
from experiments.world_config import SimulatorSchema
from pipeline.settings import ladders_for
from pipeline.slos import Slo

if TYPE_CHECKING:
    from envs.simulator.env import SimulatorEnv


@dataclass(frozen=True, slots=True)
class SimulatorPlan:
    """A run of the simulator.

    Attributes:
        spec: what the agent sees.
        system: what is simulated.
        config: for everything else.
    """

    spec: ElasticitySpec
    system: System
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
    """Check a configuration and build what it stands for; a video file is opened, and read if it ends.

    Raises:
        ConfigError: something in it is wrong.
    """
    with blaming("slo"):
        slos = slos_of(config.slo)
    system = system_of(config, env, slos)
    with blaming("slo.qoe_weights"):
        accuracy = system.hardware.accuracy
        spec = video_spec(system.ladders, slos, qoe_weights_of(config.slo), accuracy)
    return SimulatorPlan(spec, system, config)


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
        width, height, fps, length_s = source_of(video)
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
            queue_policy=env.queue_policy,
            queue_bound_s=env.queue_bound_s,
            memory_budget_mb=env.memory_budget_mb,
        )
    with blaming("scenario"):
        check_contradictions(scenario, env, n_workers, config.seed)
    return system


def source_of(video: VideoSchema) -> Source:
    """Size, rate and length of a source. Raises ValueError, SourceError."""
    match video:
        case TrafficSchema():
            return Source(video.width, video.height, video.source_fps, video.length_s)
        case FileSchema():
            return file_source(video.path, video.loop)
        case _:
            raise ValueError(
                "a live source cannot be simulated, for its size and rate are only known while it runs; "
                "say video=traffic or video=file"
            )


def file_source(path: str, loop: bool) -> Source:
    """Of a video file; one that is not looped is read to its end, for a file's own length cannot be trusted.

    Raises:
        SourceError: it cannot be opened or read.
    """
    from pipeline.sources.file import FileSource

    source = FileSource(path, loop)
    try:
        length_s = 0.0
        while not loop and (due_ns := source.peek()) is not None:
            length_s = due_ns * 1e-9 + 1 / source.fps
            source.skip()
        return Source(source.width, source.height, source.fps, length_s)
    finally:
        source.close()
