"""One call of the program: calibrate, validate, or both, and leave a record of it."""

import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.calibration.measuring import calibrate, n_parts
from experiments.calibration.profile import Measured, profile_of, source_text, to_yaml
from experiments.calibration.report import cells_table, figures_table, settings_table, shares_table
from experiments.calibration.validation import check_validation, validate
from experiments.config.programs import CalibrateConfig
from experiments.config.schemas import CONF
from experiments.config.world_schemas import HardwareSchema, PipelineSchema
from experiments.execution.own_hardware import LOCAL, own_profile
from experiments.program.console import ProgressView
from experiments.program.errors import ConfigError, blaming
from experiments.program.files import write_whole
from experiments.runs.identity import Identity, identify
from experiments.runs.provenance import digest, machine, releases
from experiments.runs.record import CONFIG, RunStatus
from experiments.tracking.facts import params_in, summary_figures, summary_tags
from experiments.tracking.store import Store as MlflowStore
from experiments.tracking.store import in_a_sentence, run_name, store_errors, tracking_uri
from experiments.worlds.pipeline import PipelinePlan, plan_pipeline, source_ladders
from pipeline.messages import WorkType
from pipeline.options import SourceKind

logger = logging.getLogger(__name__)

HARDWARE, ACCURACY = "hardware", "accuracy"  # what is measured
PROFILE, MEASURED = "profile.yaml", "measured.json"
MEASURED_PARTS = ("what", "seed", "video", "detector", "env", "hardware", "grid", "scenes")  # of the config

Found = TypeVar("Found")


@dataclass(frozen=True)
class Calibration:
    """What is asked for.

    Attributes:
        cfg: composed of `conf/calibrate.yaml`.
        config: the same as values of the schemas.
        choices: the option chosen of each group.
    """

    cfg: DictConfig
    config: CalibrateConfig
    choices: Mapping[str, str]

    @property
    def is_of_stream(self) -> bool:
        """Whether it is not the hardware that is measured, but what detections are worth."""
        return self.config.what == ACCURACY

    @property
    def group(self) -> str:
        """The group of the configuration whose option is measured."""
        return "video" if self.is_of_stream else "hardware"

    @property
    def calibrates(self) -> bool:
        """Whether a profile is made."""
        return not self.config.validate or self.config.validation.calibrate

    @cached_property
    def plan(self) -> PipelinePlan:
        """The pipeline that is measured. Raises ConfigError."""
        env = self.config.env
        if not isinstance(env, PipelineSchema) or env.control:
            raise ConfigError("env: calibration starts a pipeline of its own; leave env=pipeline as it is")
        return plan_pipeline(self.config, env)

    @property
    def profile_path(self) -> Path:
        """Where the profile goes.

        Raises:
            ConfigError: it would hide what was not measured here, or a video of one's own has no name.
        """
        if self.config.profile is not None:
            return Path(self.config.profile)
        name = self.choices[self.group]
        if self.is_of_stream:
            if name == "file":
                raise ConfigError("profile: what is the scene called? Say profile=conf/accuracy/NAME.yaml")
        elif not self.plan.hardware.is_native:
            raise ConfigError(
                f"profile: hardware={name} does not compute, so its own figures are not "
                "replaced by measured ones; say profile=FILE"
            )
        elif name == LOCAL:
            return own_profile(Path(self.config.results))
        return CONF / self.config.what / f"{name}.yaml"

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
        elif self.config.validate:
            with blaming("validation"):
                check_validation(self.config)
        if self.is_of_stream or self.calibrates:
            _ = self.profile_path

    @property
    def unfinished(self) -> Path:
        """What an interrupted call leaves, to be found by one that asks for the same on the same machine."""
        whole = OmegaConf.to_container(self.cfg, resolve=True, enum_to_str=True)
        assert isinstance(whole, dict)
        parts = {name: whole[name] for name in MEASURED_PARTS}
        key = digest({**parts, "machine": machine(), "releases": releases()})
        return Path(self.config.results) / self.config.name / "unfinished" / f"{key}.json"

    def take_up(self, form: type[Found]) -> Found:
        """Return what an interrupted call had found; if nothing is of use, what `form` makes of nothing."""
        if not self.config.fresh:
            with contextlib.suppress(OSError, msgspec.DecodeError):
                return msgspec.json.decode(self.unfinished.read_bytes(), type=form)
        return form()

    def keep(self, found: bytes) -> None:
        """Leave what has been found so far, as JSON, for a call that goes on with it. Raises OSError."""
        self.unfinished.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.unfinished, found)

    def write_profile(self, text: str, directory: Path, console: Console) -> None:
        """Write a whole profile where it is read and to the call's directory. Raises OSError."""
        self.profile_path.parent.mkdir(parents=True, exist_ok=True)
        for target in (directory / PROFILE, self.profile_path):
            write_whole(target, text)
        self.unfinished.unlink(missing_ok=True)
        console.print(f"profile written to {self.profile_path}")


