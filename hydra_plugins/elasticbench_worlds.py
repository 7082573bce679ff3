"""Hydra's door to the parts of drawn worlds: `hardware=world_123` is an option of which there is no file."""

import re
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

SCHEME = "worlds"
GROUPS = ("accuracy", "hardware", "scenario", "slo", "video")
OPTION = re.compile(rf"(?P<group>{'|'.join(GROUPS)})/world_(?P<number>[0-9]+)(\.yaml)?")


class DrawnWorlds(ConfigSource):
    """Draws the world whose option is asked for."""

    @staticmethod
    def scheme() -> str:
        """Return what its place in the search path begins with."""
        return SCHEME

    def load_config(self, config_path: str) -> ConfigResult:
        """Draw. Raises ConfigLoadError: there is no such world."""
        from experiments.worlds.drawn import documents  # not at Hydra's every start

        option = OPTION.fullmatch(config_path)
        assert option is not None, "asked before"
        try:
            values: Any = documents(int(option["number"]))[option["group"]]
        except ValueError as error:
            raise ConfigLoadError(str(error)) from error
        return ConfigResult(
            self.provider, f"{SCHEME}://{config_path}", OmegaConf.create(dict(values)), {"package": None}
        )

    def is_group(self, config_path: str) -> bool:
        """Tell whether drawn worlds are options of a group."""
        return config_path in GROUPS

    def is_config(self, config_path: str) -> bool:
        """Tell whether an option is a drawn world."""
        return OPTION.fullmatch(config_path) is not None

    def available(self) -> bool:
        """Tell that it is there."""
        return True

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """List none: they are too many."""
        return []


class WorldsInSearchPath(SearchPathPlugin):
    """Lets every program find drawn worlds, behind its own files."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra."""
        search_path.append("elasticbench", f"{SCHEME}://")
