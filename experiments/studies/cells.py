"""Where an evaluation takes place: cells, each hardware with each scenario under each set of SLOs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from envs.spec import ElasticitySpec
from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import PipelineSchema, ReplaySchema
from experiments.program.errors import ConfigError
from experiments.statistics.disturbances import ChangePoint, change_points
from experiments.studies.schema import CellsSchema, EvaluateConfig
from experiments.training.worlds import NO_OUTPUT, option
from experiments.worlds.build import assemble
from experiments.worlds.simulator import SimulatorPlan
from experiments.worlds.twin import simulated, twin_of

OURS = "default"  # the SLOs that a cell's name does not mention
WORLD = (
    "video",
    "detector",
    "env",
    "hardware",
    "scenario",
    "slo",
)  # of a run: what an episode takes place in


@dataclass(frozen=True, slots=True)
class Cell:
    """A world, and how often it is played.

    Attributes:
        name: hardware/scenario, and /SLOs unless they are the default.
        block: of cells that are reported together.
        config: of a run in it; its seed is 0.
        twin: the run in the simulator, which is the run itself unless that is of the pipeline.
        n_seeds: episodes, of the seeds 0 ... n_seeds - 1.
        training: of conf/training, what learned agents are trained on for it; None = the program's own.
    """

    name: str
    block: str
    config: RunConfig
    twin: SimulatorPlan
    n_seeds: int
    training: str | None = None

    @property
    def spec(self) -> ElasticitySpec:
        """What agents see in it."""
        return self.twin.spec

    @property
    def is_real(self) -> bool:
        """Whether it takes real time."""
        return isinstance(self.config.env, PipelineSchema)

    def simulated(self) -> "Cell":
        """The same in the simulator."""
        env = self.config.env
        if not isinstance(env, PipelineSchema):
            return self
        return replace(self, config=replace(self.config, env=simulated(env)))

    def world(self) -> dict[str, Any]:
        """All that an episode depends on beside its agent, its seed and the code."""
        world = {name: asdict(getattr(self.config, name)) for name in WORLD}
        if self.config.output.video:  # results then carry the frames back
            world["output"] = {"video": True}
        return world

    def change_points(self, seed: int) -> tuple[ChangePoint, ...]:
        """When the world gets worse or better in the episode of a seed."""
        system = self.twin.system
        slos = self.spec.slos
        return change_points(system.scenario, slos, system.steps, system.control_interval_s, seed)


def cells_of(config: EvaluateConfig) -> list[Cell]:
    """All cells of an evaluation, in its order, inside a `hydra.main` or an initialised Hydra.

    Raises:
        ConfigError: one is not possible, or would have the name of another.
    """
    if isinstance(config.env, ReplaySchema):
        raise ConfigError("env must be simulator or pipeline: a replayed world has no hardware or scenarios")
    if isinstance(config.env, PipelineSchema) and config.env.control:
        raise ConfigError("env.control: a pipeline that runs already has hardware and scenario of its own")
    cells: dict[str, Cell] = {}
    for block, schema in config.evaluation.cells.items():
        check_block(block, schema)
        for name, run in runs_of(config, schema):
            if name in cells:
                raise ConfigError(f"cells.{block}: there is a cell {name} already, in {cells[name].block}")
            try:
                twin = twin_of(assemble(run))
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from error
            assert isinstance(twin, SimulatorPlan)
            cells[name] = Cell(name, block, run, twin, schema.seeds, schema.training)
    if not cells:
        raise ConfigError("cells: an evaluation needs at least one cell, got none")
    return list(cells.values())


def check_block(block: str, schema: CellsSchema) -> None:
    """Raise ConfigError if a block has nothing to play."""
    if schema.seeds < 1 or not (schema.hardware and schema.scenarios and schema.slos):
        raise ConfigError(
            f"cells.{block}: expected seeds >= 1 and some hardware, scenarios and slos, got {schema.seeds}, "
            f"{schema.hardware}, {schema.scenarios} and {schema.slos}"
        )


def runs_of(config: EvaluateConfig, schema: CellsSchema) -> Iterator[tuple[str, RunConfig]]:
    """The cells of a block, by name, each as a run of seed 0 that leaves nothing and has no agent yet."""
    video = option("video", schema.video)
    env = replace(config.env, steps=schema.steps, control_interval_s=schema.control_interval_s)
    options = {
        group: {name: option(group, name) for name in names}
        for group, names in (
            ("hardware", schema.hardware),
            ("scenario", schema.scenarios),
            ("slo", schema.slos),
        )
    }
    for hardware, scenario, slos in product(schema.hardware, schema.scenarios, schema.slos):
        name = f"{hardware}/{scenario}" + ("" if slos == OURS else f"/{slos}")
        yield (
            name,
            RunConfig(
                name="evaluation",
                seed=0,
                live=False,
                results=config.results,
                agent=None,
                video=video,
                detector=config.detector,
                env=env,
                hardware=options["hardware"][hardware],
                scenario=options["scenario"][scenario],
                slo=options["slo"][slos],
                output=NO_OUTPUT,
            ),
        )
