"""Parts of conf/ by their names, for programs that need more of them than they were started with.

All of it is called inside a `hydra.main` or an initialised Hydra.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from hydra import compose
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from experiments.config.agents import typed_values
from experiments.config.schemas import register
from experiments.program.errors import ConfigError, sentence

MAIN = "config"  # conf/config.yaml
UNCHANGED: Mapping[str, Any] = MappingProxyType({})


def composed(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """Compose a run's configuration; returns it, and the options chosen.

    Raises:
        HydraException, OmegaConfBaseException: it cannot be.
    """
    register()
    cfg = compose(MAIN, overrides=list(overrides), return_hydra_config=True)
    choices = {group: str(option) for group, option in cfg.hydra.runtime.choices.items()}
    with read_write(cfg), open_dict(cfg):
        del cfg["hydra"]
    return cfg, choices


def option(group: str, name: str) -> Any:
    """Return the values of conf/GROUP/NAME.yaml by their schema. Raises HydraException."""
    return OmegaConf.to_object(_chosen(GlobalHydra.instance().config_loader(), group, name)[group])


def accuracy_of_video(name: str) -> Any:
    """Return the accuracy that goes with a video, None if none does. Raises HydraException."""
    found = _chosen(GlobalHydra.instance().config_loader(), "video", name).accuracy
    return None if found is None else OmegaConf.to_object(found)


@cache  # to compose a whole configuration takes long, and many are asked for again and again
def _chosen(loader: ConfigLoader, group: str, name: str) -> DictConfig:
    """Return a run's configuration with one option chosen; the loader is the one that `compose` uses."""
    return compose(MAIN, overrides=[f"{group}={name}"])


def agent_values(name: str, results: str, place: str, overrides: Mapping[str, Any] = UNCHANGED) -> DictConfig:
    """Return what an agent of conf/agent is made of.

    Args:
        name: of its file.
        results: the folder that checkpoints are in.
        place: what names it, for the text of an error.
        overrides: values that are others than in the file.

    Raises:
        ConfigError: there is no such agent, or a value is wrong.
    """
    try:
        whole = compose(f"agent/{name}")
        with open_dict(whole):
            whole.results = results
        OmegaConf.resolve(whole)
        values = OmegaConf.merge(whole["agent"], dict(overrides))
    except MissingConfigException as error:
        raise ConfigError(f"{place}: there is no conf/agent/{name}.yaml") from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"{place}: {sentence(error)}") from error
    assert isinstance(values, DictConfig)
    return typed_values(values, place)
