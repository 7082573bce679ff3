"""Schema of `python -m experiments.calibrate`; values are in conf/calibrate.yaml."""

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from experiments.config import schemas
from experiments.config.schemas import RunConfig


@dataclass
class GridSchema:
    """What is measured of each grade and frame size, and for how long."""

    seconds: float = MISSING
    frames: int = MISSING
    probe_s: float = MISSING
    settle_s: float = MISSING
    busy: float = MISSING
    saturated_s: float = MISSING
    start_up: bool = MISSING


@dataclass
class ScenesSchema:
    """What is looked at to measure accuracy."""

    n: int = MISSING
    seconds: float = MISSING
    every: int = MISSING


@dataclass
class ValidationSchema:
    """How far the worlds are apart: settings that the fit has not seen, and agents."""

    calibrate: bool = MISSING
    worlds: list[str] = MISSING
    settings: int = MISSING
    fps_levels: list[float] = MISSING
    hold_s: float = MISSING
    settle_s: float = MISSING
    reference_s: float = MISSING
    agents: list[str] = MISSING
    scenarios: list[str] = MISSING
    steps: int = MISSING


@dataclass
class CalibrateConfig(RunConfig):
    """A calibration: the groups of a run, and what is peculiar to it."""

    what: str = MISSING
    validate: bool = MISSING
    fresh: bool = MISSING
    profile: str | None = MISSING
    grid: GridSchema = MISSING
    scenes: ScenesSchema = MISSING
    validation: ValidationSchema = MISSING


def register() -> None:
    """Make the schemas known to Hydra."""
    schemas.register()
    ConfigStore.instance().store(name="calibrate_schema", node=CalibrateConfig)
