"""One call of the program: what is measured, whether it can be, and where its profile goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich.console import Console

from envs.accuracy import StreamProfile
from envs.hardware import Hardware
from experiments.calibration import accuracy
from experiments.calibration.measuring import measure, n_parts
from experiments.calibration.profile import cells_table, profile_of, source_text, to_yaml
from experiments.config.programs import CalibrateConfig
from experiments.config.schemas import CONF, PipelineSchema, unrecorded
from experiments.execution.this_machine import LOCAL, own_profile
from experiments.program.console import ProgressView
from experiments.program.errors import ConfigError, blaming
from experiments.program.files import write_whole
from experiments.worlds.builders import accuracy_of
from experiments.worlds.pipeline import PipelinePlan, plan_pipeline, source_ladders
from pipeline.messages import WorkType
from pipeline.options import SourceKind

HARDWARE, ACCURACY = "hardware", "accuracy"  # what is measured
PROFILE, FRAMES, LOOKED = "profile.yaml", "frames.parquet", "looked.csv"  # in the call's directory


@dataclass(frozen=True)
class Calibration:
    """What is asked for.

    Attributes:
        config: of the call.
        choices: the option chosen of each group.
    """

    config: CalibrateConfig
    choices: Mapping[str, str]

    @property
    def is_of_stream(self) -> bool:
        """Whether it is not the hardware that is measured, but what detections are worth."""
        return self.config.what == ACCURACY

    @property
    def option(self) -> str:
        """The option of conf/ that is measured, a video's or hardware's."""
        return self.choices["video" if self.is_of_stream else "hardware"]

    @cached_property
    def plan(self) -> PipelinePlan:
        """The pipeline that is measured. Raises ConfigError."""
        config, env = self.config, self.config.env
        if not isinstance(env, PipelineSchema) or env.control:
            raise ConfigError("env: calibration starts a pipeline of its own; leave env=pipeline as it is")
        run = unrecorded(config, config.seed, config.hardware, config.scenario)
        return plan_pipeline(run, env)

    @property
    def profile_path(self) -> Path:
        """Where the profile goes.

        Raises:
            ConfigError: it would hide what was not measured here, or a video of one's own has no name.
        """
        if self.config.profile is not None:
            return Path(self.config.profile)
        if self.is_of_stream:
            if self.option == "file":
                raise ConfigError("profile: what is the scene called? Say profile=conf/accuracy/NAME.yaml")
        elif not self.plan.hardware.is_native:
            raise ConfigError(
                f"profile: hardware={self.option} does not compute, so its own figures are not "
                "replaced by measured ones; say profile=FILE"
            )
        elif self.option == LOCAL:
            return own_profile(Path(self.config.results))
        return CONF / self.config.what / f"{self.option}.yaml"

    def check(self) -> None:
        """Raise ConfigError for what would only be found out after minutes."""
        producer = self.plan.producer
        if self.config.what not in (HARDWARE, ACCURACY):
            raise ConfigError(f"what must be hardware or accuracy, got {self.config.what!r}")
        if self.is_of_stream:
            if producer.work_type is not WorkType.YOLO_DETECTION:
                raise ConfigError("detector: accuracy is that of detections; say detector=yolo11")
            if producer.source is not SourceKind.TRAFFIC and not producer.truth:
                raise ConfigError(
                    "video.truth: accuracy is measured where the truth is known, traffic or a MOT file"
                )
        _ = self.profile_path


def execute(session: Calibration, directory: Path, console: Console) -> None:
    """Measure what was checked, inside a `hydra.main`; `directory` is this call's own.

    Raises:
        ConfigError: something cannot be carried out.
        ClusterError, ControlError, MeasuringError, SourceError: something broke.
    """
    path = session.profile_path
    if session.is_of_stream:
        title = f"What detections of {path.stem} are worth, as measured."
        profile, how = _measure_stream(session, directory, console)
    else:
        title = f"Hardware {session.option}, as measured."
        profile, how = _measure_hardware(session, directory, console)
    text = to_yaml(profile, session.config.what, title, how)
    path.parent.mkdir(parents=True, exist_ok=True)
    for target in (directory / PROFILE, path):
        write_whole(target, text)
    console.print(f"profile written to {path}")


def _measure_hardware(session: Calibration, directory: Path, console: Console) -> tuple[Hardware, str]:
    """Return the profile of the hardware, and how it was measured, in words."""
    config, plan = session.config, session.plan
    ladders = source_ladders(plan.producer)
    with ProgressView(console, config.live, "calibration", n_parts(ladders), "parts") as view:
        measured = measure(plan, ladders, config.grid, directory, view)
    measured.frames.to_parquet(directory / FRAMES)
    with blaming("what was measured"):
        profile = profile_of(plan.hardware, measured, source_text())
    console.print(cells_table(measured, plan.hardware.n_workers))
    work = "emulated" if plan.producer.work_type is WorkType.EMULATED else plan.producer.work_type.value
    return profile, (
        f"Work {work}, {plan.hardware.n_workers} workers, video {config.video.source.value}, "
        f"{config.grid.seconds:g} s per grade and size "
        f"at {config.grid.busy:.0%} load or the video's own rate."
    )


def _measure_stream(session: Calibration, directory: Path, console: Console) -> tuple[StreamProfile, str]:
    """Return what detections are worth, and what was looked at, in words."""
    config, producer = session.config, session.plan.producer
    looked = accuracy.look(session.plan, config.scenes, console, config.live)
    looked.to_csv(directory / LOOKED, index=False)
    source_fps, before = source_ladders(producer).fps[-1], accuracy_of(config.accuracy)
    profile = accuracy.profile_of(looked, source_fps, session.profile_path.stem, source_text(), before)
    console.print(accuracy.f1_table(profile))
    return profile, accuracy.said(looked, producer.classes)
