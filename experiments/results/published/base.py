"""What an importer of other people's logs is, and what it makes of them.

An importer is a class with a `read`; `conf/published/NAME.yaml` names it by `_target_`. `ThesisCsv` is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from hydra import compose
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.config.schemas import RunConfig, check_keys
from experiments.config.world_schemas import SimulatorSchema
from experiments.program.errors import ConfigError, blaming, sentence
from experiments.statistics.disturbances import ChangePoint, change_points
from experiments.worlds.simulator import SimulatorPlan, plan_simulator


@dataclass(frozen=True, slots=True, eq=False)
class PublishedRun:
    """Somebody else's run, as one of ours.

    Attributes:
        agent: its name in our tables.
        cell_overrides: of conf/config.yaml; with them our own run takes place in the same cell.
        seed: number of the run among those of its agent in its cell, from 0; logs seldom know their seed.
        plan: our run in that cell.
        trace: one row per step of that run. Columns as `experiments.runs.trace.row_of` has them, as far as
            `experiments.runs.summary.summarise` and `experiments.statistics.episode.episode_of` ask for them; NaN
            where the log does not say.
        source: the log.
    """

    agent: str
    cell_overrides: tuple[str, ...]
    seed: int
    plan: SimulatorPlan
    trace: pd.DataFrame
    source: Path

    @property
    def config(self) -> RunConfig:
        """All that our run would be asked for."""
        return self.plan.config

    @property
    def change_points(self) -> tuple[ChangePoint, ...]:
        """When the world got worse or better."""
        system = self.plan.system
        return change_points(
            system.scenario, self.plan.spec.slos, system.steps, system.control_interval_s, self.seed
        )


class Importer(Protocol):
    """Reads logs of one format."""

    def read(self, path: Path) -> list[PublishedRun]:
        """Every run of a log, or of a folder of logs, inside a `hydra.main` or an initialised Hydra.

        Raises:
            ConfigError: there is none, or it is not what it should be; the sentence names file and line.
        """
        ...


def read_published(published: DictConfig) -> list[PublishedRun]:
    """The runs that a configuration of the group `published` points to.

    Args:
        published: `_target_`, `path`, and what the importer is made of.

    Raises:
        ConfigError: something in it is wrong, or the logs are.
    """
    with blaming("configuration"):
        check_keys(published, "published")
    values: dict[str, Any] = {str(name): value for name, value in published.items() if name != "path"}
    with blaming("published"):
        importer: Importer = instantiate(values)
    return importer.read(Path(published.path))


def plan_of(overrides: Sequence[str]) -> SimulatorPlan:
    """Our run in the cell that these overrides of conf/config.yaml name.

    Raises:
        ConfigError: there is no such cell, or it is not of the simulator.
    """
    named = " ".join(overrides)
    try:
        config = OmegaConf.to_object(compose("config", overrides=list(overrides)))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"published: {named}: {sentence(error)}") from error
    assert isinstance(config, RunConfig)
    if not isinstance(config.env, SimulatorSchema):
        raise ConfigError(f"published: {named} must be a run of the simulator: say env=simulator too")
    try:
        return plan_simulator(config, config.env)
    except ConfigError as error:
        raise ConfigError(f"published: {named}: {error}") from error
