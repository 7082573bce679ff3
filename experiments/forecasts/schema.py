"""Schema of `python -m experiments.forecast`; values are in conf/forecasts.yaml."""

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from experiments.config import schemas
from experiments.config.schemas import PairsSchema, StreamConfig
from experiments.config.world_schemas import SimulatorSchema


@dataclass
class ForecastsConfig(StreamConfig):
    """Who is asked, where, when and of what; `agents` are names of files in conf/agent."""

    agents: list[str] = MISSING
    worlds: PairsSchema = MISSING
    seeds: int = MISSING
    moments: list[int] = MISSING
    settings: int = MISSING
    clones: int = MISSING
    held: int = MISSING
    bins: int = MISSING


def register() -> None:
    """Make the schemas known to Hydra."""
    schemas.register()
    ConfigStore.instance().store(name="forecasts_schema", node=ForecastsConfig)


def check(config: ForecastsConfig) -> None:
    """Raise ValueError if a number is out of range, or a forecast would reach beyond the episode's end."""
    if not isinstance(config.env, SimulatorSchema):
        raise ValueError("only the simulator can be copied: say env=simulator")
    for name, least in (("seeds", 1), ("settings", 3), ("clones", 1), ("held", 1), ("bins", 1)):
        if getattr(config, name) < least:
            raise ValueError(f"{name} must be >= {least}, got {getattr(config, name)} (conf/forecasts.yaml)")
    lists = {"agents": config.agents, "moments": config.moments}
    lists |= {f"worlds.{name}": entries for name, entries in vars(config.worlds).items()}
    if empty := [name for name, entries in lists.items() if not entries]:
        raise ValueError(f"{empty[0]} must not be empty (conf/forecasts.yaml)")
    last = config.env.steps - config.held
    if min(config.moments) < 0 or max(config.moments) > last:
        raise ValueError(
            f"moments must be in [0, env.steps - held = {last}], got {config.moments} (conf/forecasts.yaml)"
        )
