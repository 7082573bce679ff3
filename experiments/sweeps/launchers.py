"""Hydra's launchers: whether the one that was chosen can begin, before it is asked to."""

import importlib.util
import re
import socket
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from experiments.program.errors import ConfigError

EXTRAS = {"hydra_ray_launcher": "ray", "hydra_submitit_launcher": "slurm"}  # ours, by the plugin they bring
OVERRIDE = re.compile(r"hydra[/.]launcher")
ADDRESS = re.compile(r"(?:ray://)?(?P<host>[^:/]+):(?P<port>\d+)")
REACH_TIMEOUT_S = 5.0


def check_launcher(launcher: DictConfig) -> None:
    """Raise ConfigError if its plugin is not installed, or its cluster cannot be reached."""
    target = str(launcher["_target_"])
    plugin = target.split(".")[1]
    if target.startswith("hydra_plugins.") and importlib.util.find_spec(f"hydra_plugins.{plugin}") is None:
        extra = EXTRAS.get(plugin, "")
        what = f"'elasticbench[{extra}]'" if extra else plugin.replace("_", "-")
        raise ConfigError(f"hydra/launcher: {plugin} is not installed; say pip install {what}")
    if "ray" in launcher:
        check_cluster(launcher["ray"]["init"].get("address"))


def check_cluster(address: Any) -> None:
    """Raise ConfigError if nobody answers there: Ray itself would try for minutes."""
    found = ADDRESS.fullmatch(str(address))
    if found is None:  # none, or one that Ray looks up itself
        return
    try:
        socket.create_connection((found["host"], int(found["port"])), REACH_TIMEOUT_S).close()
    except OSError as error:
        raise ConfigError(
            f"hydra.launcher.ray.init.address: nobody answers at {address} ({error}); on the head node, "
            "`ray start --head` says the address"
        ) from None


def without_launcher(overrides: Sequence[str]) -> list[str]:
    """Hydra's own overrides but those of the launcher: a job launches nothing."""
    return [text for text in overrides if not OVERRIDE.match(text)]
