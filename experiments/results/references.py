"""What scores are measured by: random and oracle in each cell, logged, or played in the simulator now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.world_schemas import PipelineSchema
from experiments.display.progress import ProgressView
from experiments.execution.resolve import resolve
from experiments.program.errors import ConfigError
from experiments.program.formatting import counted
from experiments.results.cells import Venue
from experiments.results.comparable import present_spec
from experiments.runs.identity import GROUPS, code_hash
from experiments.statistics.episode import Episode
from experiments.statistics.scores import ORACLE, RANDOM, Reference, references_of
from experiments.studies.cells import StudyCell
from experiments.studies.plan import N_RANDOM_SEEDS, STUDIES, StudyRun
from experiments.studies.playing import jobs_of, play_all
from experiments.studies.report import episodes_of
from experiments.studies.schema import VariantSchema
from experiments.studies.variants import AgentVariant, variant_of
from experiments.sweeps.place import finished_in
from experiments.training.worlds import NO_OUTPUT
from experiments.worlds.simulator import SimulatorPlan
from experiments.worlds.twin import simulated


@dataclass(frozen=True, slots=True)
class Stand:
    """What one cell has of both, and what is to be played.

    Attributes:
        own: episodes of the collection.
        runs: the others.
        lacks: why there cannot be a score, "" if there can.
    """

    own: Sequence[Episode]
    runs: Sequence[StudyRun] = ()
    lacks: str = ""


def stands_of(
    cells: Sequence[Venue], episodes: Sequence[Episode], references: bool, results: Path, console: Console
) -> dict[str, Stand]:
    """Return what each cell has: runs of the collection count if they are enough, else what is played.

    Inside a `hydra.main`.

    Args:
        cells: of the collection.
        episodes: of its runs.
        references: whether to play what it lacks.
        results: the folder of all results; what is played is a run of a study there.
        console: for what preparing has to say.

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
        if (lacks := lacking(cell, own)) and references:
            both = both or [variant_of(agent, VariantSchema(), str(results)) for agent in (RANDOM, ORACLE)]
            found[cell.name] = completed(cell, own, both, results, console)
        else:
            found[cell.name] = Stand(own, lacks=lacks)
    return found


def lacking(cell: Venue, own: Sequence[Episode]) -> str:
    """What a collection's own references lack, "" if they are enough."""
    seeds = {agent: {episode.seed for episode in own if episode.agent == agent} for agent in (RANDOM, ORACLE)}
    if not seeds[RANDOM]:
        return "random is not among its runs"
    absent = sorted(set(cell.seeds) - seeds[ORACLE])
    return f"oracle is not among its runs under {', '.join(map(str, absent))}" if absent else ""


def completed(
    cell: Venue, own: Sequence[Episode], both: Sequence[AgentVariant], results: Path, console: Console
) -> Stand:
    """Return it with whatever its own references lack as runs in the simulator, if that is possible."""
    if cell.is_real:
        own = []  # all of the twin, or all of the pipeline
    there = {(episode.agent, episode.seed) for episode in own}
    wanted = {
        RANDOM: [] if any(agent == RANDOM for agent, _ in there) else list(range(N_RANDOM_SEEDS)),
        ORACLE: [seed for seed in cell.seeds if (ORACLE, seed) not in there],
    }
    runs = list[StudyRun]()
    try:
        for variant in both:
            if seeds := wanted[variant.name]:
                runs += reference_runs(cell, variant, seeds, results, console)
    except ConfigError as error:
        return Stand(own, lacks=str(error))
    return Stand(own, runs)


def reference_runs(
    cell: Venue, variant: AgentVariant, seeds: Sequence[int], results: Path, console: Console
) -> list[StudyRun]:
    """Return the runs of an agent in a cell's simulated world. Raises ConfigError: there is none like it."""
    world = cell.world
    if isinstance(world, ConfigError):
        raise world
    plan = world.plan
    if not isinstance(plan, SimulatorPlan):
        raise ConfigError("what is replayed cannot be foreseen")
    if present_spec(cell) is None:
        raise ConfigError(f"this code judges it by another spec ({plan.spec.hash}) than its runs were")
    config = plan.config
    env = simulated(config.env) if isinstance(config.env, PipelineSchema) else config.env
    output = replace(NO_OUTPUT, video=config.output.video)  # results carry the frames back
    cfg = OmegaConf.structured(
        replace(config, name=STUDIES, results=str(results), seed=0, live=False, env=env, output=output)
    )
    assert isinstance(cfg, DictConfig)
    cfg.agent, cfg.trained_on = variant.values, None
    choices = {group: str(cell.first[group]) for group in GROUPS}
    resolved = resolve(cfg, {**choices, "agent": variant.agent, "env": "simulator"}, console, False)
    stage = StudyCell(cell.name, "", {}, env, len(seeds), "")
    return [StudyRun(variant.name, stage, resolved.under_seed(seed)) for seed in seeds]


def play(
    stands: Mapping[str, Stand], folder: Path, processes: int | None, live: bool | None, console: Console
) -> dict[str, str]:
    """Play what is not there yet, and return what went wrong, by the run's hash.

    Args:
        stands: of all cells.
        folder: of the runs of studies.
        processes: at the same time; None = one per core.
        live: a progress bar; None = where the console is a terminal.
        console: for it.
    """
    finished, failed = finished_in(folder), dict[str, str]()
    left = {run.hash: run for stand in stands.values() for run in stand.runs if run.hash not in finished}
    if not left:
        return failed
    with ProgressView(console, live, "references", len(left), "runs") as view:

        def on_done(run: StudyRun, error: str) -> None:
            view.done(run.title, error)
            if error:
                failed[run.hash] = error

        play_all(jobs_of(left.values()), processes, on_done)
    return failed


def measured(stands: Mapping[str, Stand], folder: Path) -> dict[str, Reference]:
    """Return the references of the cells that have both, logged or played."""
    finished, references = finished_in(folder), list[Episode]()
    for stand in stands.values():
        if not stand.lacks and all(run.hash in finished for run in stand.runs):
            references += [*stand.own, *episodes_of(stand.runs, folder, finished)]
    return references_of(references)


# --- what a reader must know ---


def notes_of(cells: Sequence[Venue], stands: Mapping[str, Stand], failed: Mapping[str, str]) -> list[str]:
    """Where there are no scores, and where they are measured by episodes that are not of the collection."""
    notes = []
    by_reason: dict[str, list[str]] = {}
    for name, stand in stands.items():
        broken = next((failed[run.hash] for run in stand.runs if run.hash in failed), "")
        if reason := stand.lacks or (f"a reference failed: {broken}" if broken else ""):
            by_reason.setdefault(reason, []).append(name)
    notes += [f"Not scored, for {reason}: {', '.join(names)}." for reason, names in by_reason.items()]
    added = [cell for cell in cells if stands[cell.name].runs and not stands[cell.name].lacks]
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
