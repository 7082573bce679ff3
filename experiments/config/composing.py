"""Configurations as Hydra composes them of conf/, checked; parts of conf/ by their names.

What composes is called inside a `hydra.main` or an initialised Hydra.
"""

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from hydra import compose
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict, read_write

from experiments.config.agents import typed_values
from experiments.config.programs import GROUPS, PROGRAMS
from experiments.config.schemas import CONF, VARIANTS
from experiments.program.errors import blaming, no_key
from pipeline.bounds import OptionError, check_value
from pipeline.options import ProducerOptions

MAIN = "config"  # conf/config.yaml
# groups whose keys are options of the producer by the same name, "" being the run itself (seed)
PRODUCERS = ("", "video", "env", "scenario")
Config = TypeVar("Config")


def register() -> None:
    """Make all schemas known to Hydra, and what its help texts ask for."""
    OmegaConf.register_new_resolver("options", options_text, replace=True)
    store = ConfigStore.instance()
    for name, schema in PROGRAMS.items():
        store.store(name=f"{name}_schema", node=schema)
    for group, options in {**VARIANTS, **GROUPS}.items():
        for name, schema in options.items():
            store.store(group=f"schema/{group}", name=name, node=schema)


def options_text(group: str) -> str:
    """Return the options of a group of conf/, as a help text lists them: * before what need not be said."""
    defaults: Any = OmegaConf.to_container(OmegaConf.load(CONF / f"{MAIN}.yaml").defaults)
    names = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
    return " | ".join(f"*{name}" if {group: name} in defaults else name for name in names)


def composed(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """Compose a run's configuration; returns it, and the options chosen.

    Raises HydraException, OmegaConfBaseException: it cannot be.
    """
    register()
    cfg = compose(MAIN, overrides=list(overrides), return_hydra_config=True)
    choices = {group: str(option) for group, option in cfg.hydra.runtime.choices.items()}
    with read_write(cfg), open_dict(cfg):
        del cfg["hydra"]
    return cfg, choices


def option(group: str, name: str, part: str = "") -> Any:
    """Return the values of conf/GROUP/NAME.yaml by their schema. Raises HydraException.

    Or of the `part` of a run that goes with it, such as a video's accuracy; None if there is none.
    """
    found = _chosen(GlobalHydra.instance().config_loader(), group, name)[part or group]
    return None if found is None else OmegaConf.to_object(found)


@cache  # to compose a whole configuration takes long, and many are asked for again and again
def _chosen(loader: ConfigLoader, group: str, name: str) -> DictConfig:
    """Return a run's configuration with one option chosen; the loader is the one that `compose` uses."""
    return compose(MAIN, overrides=[f"{group}={name}"])


# --- what may not be ---


def checked(cfg: DictConfig, schema: type[Config]) -> Config:
    """Return a composed configuration as values of its schema. Raises ConfigError: something is wrong."""
    with blaming("configuration"):
        check_keys(cfg)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, schema), "it is the first of its defaults"
    return config


def check_keys(cfg: DictConfig, place: str = "") -> None:
    """Raise ValueError if a key is there that nobody would read: one that was added (`+key=value`).

    And if a value is none that the pipeline's programs take, or no number at all (NaN). Raises ConfigError of
    an agent, as `experiments.config.agents.typed_values`.
    """
    schema = OmegaConf.get_type(cfg)
    known = [field.name for field in fields(schema)] if is_dataclass(schema) else None
    for name in cfg:
        key = f"{place}.{name}" if place else str(name)
        if known is not None and name not in known:
            raise ValueError(no_key(place, str(name), known))
        if OmegaConf.is_missing(cfg, name):
            continue
        child = cfg[name]
        if key == "agent":
            typed_values(child, key)
        nodes = list(child) if isinstance(child, ListConfig) else [child]
        check_number(key, [node for node in nodes if isinstance(node, int | float)])
        for node in nodes:
            if isinstance(node, DictConfig):
                check_keys(node, key)


def check_number(key: str, numbers: list[float]) -> None:
    """Raise ValueError if a key has a number that what it is for cannot have."""
    group, _, name = key.rpartition(".")
    if group in PRODUCERS and name in {option.name for option in fields(ProducerOptions)}:
        try:
            check_value(ProducerOptions, name, tuple(numbers))
        except OptionError as error:
            raise ValueError(f"{key} {error.problem}") from error
    if key == "processes" and any(number < 1 for number in numbers):
        raise ValueError(f"processes must be >= 1, got {numbers[0]}")
    if any(math.isnan(number) for number in numbers):
        raise ValueError(f"{key} must be a number, got nan")
