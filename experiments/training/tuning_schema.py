"""Schema of `python -m experiments.tune`; values are in conf/tune.yaml and conf/ranges/."""

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from experiments.training import schemas
from experiments.training.schemas import TrainConfig


@dataclass
class RangeSchema:
    """Of what one figure is drawn; evenly in its logarithm if `log`, else evenly."""

    low: float = MISSING
    high: float = MISSING
    log: bool = False
    integer: bool = False


@dataclass
class TuneConfig(TrainConfig):
    """A tuning: whose figures, of what they are drawn, on what they are tried; worlds are `training`'s."""

    ranges: dict[str, RangeSchema] = MISSING
    trials: int = MISSING
    episodes: int = MISSING
    processes: int | None = MISSING


def register() -> None:
    """Make the schemas known to Hydra."""
    schemas.register()
    ConfigStore.instance().store(name="tune_schema", node=TuneConfig)