def execute(session: Calibration, directory: Path, console: Console) -> None:
    """Do what is asked for and was checked, inside a `hydra.main`; `directory` is this call's own.

    Raises:
        ConfigError: something cannot be carried out.
        ClusterError, ControlError, MeasuringError, SourceError: something broke.
    """
    identity = identify(session.cfg, session.choices, session.plan.spec.hash)
    write_whole(directory / CONFIG, identity.config_yaml)
    config, figures = session.config, {}
    if session.calibrates:
        config = _calibrate(session, directory, console)
    if config.validate:
        found = validate(config, directory, console)
        for one in found.comparisons:
            console.print(settings_table(one))
        console.print(shares_table(found.comparisons))
        found.write(directory, identity.metadata)
        figures = {**found.summary(), **{str(one): one.summary() for one in found.comparisons}}
    if config.output.mlflow:
        try:
            _to_mlflow(directory, identity, summary_figures(figures))
        except store_errors() as trouble:  # the files are what counts
            logger.error("MLflow did not take the calibration: %s", in_a_sentence(trouble))


def _calibrate(session: Calibration, directory: Path, console: Console) -> CalibrateConfig:
    """Measure the profile and write it; returns the configuration with it."""
    config, plan = session.config, session.plan
    ladders, measured = source_ladders(plan.producer), session.take_up(Measured)
    n, n_done = n_parts(config, ladders), measured.n_parts
    if n_done:
        console.print(f"taken up again: {n_done} of {n} parts are there")
    with ProgressView(console, config.live, "calibration", n - n_done, "parts") as view:
        for so_far in calibrate(config, plan, ladders, measured, directory, view.say):
            measured = so_far
            session.keep(msgspec.json.encode(measured))
            view.done()
    with blaming("what was measured"):
        profile = profile_of(plan.hardware, measured, source_text())
    work = "emulated" if plan.producer.work_type is WorkType.EMULATED else plan.producer.work_type.value
    how = (
        f"Work {work}, {plan.hardware.n_workers} workers, video {config.video.source.value}, "
        f"{config.grid.seconds:g} s per grade and size "
        f"at {config.grid.busy:.0%} load or the video's own rate."
    )
    text = to_yaml(profile, HARDWARE, f"Hardware {session.choices['hardware']}, as measured.", how)
    write_whole(directory / MEASURED, msgspec.json.encode(measured))
    console.print(cells_table(measured, profile))
    console.print(figures_table(measured, profile))
    session.write_profile(text, directory, console)
    return with_profile(config, directory / PROFILE)


def with_profile(config: CalibrateConfig, path: Path) -> CalibrateConfig:
    """Return the configuration with a file's hardware. Raises OSError, or what OmegaConf raises."""
    schema = OmegaConf.merge(OmegaConf.structured(HardwareSchema), OmegaConf.load(path))
    hardware = OmegaConf.to_object(schema)
    assert isinstance(hardware, HardwareSchema), "it was merged into one"
    return replace(config, hardware=hardware)


def _to_mlflow(directory: Path, identity: Identity, figures: Mapping[str, float]) -> None:
    """Make an MLflow run with all files. Raises MlflowException, OSError."""
    folder, began_s, now_s = directory.resolve().parent, (directory / CONFIG).stat().st_mtime, time.time()
    store = MlflowStore(tracking_uri(folder.parent), folder.parent, folder.name)
    run_id = store.create(run_name(directory), summary_tags(identity.metadata), int(1e3 * began_s))
    points = [(name, value, int(1e3 * now_s), 0) for name, value in figures.items()]
    store.write(run_id, points, params_in(directory / CONFIG))
    store.keep(run_id, (path for path in directory.iterdir() if path.is_file()))
    store.end(run_id, RunStatus.FINISHED, int(1e3 * now_s))
