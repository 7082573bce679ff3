"""`python -m experiments.calibrate`: write the hardware's profile; with `validate=true`, the gap."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import hydra
from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agents.base import Agent
from envs.spec import ElasticitySpec
from experiments.calibration.open_loop import HoldingError
from experiments.calibration.rig import MeasuringError
from experiments.calibration.schema import CalibrateConfig, register
from experiments.calibration.session import Begin, Say, Session, carry_out
from experiments.config.agents import make_agent
from experiments.config.schemas import CONF, check_keys
from experiments.program.entry import complaining, enter
from experiments.program.errors import blaming
from experiments.program.logs import logging_to
from experiments.runs.identity import identify
from experiments.runs.record import LOGS, make_run_directory
from experiments.worlds.host import alone
from pipeline.control import ControlError
from pipeline.program import ClusterError
from pipeline.sources.base import SourceError

logger = logging.getLogger(__name__)

CONFIG_NAME = "calibrate"
STATIC = "static-"  # prefix of an agent's name: static-lowest, static-middle, static-highest
BROKEN = (ClusterError, ControlError, MeasuringError, HoldingError, SourceError)


def composed(task: list[str], *overrides: str) -> DictConfig:
    """The configuration with further choices of groups instead of the user's own."""
    groups = tuple(override.partition("=")[0] for override in overrides)
    kept = [override for override in task if override.partition("=")[0].split(".")[0] not in groups]
    return compose(CONFIG_NAME, [*kept, *overrides])


def typed(cfg: DictConfig) -> CalibrateConfig:
    """As values of the schemas."""
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, CalibrateConfig), "its schema is the first of its defaults"
    return config


def agent_named(name: str, task: list[str], spec: ElasticitySpec) -> Agent:
    """An agent of the group's options, or `static-lowest`, `-middle`, `-highest`. Raises ConfigError."""
    if not name.startswith(STATIC):
        return make_agent(composed(task, f"agent={name}").agent, spec, f"agent {name}")
    levels = name.removeprefix(STATIC)
    cfg = composed(task, "agent=static").agent
    cfg.levels = levels
    return make_agent(cfg, spec, f"agent {name}")


@contextlib.contextmanager
def progress_bar(console: Console) -> Iterator[Begin]:
    """Give a number of parts, get what says what is being done, and what advances the bar."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:

        def begin(total: int) -> tuple[Say, Callable[[], None]]:
            bar = progress.add_task("", total=total)

            def say(text: str) -> None:
                logger.info("%s", text)
                progress.update(bar, description=text)

            return say, lambda: progress.advance(bar)

        yield begin


def perform(cfg: DictConfig) -> None:
    """Check everything, then measure."""
    with blaming("configuration"):
        check_keys(cfg)
    config, task = typed(cfg), list(HydraConfig.get().overrides.task)
    choices = dict(HydraConfig.get().runtime.choices)
    console = Console()
    results = Path(config.results) / config.name
    session = Session(
        config=config,
        in_scenario=lambda name: typed(composed(task, f"scenario={name}")),
        make_agent=lambda name, spec: agent_named(name, task, spec),
        choices={group: str(option) for group, option in choices.items()},
        identify=lambda spec_hash: identify(cfg, choices, spec_hash),
    )
    session.check()
    directory = make_run_directory(results, f"{choices['hardware']}-s{config.seed}")
    with (
        logging_to(directory / LOGS / "calibrate.log", console),
        alone(directory, console.print),
        progress_bar(console) as begin,
    ):
        carry_out(session, directory, console, begin)
    console.print(f"written to {directory}")


@hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG_NAME)
def main(cfg: DictConfig) -> None:
    """Calibrate; what goes wrong ends the program here, for Hydra would print it too."""
    with complaining("experiments.calibrate", BROKEN):
        perform(cfg)


if __name__ == "__main__":
    enter("experiments.calibrate", main, register, BROKEN)
