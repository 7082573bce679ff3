"""`python -m experiments.calibrate`: write the hardware's profile; with `what=accuracy`, the stream's."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.calibration.session import Calibration, execute
from experiments.config.composing import checked, register
from experiments.config.programs import CalibrateConfig
from experiments.config.schemas import CONF
from experiments.execution.this_machine import with_own_hardware
from experiments.program.entry import enter, logging_to
from experiments.program.files import write_whole
from experiments.runs.record import CONFIG, LOGS, make_run_directory
from experiments.worlds.host import alone


def perform(cfg: DictConfig) -> None:
    """Check everything, then measure."""
    console, chosen = Console(), HydraConfig.get().runtime.choices
    cfg, choices = with_own_hardware(cfg, {group: str(name) for group, name in chosen.items()}, console)
    session = Calibration(checked(cfg, CalibrateConfig), choices)
    session.check()
    parent = Path(session.config.results) / session.config.name
    directory = make_run_directory(parent, f"{session.option}-s{session.config.seed}")
    write_whole(directory / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    with logging_to(directory / LOGS / "calibrate.log", console), alone(directory, console.print):
        execute(session, directory, console)
    console.print(f"written to {directory}")


if __name__ == "__main__":
    enter("experiments.calibrate", CONF / "calibrate.yaml", perform, register)
