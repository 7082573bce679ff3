"""What is asked of Hydra: which runs a sweep has, every combination of what is listed, and its launcher."""

import importlib.util
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from experiments.program.errors import ConfigError

LONG_NUMBER = re.compile(r"-?\d+\.\d{12,}(e-?\d+)?")  # range(0.1,0.4,0.1) yields 0.30000000000000004
SEED = "seed"
EXTRAS = {"hydra_ray_launcher": "ray", "hydra_submitit_launcher": "slurm"}  # ours, by the plugin they bring
OVERRIDE = re.compile(r"hydra[/.]launcher")
ADDRESS = re.compile(r"(?:ray://)?(?P<host>[^:/]+):(?P<port>\d+)")
REACH_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Run:
    """One of a sweep's.

    Attributes:
        number: from 0, in the sweep's order.
        point: overrides that make it, without the seed.
        seed: 0 or more; None = the configuration's own.
    """

    number: int
    point: tuple[str, ...]
    seed: int | None

    @property
    def overrides(self) -> list[str]:
        """All."""
        return [*self.point] if self.seed is None else [*self.point, f"{SEED}={self.seed}"]

    @property
    def title(self) -> str:
        """For people."""
        return " ".join(self.overrides)


def combinations(arguments: Sequence[str], loader: ConfigLoader | None) -> list[Run]:
    """All runs of `agent=aif,rule seed=range(3)` and the like; the last varies fastest.

    Args:
        arguments: as they were typed.
        loader: Hydra's, which knows what `hardware=glob(*)` stands for.

    Raises:
        ConfigError: a seed that is none.
        HydraException: what cannot be read.
    """
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(arguments))
    (all_,) = BasicSweeper.split_arguments(parsed, None)
    return [run_of(number, overrides) for number, overrides in enumerate(all_)]


def run_of(number: int, overrides: Sequence[str]) -> Run:
    """Return a run with its seed apart, and numbers as they were meant. Raises ConfigError."""
    overrides = [LONG_NUMBER.sub(lambda found: f"{float(found[0]):.12g}", text) for text in overrides]
    seeds = [text.partition("=")[2] for text in overrides if text.startswith(f"{SEED}=")]
    point = tuple(text for text in overrides if not text.startswith(f"{SEED}="))
    if seeds and not seeds[-1].isdecimal():
        raise ConfigError(f"seed: expected whole numbers >= 0, got {seeds[-1]!r}")
    return Run(number, point, int(seeds[-1]) if seeds else None)


def by_point(runs: Iterable[Run]) -> dict[tuple[str, ...], list[Run]]:
    """Runs that differ only in their seed together."""
    points: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        points.setdefault(run.point, []).append(run)
    return points


# --- by whom they are played ---


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
