"""What an evaluation has to play, and who is in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.program.errors import ConfigError, sentence
from experiments.statistics.scores import ORACLE, RANDOM
from experiments.studies.cells import Cell
from experiments.studies.entrants import Entrant
from experiments.studies.episodes import Task, task_of
from experiments.studies.schema import EntrantSchema, EvaluationSchema

N_RANDOM_SEEDS = 20  # of each cell, whose mean is what random decisions earn there

BySpec = Mapping[str, Entrant]  # an entrant per spec, for what was learned is for one


@dataclass(frozen=True, slots=True)
class Campaign:
    """An evaluation's episodes.

    Attributes:
        cells: where.
        entrants: who, by name; what is not in the roster is a yardstick only.
        roster: names in the tables.
        tasks: of the roster in the cells.
        references: in the simulator, of random and oracle: what scores are measured against.
        twins: of the roster in the simulator, if the cells are of the pipeline.
    """

    cells: Sequence[Cell]
    roster: Sequence[str]
    tasks: Sequence[Task]
    references: Sequence[Task]
    twins: Sequence[Task]

    @property
    def simulated(self) -> list[Task]:
        """All episodes that take no real time, each once."""
        own = [] if self.cells[0].is_real else self.tasks
        return once([*self.references, *self.twins, *own])

    @property
    def real(self) -> list[Task]:
        """All episodes that do."""
        return list(self.tasks) if self.cells[0].is_real else []


def once(tasks: Iterable[Task]) -> list[Task]:
    """Those with files of their own."""
    return list({task.path: task for task in tasks}.values())


def missing(tasks: Iterable[Task]) -> list[Task]:
    """Those that have not been played yet."""
    return [task for task in tasks if not task.path.exists()]


def with_references(schema: EvaluationSchema) -> dict[str, EntrantSchema]:
    """The roster, with random and oracle in it.

    Raises:
        ConfigError: an entry is not as EntrantSchema says, random or oracle is another agent there, or the
            reference is nobody.
    """
    agents = {name: entry_of(name, entry) for name, entry in schema.agents.items()}
    for name in (RANDOM, ORACLE):
        entry = agents.get(name, EntrantSchema())
        if entry.agent not in ("", name) or entry.overrides:
            raise ConfigError(f"agents.{name} is what scores are measured by: give a variant another name")
    if schema.reference not in agents:
        raise ConfigError(
            f"reference must be one of the agents, {', '.join(agents)}, got {schema.reference!r}"
        )
    return {**{name: EntrantSchema() for name in (RANDOM, ORACLE)}, **agents}


def entry_of(name: str, entry: Any) -> EntrantSchema:
    """Of a roster. Raises ConfigError."""
    try:
        found = OmegaConf.to_object(OmegaConf.merge(EntrantSchema, entry or {}))
    except (OmegaConfBaseException, ValueError) as error:
        raise ConfigError(f"agents.{name}: {sentence(error)}") from error
    assert isinstance(found, EntrantSchema)
    return found


def campaign_of(
    root: Path, cells: Sequence[Cell], entrants: Mapping[str, BySpec], roster: Sequence[str]
) -> Campaign:
    """All episodes, played or not.

    Args:
        root: of their files.
        cells: where.
        entrants: by name and spec.
        roster: names in the tables; `entrants` has random and oracle besides.
    """

    def tasks(names: Iterable[str], cells: Iterable[Cell], n_seeds: int = 0) -> list[Task]:
        return [
            task_of(root, entrants[name][cell.spec.hash], cell, seed)
            for name in names
            for cell in cells
            for seed in range(n_seeds or cell.n_seeds)
        ]

    twins = [cell.simulated() for cell in cells]
    return Campaign(
        cells=cells,
        roster=roster,
        tasks=tasks(roster, cells),
        references=[*tasks([ORACLE], twins), *tasks([RANDOM], twins, N_RANDOM_SEEDS)],
        twins=tasks(roster, twins) if cells[0].is_real else [],
    )
