"""One call of the program: calibrate, validate, or both, and leave a record of it."""

import dataclasses
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console

from experiments.calibration.calibration import Task, calibrate, check_accuracy
from experiments.calibration.closed_loop import MakeAgent
from experiments.calibration.profile import profile_of, source_text, to_yaml, write_profile
from experiments.calibration.report import (
    agents_table,
    cells_table,
    figures_table,
    settings_table,
    shares_table,
)
from experiments.calibration.schema import CalibrateConfig
from experiments.calibration.store import Store
from experiments.calibration.validation import check_validation, n_parts, validate
from experiments.calibration.worlds import with_profile
from experiments.config.schemas import CONF
from experiments.config.world_schemas import PipelineSchema
from experiments.program.errors import ConfigError, blaming
from experiments.program.files import write_whole
from experiments.runs.identity import Identity
from experiments.runs.provenance import digest, machine, releases
from experiments.runs.record import CONFIG, RunStatus
from experiments.tracking.entry import run_name
from experiments.tracking.facts import params_in, summary_tags
from experiments.tracking.store import Store as MlflowStore
from experiments.tracking.store import figures_of, in_a_sentence, store_errors, tracking_uri
from experiments.worlds.pipeline import PipelinePlan, plan_pipeline, source_ladders
from pipeline.messages import WorkType

logger = logging.getLogger(__name__)

PROFILE, MEASURED = "profile.yaml", "measured.json"
MEASURED_PARTS = ("seed", "video", "detector", "env", "hardware", "grid", "accuracy")  # of the configuration

Say = Callable[[str], None]
Begin = Callable[[int], tuple[Say, Callable[[], None]]]


@dataclass(frozen=True, slots=True)
class Session:
    """What is asked for.

    Attributes:
        config: all of it.
        in_scenario: the same in another scenario.
        make_agent: of a name and a spec.
        choices: the option chosen of each group.
        identify: of a spec's hash.
    """

    config: CalibrateConfig
    in_scenario: Callable[[str], CalibrateConfig]
    make_agent: MakeAgent
    choices: Mapping[str, str]
    identify: Callable[[str], Identity]

    @property
    def calibrates(self) -> bool:
        """Whether a profile is made."""
        return not self.config.validate or self.config.validation.calibrate

    def plan(self) -> PipelinePlan:
        """Of the pipeline that is measured. Raises ConfigError."""
        env = self.config.env
        if not isinstance(env, PipelineSchema) or env.control:
            raise ConfigError("env: calibration starts a pipeline of its own; leave env=pipeline as it is")
        return plan_pipeline(self.config, env)

    def profile_path(self) -> Path:
        """Where the profile goes. Raises ConfigError where it would hide what was not measured here."""
        if self.config.profile is not None:
            return Path(self.config.profile)
        if not self.plan().hardware.is_native:
            raise ConfigError(
                f"profile: hardware={self.choices['hardware']} does not compute, so its own figures are not "
                "replaced by measured ones; say profile=FILE"
            )
        return CONF / "hardware" / f"{self.choices['hardware']}.yaml"

    def check(self) -> None:
        """Raise ConfigError for what would only be found out after minutes."""
        self.plan()
        if self.calibrates:
            self.profile_path()
        with blaming("accuracy"):
            check_accuracy(self.config.accuracy)
        if self.config.validate:
            with blaming("validation"):
                check_validation(self.config)

    def key(self) -> str:
        """Of everything that must be equal for a part of a calibration to be of use."""
        whole = OmegaConf.to_container(OmegaConf.structured(self.config), enum_to_str=True)
        assert isinstance(whole, dict)
        parts = {name: whole[name] for name in MEASURED_PARTS}
        return digest({**parts, "machine": machine(), "releases": releases()})


def carry_out(session: Session, directory: Path, console: Console, begin: Begin) -> dict[str, float]:
    """Do what is asked for; returns the summary's figures, by dotted name.

    Args:
        directory: of this call's results.
        begin: makes a progress bar of so many parts.

    Raises:
        ConfigError: something cannot be carried out.
        ClusterError, ControlError, MeasuringError, HoldingError, SourceError: something broke.
    """
    identity = session.identify(session.plan().spec.hash)
    write_whole(directory / CONFIG, identity.config_yaml)
    config, files, figures = session.config, [directory / CONFIG], {}
    if session.calibrates:
        config, files = _calibrate(session, directory, console, begin, files)
    if config.validate:
        figures, made = _validate(session, config, identity, directory, console, begin)
        files += made
    if config.output.mlflow:
        try:
            _to_mlflow(directory, identity, figures, files)
        except store_errors() as trouble:  # the files are what counts
            logger.error("MLflow did not take the calibration: %s", in_a_sentence(trouble))
    return figures


