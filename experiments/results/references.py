"""What scores are measured by: random and oracle in each cell, logged, or played in the simulator now."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq
from omegaconf import OmegaConf
from rich.console import Console

from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import PipelineSchema
from experiments.display.progress import ProgressView
from experiments.program.errors import ConfigError
from experiments.program.formatting import counted
from experiments.results.cells import Venue
from experiments.results.comparable import present_spec
from experiments.runs.identity import code_hash
from experiments.statistics.episode import Episode, episode_of
from experiments.statistics.scores import ORACLE, RANDOM, Reference, references_of
from experiments.studies import cells as campaign
from experiments.studies.entrants import Entrant, entrant_of
from experiments.studies.episodes import Task, task_of
from experiments.studies.plan import N_RANDOM_SEEDS, missing
from experiments.studies.pool import jobs_of, work_through
from experiments.worlds.simulator import SimulatorPlan
from experiments.worlds.twin import simulated

UNSAFE = re.compile(r"[^\w.=,+-]+")  # in a file's name


@dataclass(frozen=True, slots=True)
class Stand:
    """What one cell has of both, and what is to be played.

    Attributes:
        own: episodes of the collection.
        tasks: the others.
        lacks: why there cannot be a score, "" if there can.
    """

    own: Sequence[Episode]
    tasks: Sequence[Task] = ()
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Played:
    """How it is played.

    Attributes:
        root: of the files of episodes, which evaluations share.
        processes: at the same time; None = one per core.
        live: a progress bar; None = where the console is a terminal.
        console: for it.
    """

    root: Path
    processes: int | None
    live: bool | None
    console: Console


def stands_of(
    cells: Sequence[Venue], episodes: Sequence[Episode], references: bool, results: str, root: Path
) -> dict[str, Stand]:
    """By cell, inside a `hydra.main`: runs of the collection count if they are enough, else what is played.

    Args:
        cells: of the collection.
        episodes: of its runs.
        references: whether to play what it lacks.
        results: folder that checkpoints are in.
        root: of the files of episodes.

    Raises:
        ConfigError: random or oracle cannot be made.
    """
    by_cell: dict[str, list[Episode]] = {}
    for episode in episodes:
        if episode.agent in (RANDOM, ORACLE):
            by_cell.setdefault(episode.cell, []).append(episode)
    found, both = {}, []
    for cell in cells:
        own = by_cell.get(cell.name, [])
        if lacking(cell, own) and references:
            both = both or [entrant_of(agent, agent, {}, results) for agent in (RANDOM, ORACLE)]
            found[cell.name] = completed(cell, own, both, root)
        else:
            found[cell.name] = Stand(own, lacks=lacking(cell, own))
    return found


def lacking(cell: Venue, own: Sequence[Episode]) -> str:
    """What a collection's own references lack, "" if they are enough."""
    seeds = {agent: {episode.seed for episode in own if episode.agent == agent} for agent in (RANDOM, ORACLE)}
    if not seeds[RANDOM]:
        return "random is not among its runs"
    absent = sorted(set(cell.seeds) - seeds[ORACLE])
    return f"oracle is not among its runs under {', '.join(map(str, absent))}" if absent else ""


def completed(cell: Venue, own: Sequence[Episode], both: Sequence[Entrant], root: Path) -> Stand:
    """With whatever its own references lack as tasks in the simulator, if that is possible."""
    if cell.is_real:
        own = []  # all of the twin, or all of the pipeline
    try:
        stage = stage_of(cell)
    except ConfigError as error:
        return Stand(own, lacks=str(error))
    random, oracle = both
    there = {(episode.agent, episode.seed) for episode in own}
    tasks = [task_of(root, oracle, stage, seed) for seed in cell.seeds if (ORACLE, seed) not in there]
    if RANDOM not in {agent for agent, _ in there}:
        tasks += [task_of(root, random, stage, seed) for seed in range(N_RANDOM_SEEDS)]
    return Stand(own, tasks)


def stage_of(cell: Venue) -> campaign.Cell:
    """The cell in the simulator. Raises ConfigError: there is none like it."""
    world = cell.world
    if isinstance(world, ConfigError):
        raise world
    plan = world.plan
    if not isinstance(plan, SimulatorPlan):
        raise ConfigError("what is replayed cannot be foreseen")
    if present_spec(cell) is None:
        raise ConfigError(f"this code judges it by another spec ({plan.spec.hash}) than its runs were")
    env = plan.config.env
    config: RunConfig = replace(
        plan.config, seed=0, env=simulated(env) if isinstance(env, PipelineSchema) else env
    )
    return campaign.Cell(UNSAFE.sub("-", cell.name), "", config, plan, len(cell.seeds))


def play(stands: Mapping[str, Stand], played: Played, logs: Path) -> dict[Path, str]:
    """Play what has no file yet; returns what went wrong, by file."""
    left = missing(task for stand in stands.values() for task in stand.tasks)
    failed: dict[Path, str] = {}
    if not left:
        return failed
    with ProgressView(played.console, played.live, "references", len(left), "episodes") as view:

        def on_done(task: Task, error: str) -> None:
            view.done(task.title, error)
            if error:
                failed[task.path] = error

        work_through(jobs_of(left), played.processes, logs, on_done)
    return failed


def measured(stands: Mapping[str, Stand]) -> dict[str, Reference]:
    """Of the cells that have both, logged or played."""
    references: list[Episode] = []
    for name, stand in stands.items():
        if stand.lacks or missing(stand.tasks):
            continue
        references += stand.own
        references += [
            episode_of(pq.read_table(task.path).to_pandas(), task.entrant.name, name, "", task.seed, ())
            for task in stand.tasks
        ]
    return references_of(references)


# --- what a reader must know ---


def notes_of(cells: Sequence[Venue], stands: Mapping[str, Stand], failed: Mapping[Path, str]) -> list[str]:
    """Where there are no scores, and where they are measured by episodes that are not of the collection."""
    notes = []
    by_reason: dict[str, list[str]] = {}
    for name, stand in stands.items():
        broken = next((failed[task.path] for task in stand.tasks if task.path in failed), "")
        if reason := stand.lacks or (f"a reference failed: {broken}" if broken else ""):
            by_reason.setdefault(reason, []).append(name)
    notes += [f"Not scored, for {reason}: {', '.join(names)}." for reason, names in by_reason.items()]
    added = [cell for cell in cells if stands[cell.name].tasks and not stands[cell.name].lacks]
    if real := [cell.name for cell in added if cell.is_real]:
        notes.append(
            "Measured on the real pipeline, between random and oracle of the simulated twin: "
            f"{', '.join(real)}."
        )
    if n := sum(is_of_other_code(cell) for cell in added):
        notes.append(
            f"Random and oracle of {counted(n, 'cell')} were played by the present code, and runs there are "
            "of another: their scores are measured by a world that need not be theirs."
        )
    return notes


def is_of_other_code(cell: Venue) -> bool:
    """Whether a run of a cell says that this code would not do the same; published ones do not say."""
    for _, run in cell.runs.iterrows():
        asked = OmegaConf.create({group: run["config"][group] for group in ("agent", "video")})
        if run["code_hash"] not in ("", code_hash(asked, run["env"])):
            return True
    return False
