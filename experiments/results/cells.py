"""Where runs took place: a cell is one world, and the runs in it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from envs.scenario import Scenario
from envs.spec import ElasticitySpec
from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import PipelineSchema
from experiments.program.errors import ConfigError, blaming
from experiments.results.run_row import Runs
from experiments.statistics.disturbances import ChangePoint, change_points
from experiments.worlds.build import assemble
from experiments.worlds.builders import scenario_of
from experiments.worlds.run_spec import Plan
from experiments.worlds.simulator import plan_simulator
from experiments.worlds.twin import simulated


@dataclass(frozen=True, slots=True)
class Known:
    """A cell's world, built again.

    Attributes:
        plan: a run in it; of the simulated twin, where it was one of the pipeline.
        scenario: what happens in it.
    """

    plan: Plan
    scenario: Scenario

    @property
    def spec(self) -> ElasticitySpec:
        """What agents see in it."""
        return self.plan.spec

    def change_points(self, seed: int) -> tuple[ChangePoint, ...]:
        """When it gets worse or better in the episode of a seed."""
        env = self.plan.config.env
        return change_points(self.scenario, self.spec.slos, env.steps, env.control_interval_s, seed)


def known_world(config: RunConfig) -> Known:
    """The world of a configuration. Raises ConfigError: it cannot be built here."""
    env = config.env
    if isinstance(env, PipelineSchema):
        if env.control:
            raise ConfigError("the pipeline ran elsewhere")
        plan: Plan = plan_simulator(config, simulated(env))
    else:
        plan = assemble(config)
    with blaming("scenario"):
        scenario = scenario_of(config.scenario)
        scenario.timeline(env.steps, env.control_interval_s, 0)  # its files are read
    return Known(plan, scenario)


@dataclass(frozen=True, eq=False)
class Venue:
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
    def world(self) -> Known | ConfigError:
        """Its world, or why that cannot be built here."""
        try:
            return known_world(self.first["typed"]())
        except ConfigError as error:
            return error