def _calibrate(
    session: Session, directory: Path, console: Console, begin: Begin, files: list[Path]
) -> tuple[CalibrateConfig, list[Path]]:
    """The configuration with the measured profile, and the files so far."""
    config, plan, path = session.config, session.plan(), session.profile_path()
    task = Task(
        producer=plan.producer,
        ladders=source_ladders(plan.producer),
        hardware=plan.hardware,
        seed=config.seed,
        grid=config.grid,
        accuracy=config.accuracy,
    )
    key = session.key()
    store = Store(Path(config.results) / config.name / "unfinished" / f"{key}.json", key)
    if config.fresh:
        store.forget()
    elif store.take_up() and task.n_done(store.measured):
        console.print(f"taken up again: {task.n_done(store.measured)} of {task.n_parts()} parts are there")
    say, advance = begin(task.n_parts())
    for _ in range(task.n_done(store.measured)):
        advance()
    measured = calibrate(task, store, directory, say, advance)
    with blaming("what was measured"):
        profile = profile_of(plan.hardware, measured, source_text(machine(), releases()))
    name = session.choices["hardware"]
    text = to_yaml(profile, f"Hardware {name}, as measured.", _how(config, plan), machine())
    for target in (directory / PROFILE, path):
        write_profile(target, text)
    store.keep(directory / MEASURED)
    store.forget()
    console.print(cells_table(measured, profile))
    console.print(figures_table(measured, profile))
    console.print(f"profile written to {path}")
    return with_profile(config, directory / PROFILE), [*files, directory / PROFILE, directory / MEASURED]


def _how(config: CalibrateConfig, plan: PipelinePlan) -> str:
    video = config.video.source.value
    work = "emulated" if plan.producer.work_type is WorkType.EMULATED else plan.producer.work_type.value
    return (
        f"Work {work}, {plan.hardware.n_workers} workers, video {video}, {config.grid.seconds:g} s per grade "
        f"and size at {config.grid.busy:.0%} load or the video's own rate."
    )


def _validate(
    session: Session,
    config: CalibrateConfig,
    identity: Identity,
    directory: Path,
    console: Console,
    begin: Begin,
) -> tuple[dict[str, float], list[Path]]:
    """The summary's figures, and the files."""
    say, advance = begin(n_parts(config))

    def in_scenario(name: str) -> CalibrateConfig:
        return dataclasses.replace(session.in_scenario(name), hardware=config.hardware)

    found = validate(config, in_scenario, session.make_agent, directory, say, advance)
    for comparison in found.comparisons:
        console.print(settings_table(comparison.table, comparison.true, comparison.other))
    summary = found.summary()
    console.print(shares_table(summary))
    if len(found.loops):
        console.print(agents_table(found.loops, summary["agents"]["ranks"]))
    head = {**identity.summary_head, "machine": machine()}
    return flat_figures(summary), found.write(directory, head)


def flat_figures(nested: Any, prefix: str = "") -> dict[str, float]:
    """Every number of a summary by dotted name; a comparison's begins with OTHER-against-TRUE."""
    found: dict[str, float] = {}
    items = nested.items() if isinstance(nested, Mapping) else []
    for name, value in items:
        place = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(value, bool | str) or value is None:
            continue
        if isinstance(value, int | float):
            found[place] = float(value)
        elif name == "comparisons":
            for one in value:
                found |= flat_figures(one, f"{one['other']}-against-{one['true']}")
        else:
            found |= flat_figures(value, place)
    return found


def _to_mlflow(directory: Path, identity: Identity, figures: Mapping[str, float], files: list[Path]) -> None:
    """Make an MLflow run with all files. Raises MlflowException, OSError."""
    folder, began_s, now_s = directory.resolve().parent, (directory / CONFIG).stat().st_mtime, time.time()
    store = MlflowStore(tracking_uri(folder.parent), folder.parent, folder.name)
    run_id = store.create(run_name(directory), summary_tags(identity.summary_head), int(1e3 * began_s))
    points = [(name, value, int(1e3 * now_s), 0) for name, value in figures_of(figures).items()]
    store.write(run_id, points, params_in(directory / CONFIG))
    store.keep(run_id, files)
    store.end(run_id, RunStatus.FINISHED, int(1e3 * now_s))
