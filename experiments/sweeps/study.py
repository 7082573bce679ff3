"""What a study has to play: agents x cells x seeds, each a run like any other.

A cell is hardware with a scenario under a set of SLOs, or a drawn world.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from envs.procedural.world import STEPS, numbers, stratum_of
from experiments.config.agents import agent_values, is_learned
from experiments.config.composing import composed, option
from experiments.config.programs import RosterConfig, StudyConfig, StudySchema, VariantSchema
from experiments.config.schemas import EnvSchema, PipelineSchema, ReplaySchema
from experiments.execution.resolve import ResolvedRun, resolve
from experiments.program.errors import ConfigError, blaming, sentence
from experiments.results.naming import OURS
from experiments.runs.provenance import git_commit
from experiments.statistics.episode import ORACLE, RANDOM
from experiments.worlds.drawn import PREFIX
from experiments.worlds.plan import simulated

STUDIES = "studies"  # the folder of all runs of studies: what one has played, another has not to
N_RANDOM_SEEDS = 20  # of each cell, whose mean is what random decisions earn there
N_RANDOM_DRAWN = 3  # likewise of a drawn world, of which there are many
NOTHING = ("output.video=false", "output.detections=NONE", "output.mlflow=false", "output.picture=false")


# --- where ---


@dataclass(frozen=True, slots=True)
class StudyCell:
    """A world, and how often it is played."""

    name: str  # hardware/scenario, and /SLOs unless they are the default
    block: str  # of cells that are reported together
    options: Mapping[str, str]  # files of conf/{video,hardware,scenario,slo,qoe}, by group; none if drawn
    env: EnvSchema  # the world's kind
    n_seeds: int  # episodes, of the seeds 0 ... n_seeds - 1
    world: int | None = None  # number of a drawn one, one of many in which the same binds; None = named

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
    """Return all cells of a study, in its order; all their worlds are like `env`.

    Raises ConfigError: one is not possible, or would have the name of another.
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
    chosen: Sequence[int] = ()
    if study.worlds is not None:
        with blaming("worlds"):
            chosen = numbers(study.worlds.split, study.worlds.n, git_commit())
    if not (cells or chosen):
        raise ConfigError("cells: a study needs at least one cell, got none")
    return [*cells.values(), *(drawn_cell(number, env) for number in chosen)]


def drawn_cell(number: int, env: EnvSchema) -> StudyCell:
    """Return a drawn world, in which an episode is played once."""
    own = replace(env, steps=STEPS, control_interval_s=1.0)
    return StudyCell(f"{PREFIX}{number}", str(stratum_of(number)), {}, own, 1, number)


# --- who ---


@dataclass(frozen=True)
class AgentVariant:
    """An agent under the name that it has in tables: its file in conf/agent, and what it is made of."""

    name: str
    agent: str
    values: DictConfig


def variants_of(schema: StudySchema, results: str) -> dict[str, AgentVariant]:
    """Return the agents of a study by name, random and oracle among them, which scores are measured by.

    Inside a `hydra.main` or an initialised Hydra.

    Raises:
        ConfigError: an entry is not as VariantSchema says, names an agent or a value that there is not, or
            takes the name of random or oracle for another; or nobody is the reference.
    """
    entries = dict[str, VariantSchema]()
    for name, entry in schema.agents.items():
        try:
            typed: Any = OmegaConf.to_object(OmegaConf.merge(VariantSchema, entry or {}))
        except (OmegaConfBaseException, ValueError) as error:
            raise ConfigError(f"agents.{name}: {sentence(error)}") from error
        entries[name] = typed
    if not entries:
        raise ConfigError("agents: a study needs at least one agent, got none")
    for name in (RANDOM, ORACLE):
        entry = entries.setdefault(name, VariantSchema())
        if entry.agent not in ("", name) or entry.overrides:
            raise ConfigError(f"agents.{name} is what scores are measured by: give a variant another name")
    if schema.reference not in schema.agents:
        raise ConfigError(
            f"reference must be one of the agents, {', '.join(schema.agents)}, got {schema.reference!r}"
        )
    found = {}
    for name, entry in entries.items():
        agent = entry.agent or name
        values = agent_values(agent, results, f"agents.{name}", entry.overrides)
        found[name] = AgentVariant(name, agent, values)
    return found


