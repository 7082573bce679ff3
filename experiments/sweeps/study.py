"""What a study has to play: agents x cells x seeds, each a run like any other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from experiments.config.agents import agent_values
from experiments.config.composing import composed, option
from experiments.config.programs import RosterConfig, StudyConfig, StudySchema, VariantSchema
from experiments.execution.resolve import ResolvedRun, resolve
from experiments.program.errors import ConfigError, sentence
from experiments.statistics.episode import ORACLE, RANDOM
from experiments.sweeps.cells import StudyCell
from experiments.training.training_run import is_learned

STUDIES = "studies"  # the folder of all runs of studies: what one has played, another has not to
N_RANDOM_SEEDS = 20  # of each cell, whose mean is what random decisions earn there
N_RANDOM_DRAWN = 3  # likewise of a drawn world, of which there are many
NOTHING = ("output.video=false", "output.detections=NONE", "output.mlflow=false", "output.picture=false")


@dataclass(frozen=True)
class AgentVariant:
    """An agent under the name that it has in tables.

    Attributes:
        name: its own.
        agent: its file in conf/agent.
        values: what the agent is made of.
    """

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
    entries = {name: entry_of(name, entry) for name, entry in schema.agents.items()}
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
    return {
        name: AgentVariant(
            name,
            entry.agent or name,
            agent_values(entry.agent or name, results, f"agents.{name}", entry.overrides),
        )
        for name, entry in entries.items()
    }


def entry_of(name: str, entry: Any) -> VariantSchema:
    """Return an entry of a roster with its types. Raises ConfigError."""
    try:
        found = OmegaConf.to_object(OmegaConf.merge(VariantSchema, entry or {}))
    except (OmegaConfBaseException, ValueError) as error:
        raise ConfigError(f"agents.{name}: {sentence(error)}") from error
    assert isinstance(found, VariantSchema)
    return found


@dataclass(frozen=True, slots=True)
class StudyRun:
    """One run of a study.

    Attributes:
        agent: the variant's name.
        cell: the name of where.
        block: of cells that are reported together.
        stratum: within what its episode is resampled.
        resolved: what is to be played, under its seed.
    """

    agent: str
    cell: str
    block: str
    stratum: str
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
        return f"{self.agent} in {self.cell}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Study:
    """All runs of a study, played or not.

    Attributes:
        cells: where.
        runs: of the roster in the cells.
        references: in the simulator, of random and oracle: what scores are measured by.
        twins: of the roster in the simulator, if the cells are of the pipeline.
    """

    cells: Sequence[StudyCell]
    runs: Sequence[StudyRun]
    references: Sequence[StudyRun]
    twins: Sequence[StudyRun]

    @property
    def is_real(self) -> bool:
        """Return whether the cells are of the pipeline, all or none."""
        return self.cells[0].is_real

    @property
    def simulated(self) -> list[StudyRun]:
        """Return all runs that take no real time, each once."""
        own = () if self.is_real else self.runs
        return list({run.hash: run for run in (*self.references, *self.twins, *own)}.values())

    @property
    def real(self) -> list[StudyRun]:
        """Return all runs that take real time."""
        return list(self.runs) if self.is_real else []

    @property
    def all(self) -> list[StudyRun]:
        """Return both, each once."""
        return [*self.simulated, *self.real]


class Resolver:
    """Makes runs of agents and cells; what several have in common is composed once, training is shown."""

    def __init__(self, config: RosterConfig, console: Console) -> None:
        self._config, self._console = config, console
        overrides = [*NOTHING, f"name={STUDIES}", f"results={config.results}"]
        self._base, self._choices = composed(["agent=random", *overrides])
        self._first: dict[tuple[str, str], ResolvedRun] = {}  # of each cell

    def resolve(self, variant: AgentVariant, cell: StudyCell) -> ResolvedRun:
        """Return the run of an agent in a cell, under seed 0; whoever must learn first has learned then.

        Raises:
            ConfigError: it is not possible; the cell is named.
            ExecutionError, KeyboardInterrupt: as `training.first_use.ensure_trained`.
        """
        kind = "pipeline" if cell.is_real else "simulator"
        trained_on = self._config.trained_on if is_learned(variant.values) else None  # it is nobody else's
        try:
            if (first := self._first.get((kind, cell.name))) is not None:
                return first.of_agent(variant.agent, variant.values, trained_on, self._console)
            found = self._first[kind, cell.name] = self._composed(variant, cell, kind, trained_on)
            return found
        except ConfigError as error:
            raise ConfigError(f"{cell.name}: {error}") from error

    def _composed(
        self, variant: AgentVariant, cell: StudyCell, kind: str, trained_on: str | None
    ) -> ResolvedRun:
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
        choices = {**self._choices, **cell.options, "agent": variant.agent, "env": kind}
        return resolve(cfg, choices, self._console)


def study_of(
    config: StudyConfig,
    cells: Sequence[StudyCell],
    variants: Mapping[str, AgentVariant],
    console: Console,
) -> Study:
    """Return all runs of a study; random and oracle are among the variants, by name.

    Raises:
        ConfigError: a cell is not possible, or nothing that an agent can be trained for.
        ExecutionError, KeyboardInterrupt: a training broke.
    """
    assert config.study is not None
    resolver = Resolver(config, console)

    def runs(names: Sequence[str], cells: Sequence[StudyCell]) -> list[StudyRun]:
        found = []
        for name, cell in product(names, cells):
            resolved = resolver.resolve(variants[name], cell)
            for seed in range(cell.n_seeds):
                own = resolved.under_seed(seed)
                found.append(StudyRun(name, cell.name, cell.block, cell.stratum, own))
        return found

    roster, twins = list(config.study.agents), [cell.twin() for cell in cells]
    n_random = [N_RANDOM_SEEDS if cell.world is None else N_RANDOM_DRAWN for cell in cells]
    at_random = [replace(twin, n_seeds=n) for twin, n in zip(twins, n_random, strict=True)]
    return Study(
        cells=cells,
        runs=runs(roster, cells),
        references=[*runs([ORACLE], twins), *runs([RANDOM], at_random)],
        twins=runs(roster, twins) if cells[0].is_real else [],
    )
