"""Where runs took place: a cell is one world, and the runs in it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import PipelineSchema
from experiments.program.errors import ConfigError
from experiments.results.run_row import Runs
from experiments.worlds.plan import Plan, plan_run, plan_twin


def known_world(config: RunConfig) -> Plan:
    """Plan a run in the world of a configuration, or in its simulated twin. Raises ConfigError."""
    return plan_twin(config) if isinstance(config.env, PipelineSchema) else plan_run(config)


@dataclass(frozen=True, eq=False)
class Cell:
    """A world, and the runs that took place in it.

    Attributes:
        name: hardware/scenario, /SLOs unless they are the default, and what else other cells do not have.
        runs: at least one, a row each as `run_row` has them; they are alike but for agent and seed.
    """

    name: str
    runs: Runs

    @property
    def first(self) -> Any:
        """One of them."""
        return self.runs.iloc[0]

    @property
    def seeds(self) -> list[int]:
        """Under which it was played, ascending."""
        return sorted(self.runs["seed"].unique().tolist())

    @property
    def is_real(self) -> bool:
        """Whether its runs took real time."""
        return self.first["env"] == "pipeline"

    @cached_property
    def world(self) -> Plan | ConfigError:
        """Its world, or why that cannot be built here."""
        try:
            return known_world(self.first["typed"]())
        except ConfigError as error:
            return error
