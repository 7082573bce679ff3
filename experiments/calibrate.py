"""`python -m experiments.calibrate`: write the hardware's profile; with `validate=true`, the gap."""

from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from experiments.calibration.rig import MeasuringError
from experiments.calibration.schema import register
from experiments.calibration.session import Session, execute
from experiments.config.schemas import CONF, check_keys
from experiments.program.entry import complaining, enter
from experiments.program.errors import blaming
from experiments.program.logs import logging_to
from experiments.runs.record import LOGS, make_run_directory
from experiments.training.training_run import TrainingError
from experiments.worlds.host import alone
from pipeline.control import ControlError
from pipeline.program import ClusterError
from pipeline.sources.base import SourceError

PROGRAM = "experiments.calibrate"
BROKEN = (ClusterError, ControlError, MeasuringError, SourceError, TrainingError)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="calibrate")
def main(cfg: DictConfig) -> None:
    """Check everything, then measure; what goes wrong ends the program here, for Hydra would print it too."""
    with complaining(PROGRAM, BROKEN):
        with blaming("configuration"):
            check_keys(cfg)
        choices = {group: str(name) for group, name in HydraConfig.get().runtime.choices.items()}
        session, console = Session(cfg, choices), Console()
        session.check()
        name = f"{choices['hardware']}-s{session.config.seed}"
        directory = make_run_directory(Path(session.config.results) / session.config.name, name)
        with logging_to(directory / LOGS / "calibrate.log", console), alone(directory, console.print):
            execute(session, directory, console)
        console.print(f"written to {directory}")


if __name__ == "__main__":
    enter(PROGRAM, main, register, BROKEN)