@dataclass(frozen=True, slots=True)
class StudyRun:
    """One run of a study: of the variant of that name, in a cell, to be played under its seed."""

    agent: str
    cell: StudyCell
    resolved: ResolvedRun

    @property
    def seed(self) -> int:
        """Return its seed."""
        return self.resolved.config.seed

    @property
    def hash(self) -> str:
        """Return what it is known by in the folder of runs."""
        return self.resolved.identity.run_hash

    @property
    def title(self) -> str:
        """Return what it is called for people."""
        return f"{self.agent} in {self.cell.name}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Study:
    """All runs of a study, played or not."""

    cells: Sequence[StudyCell]  # where; all of the pipeline, or none
    runs: Sequence[StudyRun]  # of the roster in the cells
    references: Sequence[StudyRun]  # in the simulator, of random and oracle: what scores are measured by
    twins: Sequence[StudyRun]  # of the roster in the simulator, if the cells are of the pipeline

    @property
    def simulated(self) -> list[StudyRun]:
        """Return all runs that take no real time, each once."""
        runs = (*self.references, *self.twins, *self.runs)
        return list({run.hash: run for run in runs if not run.cell.is_real}.values())

    @property
    def real(self) -> list[StudyRun]:
        """Return all runs that take real time."""
        return [run for run in self.runs if run.cell.is_real]


class Resolver:
    """Makes runs of agents and cells; what several have in common is composed once, training is shown."""

    def __init__(self, config: RosterConfig, console: Console) -> None:
        self._config, self._console = config, console
        overrides = [*NOTHING, f"name={STUDIES}", f"results={config.results}"]
        self._base, self._choices = composed(["agent=random", *overrides])
        self._first: dict[tuple[bool, str], ResolvedRun] = {}  # of each cell

    def resolve(self, variant: AgentVariant, cell: StudyCell) -> ResolvedRun:
        """Return the run of an agent in a cell, under seed 0; whoever must learn first has learned then.

        Raises:
            ConfigError: it is not possible; the cell is named.
            ExecutionError, KeyboardInterrupt: as `training.first_use.ensure_trained`.
        """
        trained_on = self._config.trained_on if is_learned(variant.values) else None  # it is nobody else's
        world = (cell.is_real, cell.name)
        try:
            if world in self._first:
                return self._first[world].of_agent(variant.agent, variant.values, trained_on, self._console)
            self._first[world] = self._composed(variant, cell, trained_on)
            return self._first[world]
        except ConfigError as error:
            raise ConfigError(f"{cell.name}: {error}") from error

    def _composed(self, variant: AgentVariant, cell: StudyCell, trained_on: str | None) -> ResolvedRun:
        cfg = self._base.copy()
        assert isinstance(cfg, DictConfig)
        values: dict[str, Any] = {group: option(group, name) for group, name in cell.options.items()}
        values |= {"detector": self._config.detector, "env": cell.env}
        for group, value in values.items():
            cfg[group] = OmegaConf.structured(value)
        if cell.world is None:
            cfg.accuracy = option("video", cell.options["video"], "accuracy")
        cfg.agent, cfg.seed, cfg.live, cfg.world = variant.values, 0, self._config.live, cell.world
        cfg.trained_on = trained_on
        env = "pipeline" if cell.is_real else "simulator"
        choices = {**self._choices, **cell.options, "agent": variant.agent, "env": env}
        return resolve(cfg, choices, self._console)


def study_of(
    config: StudyConfig, cells: Sequence[StudyCell], variants: Mapping[str, AgentVariant], console: Console
) -> Study:
    """Return all runs of a study; random and oracle are among the variants, by name.

    Raises:
        ConfigError: a cell is not possible, or nothing that an agent can be trained for.
        ExecutionError, KeyboardInterrupt: a training broke.
    """
    assert config.study is not None
    resolver = Resolver(config, console)

    def runs(names: Sequence[str], cells: Sequence[StudyCell]) -> list[StudyRun]:
        return [
            StudyRun(name, cell, resolved.under_seed(seed))
            for name, cell in product(names, cells)
            for resolved in [resolver.resolve(variants[name], cell)]
            for seed in range(cell.n_seeds)
        ]

    roster, twins = list(config.study.agents), [cell.twin() for cell in cells]
    n_random = [N_RANDOM_SEEDS if cell.world is None else N_RANDOM_DRAWN for cell in cells]
    at_random = [replace(twin, n_seeds=n) for twin, n in zip(twins, n_random, strict=True)]
    return Study(
        cells=cells,
        runs=runs(roster, cells),
        references=[*runs([ORACLE], twins), *runs([RANDOM], at_random)],
        twins=runs(roster, twins) if cells[0].is_real else [],
    )
