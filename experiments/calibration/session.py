"""One call of the program: calibrate, validate, or both, and leave a record of it."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.calibration.measured import Measured, load, save
from experiments.calibration.measuring import calibrate, n_parts
from experiments.calibration.profile import profile_of, source_text, to_yaml
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
from experiments.tracking.store import figures_of, in_a_sentence, run_name, store_errors, tracking_uri
from experiments.worlds.pipeline import PipelinePlan, plan_pipeline, source_ladders
from pipeline.messages import WorkType

logger = logging.getLogger(__name__)

PROFILE, MEASURED = "profile.yaml", "measured.json"
MEASURED_PARTS = ("seed", "video", "detector", "env", "hardware", "grid", "scenes")  # of the configuration


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
        """Where the profile goes. Raises ConfigError where it would hide what was not measured here."""
        if self.config.profile is not None:
            return Path(self.config.profile)
        name = self.choices["hardware"]
        if not self.plan.hardware.is_native:
            raise ConfigError(
                f"profile: hardware={name} does not compute, so its own figures are not "
                "replaced by measured ones; say profile=FILE"
            )
        return own_profile(Path(self.config.results)) if name == LOCAL else CONF / "hardware" / f"{name}.yaml"

    @property
    def key(self) -> str:
        """Changes with everything that must be equal for a part of a calibration to be of use."""
        whole = OmegaConf.to_container(self.cfg, resolve=True, enum_to_str=True)
        assert isinstance(whole, dict)
        parts = {name: whole[name] for name in MEASURED_PARTS}
        return digest({**parts, "machine": machine(), "releases": releases()})

    def check(self) -> None:
        """Raise ConfigError for what would only be found out after minutes."""
        _ = self.plan
        if self.calibrates:
            _ = self.profile_path
        if self.config.validate:
            with blaming("validation"):
                check_validation(self.config)


def execute(session: Calibration, directory: Path, console: Console) -> None:
    """Do what is asked for and was checked, inside a `hydra.main`; `directory` is this call's own.

    Raises:
        ConfigError: something cannot be carried out.
        ClusterError, ControlError, MeasuringError, SourceError: something broke.
    """
    identity = identify(session.cfg, session.choices, session.plan.spec.hash)
    write_whole(directory / CONFIG, identity.config_yaml)
    config, files, figures = session.config, [directory / CONFIG], {}
    if session.calibrates:
        config = _calibrate(session, directory, console)
        files += [directory / PROFILE, directory / MEASURED]
    if config.validate:
        figures, made = _validate(config, identity, directory, console)
        files += made
    if config.output.mlflow:
        try:
            _to_mlflow(directory, identity, figures, files)
        except store_errors() as trouble:  # the files are what counts
            logger.error("MLflow did not take the calibration: %s", in_a_sentence(trouble))


def _calibrate(session: Calibration, directory: Path, console: Console) -> CalibrateConfig:
    """Measure the profile and write it; returns the configuration with it."""
    config, plan, path = session.config, session.plan, session.profile_path
    unfinished = Path(config.results) / config.name / "unfinished" / f"{session.key}.json"
    measured = Measured(session.key) if config.fresh else load(unfinished, session.key)
    ladders = source_ladders(plan.producer)
    n, n_done = n_parts(config, ladders), measured.n_parts
    if n_done:
        console.print(f"taken up again: {n_done} of {n} parts are there")
    with ProgressView(console, config.live, "calibration", n - n_done, "parts") as view:
        for so_far in calibrate(config, plan, ladders, measured, directory, view.say):
            measured = so_far
            save(measured, unfinished)
            view.done()
    with blaming("what was measured"):
        profile = profile_of(plan.hardware, measured, source_text(machine(), releases()))
    text = to_yaml(
        profile, f"Hardware {session.choices['hardware']}, as measured.", _how(config, plan), machine()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    for target in (directory / PROFILE, path):
        write_whole(target, text)
    save(measured, directory / MEASURED)
    unfinished.unlink(missing_ok=True)
    console.print(cells_table(measured, profile))
    console.print(figures_table(measured, profile))
    console.print(f"profile written to {path}")
    return with_profile(config, directory / PROFILE)


def _how(config: CalibrateConfig, plan: PipelinePlan) -> str:
    work = "emulated" if plan.producer.work_type is WorkType.EMULATED else plan.producer.work_type.value
    return (
        f"Work {work}, {plan.hardware.n_workers} workers, video {config.video.source.value}, "
        f"{config.grid.seconds:g} s per grade and size "
        f"at {config.grid.busy:.0%} load or the video's own rate."
    )


def with_profile(config: CalibrateConfig, path: Path) -> CalibrateConfig:
    """Return the configuration with a file's hardware. Raises OSError, or what OmegaConf raises."""
    schema = OmegaConf.merge(OmegaConf.structured(HardwareSchema), OmegaConf.load(path))
    hardware = OmegaConf.to_object(schema)
    assert isinstance(hardware, HardwareSchema), "it was merged into one"
    return replace(config, hardware=hardware)


def _validate(
    config: CalibrateConfig, identity: Identity, directory: Path, console: Console
) -> tuple[dict[str, float], list[Path]]:
    """Measure the gap and show it; returns the summary's figures by dotted name, and the files."""
    n = len(config.validation.worlds) * config.validation.settings
    with ProgressView(console, config.live, "validation", n, "settings") as view:
        found = validate(config, directory, view)
    for one in found.comparisons:
        console.print(settings_table(one.table, one.true, one.other))
    summary = found.summary()
    console.print(shares_table(summary))
    figures = summary_figures({**summary, **{str(one): one.summary() for one in found.comparisons}})
    return figures, found.write(directory, identity.metadata)


def _to_mlflow(directory: Path, identity: Identity, figures: Mapping[str, float], files: list[Path]) -> None:
    """Make an MLflow run with all files. Raises MlflowException, OSError."""
    folder, began_s, now_s = directory.resolve().parent, (directory / CONFIG).stat().st_mtime, time.time()
    store = MlflowStore(tracking_uri(folder.parent), folder.parent, folder.name)
    run_id = store.create(run_name(directory), summary_tags(identity.metadata), int(1e3 * began_s))
    points = [(name, value, int(1e3 * now_s), 0) for name, value in figures_of(figures).items()]
    store.write(run_id, points, params_in(directory / CONFIG))
    store.keep(run_id, files)
    store.end(run_id, RunStatus.FINISHED, int(1e3 * now_s))
