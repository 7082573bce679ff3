"""Which runs a sweep has: every combination of the values that are listed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser

from experiments.program.errors import ConfigError

LONG_NUMBER = re.compile(r"-?\d+\.\d{12,}(e-?\d+)?")  # range(0.1,0.4,0.1) yields 0.30000000000000004
SEED = "seed"


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
