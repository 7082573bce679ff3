"""Where runs took place: a cell is one world, named as evaluations name theirs, and by what else differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from envs.scenario import Scenario
from envs.spec import ElasticitySpec
from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import PipelineSchema
from experiments.program.errors import ConfigError, blaming
from experiments.results.naming import additions, flat
from experiments.results.run_row import ELSEWHERE, NAMING, Candidate
from experiments.statistics.disturbances import ChangePoint, change_points
from experiments.studies.cells import OURS, WORLD
from experiments.worlds.build import assemble
from experiments.worlds.builders import scenario_of
from experiments.worlds.run_spec import Plan
from experiments.worlds.simulator import plan_simulator
from experiments.worlds.twin import simulated

Who = tuple[str, int]  # an entrant's name, and a seed


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
        runs: by entrant and seed, at least one; they are alike but for both.
    """

    name: str
    runs: Mapping[Who, Candidate]

    @property
    def candidate(self) -> Candidate:
        """One of them."""
        return next(iter(self.runs.values()))

    @property
    def seeds(self) -> list[int]:
        """Under which it was played, ascending."""
        return sorted({seed for _, seed in self.runs})

    @property
    def is_real(self) -> bool:
        """Whether its runs took real time."""
        return self.candidate.facts["env"] == "pipeline"

    @cached_property
    def world(self) -> Known | ConfigError:
        """Its world, or why that cannot be built here."""
        try:
            return known_world(self.candidate.typed())
        except ConfigError as error:
            return error


def named_worlds(candidates: Sequence[Candidate]) -> tuple[list[str], list[str]]:
    """The cell's name of each run, and notes on names that do not say what they are."""
    names: dict[str, str] = {}
    notes = []
    for stem, alike in stems(
        list({candidate.world_digest: candidate for candidate in candidates}.values())
    ).items():
        parted = "," if stem.count("=") else "/"
        for candidate, addition in zip(
            alike, additions([flat(candidate.world) for candidate in alike]), strict=True
        ):
            name = f"{stem}{parted}{addition.text}" if addition.text else stem
            names[candidate.world_digest] = name
            if not addition.is_told:
                notes.append(f"{name} is {stem} with {addition.full}.")
    return [names[candidate.world_digest] for candidate in candidates], notes


def stems(worlds: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    """Worlds by hardware/scenario, /SLOs unless they are the default, and options that are not the same.

    The first three are what evaluations call a cell.
    """
    by_cell: dict[str, list[Candidate]] = {}
    for candidate in worlds:
        hardware, scenario, slo = (str(candidate.facts[group]) for group in NAMING)
        name = f"{hardware}/{scenario}" + ("" if slo in (OURS, *ELSEWHERE) else f"/{slo}")
        by_cell.setdefault(name, []).append(candidate)
    found: dict[str, list[Candidate]] = {}
    for name, alike in by_cell.items():
        groups = [group for group in WORLD if len({candidate.facts[group] for candidate in alike}) > 1]
        for candidate in alike:
            options = ",".join(f"{group}={candidate.facts[group]}" for group in groups)
            found.setdefault(f"{name}/{options}" if options else name, []).append(candidate)
    return found
