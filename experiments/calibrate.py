"""`python -m experiments.calibrate`: write the hardware's profile; with `validate=true`, the gap.

With `what=accuracy`, write the stream's.
"""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from experiments.calibration import accuracy
from experiments.calibration.session import Calibration, execute
from experiments.config.programs import CalibrateConfig, register
from experiments.config.schemas import CONF, checked
from experiments.execution.own_hardware import with_own_hardware
from experiments.program.entry import enter, logging_to
from experiments.runs.record import LOGS, make_run_directory
from experiments.worlds.host import alone


def perform(cfg: DictConfig) -> None:
    """Check everything, then measure."""
    console, chosen = Console(), HydraConfig.get().runtime.choices
    cfg, choices = with_own_hardware(cfg, {group: str(name) for group, name in chosen.items()}, console)
    session = Calibration(cfg, checked(cfg, CalibrateConfig), choices)
    session.check()
    name = f"{choices[session.group]}-s{session.config.seed}"
    directory = make_run_directory(Path(session.config.results) / session.config.name, name)
    with logging_to(directory / LOGS / "calibrate.log", console), alone(directory, console.print):
        measure = accuracy.execute if session.is_of_stream else execute
        measure(session, directory, console)
    console.print(f"written to {directory}")


if __name__ == "__main__":
    enter("experiments.calibrate", CONF / "calibrate.yaml", perform, register)
