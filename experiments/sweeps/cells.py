"""Where a study takes place: cells, each hardware with each scenario under each set of SLOs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

from envs.procedural.world import STEPS, numbers, stratum_of
from experiments.config.programs import StudySchema
from experiments.config.schemas import EnvSchema, PipelineSchema, ReplaySchema
from experiments.program.errors import ConfigError, blaming
from experiments.runs.provenance import git_commit
from experiments.worlds.drawn import PREFIX
from experiments.worlds.plan import simulated

OURS = "default"  # the SLOs that a cell's name does not mention


@dataclass(frozen=True, slots=True)
class StudyCell:
    """A world, and how often it is played.

    Attributes:
        name: hardware/scenario, and /SLOs unless they are the default.
        block: of cells that are reported together.
        options: files of conf/{video,hardware,scenario,slo,qoe}, by group; none of a drawn world.
        env: the world's kind.
        n_seeds: episodes, of the seeds 0 ... n_seeds - 1.
        world: the number of a drawn one, one of many in which the same binds: its block; None = named.
    """

    name: str
    block: str
    options: Mapping[str, str]
    env: EnvSchema
    n_seeds: int
    world: int | None = None

    @property
    def stratum(self) -> str:
        """Return within what its episodes are resampled."""
        return self.name if self.world is None else self.block

    @property
    def is_real(self) -> bool:
        """Whether it takes real time."""
        return isinstance(self.env, PipelineSchema)

    def twin(self) -> "StudyCell":
        """Return the same in the simulator."""
        return replace(self, env=simulated(self.env)) if isinstance(self.env, PipelineSchema) else self


def cells_of(study: StudySchema, env: EnvSchema) -> list[StudyCell]:
    """Return all cells of a study, in its order.

    Args:
        study: which.
        env: what the worlds of all of them are like.

    Raises:
        ConfigError: one is not possible, or would have the name of another.
    """
    if isinstance(env, ReplaySchema):
        raise ConfigError("env must be simulator or pipeline: a replayed world has no hardware or scenarios")
    if isinstance(env, PipelineSchema) and env.control:
        raise ConfigError("env.control: a pipeline that runs already has hardware and scenario of its own")
    cells: dict[str, StudyCell] = {}
    for block, schema in study.cells.items():
        if schema.seeds < 1 or not (schema.hardware and schema.scenarios and schema.slos):
            raise ConfigError(
                f"cells.{block}: expected seeds >= 1 and some hardware, scenarios and slos, got "
                f"{schema.seeds}, {schema.hardware}, {schema.scenarios} and {schema.slos}"
            )
        wished = {"binding": schema.binding, "hand_out": schema.hand_out}
        changes = {name: value for name, value in wished.items() if value is not None}
        own = replace(env, steps=schema.steps, control_interval_s=schema.control_interval_s, **changes)
        for hardware, scenario, slo in product(schema.hardware, schema.scenarios, schema.slos):
            name = f"{hardware}/{scenario}" + ("" if slo == OURS else f"/{slo}")
            if name in cells:
                raise ConfigError(f"cells.{block}: there is a cell {name} already, in {cells[name].block}")
            options = {"video": schema.video, "hardware": hardware, "scenario": scenario, "slo": slo}
            options |= {} if schema.qoe is None else {"qoe": schema.qoe}
            cells[name] = StudyCell(name, block, options, own, schema.seeds)
    found = list(cells.values())
    if study.worlds is not None:
        with blaming("worlds"):
            chosen = numbers(study.worlds.split, study.worlds.n, git_commit())
        found += [drawn_cell(number, env) for number in chosen]
    if not found:
        raise ConfigError("cells: a study needs at least one cell, got none")
    return found


def drawn_cell(number: int, env: EnvSchema) -> StudyCell:
    """Return a drawn world, in which an episode is played once."""
    return StudyCell(
        name=f"{PREFIX}{number}",
        block=str(stratum_of(number)),
        options={},
        env=replace(env, steps=STEPS, control_interval_s=1.0),
        n_seeds=1,
        world=number,
    )
