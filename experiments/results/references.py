"""What scores are measured by: random and oracle in each cell, logged, or played in the simulator now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf
from rich.console import Console

from experiments.config.agents import agent_values
from experiments.config.programs import CompareConfig
from experiments.config.schemas import NO_OUTPUT
from experiments.execution.resolve import resolve
from experiments.program.console import counted
from experiments.program.errors import ConfigError
from experiments.results.run_row import SPEC, Cell
from experiments.runs.provenance import GROUPS, code_hash
from experiments.statistics.episode import ORACLE, RANDOM, Episode, Reference, references_of
from experiments.sweeps.pool import play_missing
from experiments.sweeps.study import N_RANDOM_SEEDS, STUDIES, AgentVariant, StudyCell, StudyRun
from experiments.worlds.plan import SimulatorPlan


class FoundReferences(NamedTuple):
    """What scores of a comparison are measured by."""

    references: Mapping[str, Reference]  # of the cells that have both, logged or played
    lacks: Mapping[str, str]  # why the others have none, by cell
    notes: Sequence[str]  # where they are no episodes of the comparison itself, a sentence each


def measured(
    cells: Sequence[Cell], episodes: Sequence[Episode], config: CompareConfig, console: Console
) -> FoundReferences:
    """Return what each cell is measured by: runs of the comparison if they are enough, else what is played.

    Inside a `hydra.main`. Raises ConfigError: random or oracle cannot be made.
    """
    own: dict[str, list[Episode]] = {cell.name: [] for cell in cells}
    for episode in episodes:
        if episode.agent in (RANDOM, ORACLE):
            own[episode.cell].append(episode)
    lacks = {cell.name: why for cell in cells if (why := lacking(missing_seeds(cell, own[cell.name])))}
    missing = dict[str, list[StudyRun]]()
    if lacks and config.references:
        results = str(Path(config.results).resolve())
        both = [AgentVariant(name, name, agent_values(name, results, name)) for name in (RANDOM, ORACLE)]
        for cell in (cell for cell in cells if cell.name in lacks):
            if cell.is_real:
                own[cell.name] = []  # all of the twin, or all of the pipeline
            try:
                missing[cell.name] = missing_runs(cell, own[cell.name], both, results, console)
            except ConfigError as error:
                lacks[cell.name] = str(error)
    runs = list({run.hash: run for runs in missing.values() for run in runs}.values())
    played = play_missing(runs, "references", config, console)
    for name, runs in missing.items():
        if broken := [played.failed[run.hash] for run in runs if run.hash in played.failed]:
            lacks[name] = f"a reference failed: {broken[0]}"
        else:
            del lacks[name]
            own[name] += played.episodes(runs)
    found = [episode for name, there in own.items() if name not in lacks for episode in there]
    added = [cell for cell in cells if cell.name in missing and cell.name not in lacks]
    return FoundReferences(references_of(found), lacks, notes_on(added))


def missing_seeds(cell: Cell, own: Sequence[Episode]) -> dict[str, list[int]]:
    """Return under which seeds a cell's own references must be played yet, by their names."""
    played = {
        agent: {episode.seed for episode in own if episode.agent == agent} for agent in (RANDOM, ORACLE)
    }
    oracle = [seed for seed in cell.seeds if seed not in played[ORACLE]]
    return {RANDOM: [] if played[RANDOM] else list(range(N_RANDOM_SEEDS)), ORACLE: oracle}


def lacking(seeds: Mapping[str, Sequence[int]]) -> str:
    """Say what is missing, "" if nothing is."""
    if seeds[RANDOM]:
        return "random is not among its runs"
    under = ", ".join(map(str, seeds[ORACLE]))
    return f"oracle is not among its runs under {under}" if under else ""


def missing_runs(
    cell: Cell, own: Sequence[Episode], both: Sequence[AgentVariant], results: str, console: Console
) -> list[StudyRun]:
    """Return what a cell lacks, as runs in its simulated world. Raises ConfigError: there is none like it."""
    plan = cell.world
    if isinstance(plan, ConfigError):
        raise plan
    if not isinstance(plan, SimulatorPlan):
        raise ConfigError("what is replayed cannot be foreseen")
    if plan.spec.hash != cell.first[SPEC]:
        raise ConfigError(f"this code judges it by another spec ({plan.spec.hash}) than its runs were")
    output = replace(NO_OUTPUT, video=plan.config.output.video)  # results carry the frames back
    place = {"name": STUDIES, "results": results}
    config = replace(plan.config, **place, seed=0, live=False, output=output)
    choices = {group: str(cell.first[group]) for group in GROUPS}
    seeds, runs = missing_seeds(cell, own), list[StudyRun]()
    where = StudyCell(cell.name, "", {}, plan.config.env, 1)
    for variant in (variant for variant in both if seeds[variant.name]):
        cfg: Any = OmegaConf.structured(config)
        cfg.agent, cfg.trained_on = variant.values, None
        resolved = resolve(cfg, {**choices, "agent": variant.agent, "env": "simulator"}, console)
        for seed in seeds[variant.name]:
            runs.append(StudyRun(variant.name, where, resolved.under_seed(seed)))
    return runs


def notes_on(added: Sequence[Cell]) -> list[str]:
    """Say what a reader must know of cells whose references are not of the comparison."""
    notes, real = [], ", ".join(cell.name for cell in added if cell.is_real)
    if real:
        notes.append(
            f"Measured on the real pipeline, between random and oracle of the simulated twin: {real}."
        )
    if n := sum(is_of_other_code(cell) for cell in added):
        notes.append(
            f"Random and oracle of {counted(n, 'cell')} were played by the present code, and runs there are "
            "of another: their scores are measured by a world that need not be theirs."
        )
    return notes


def is_of_other_code(cell: Cell) -> bool:
    """Whether a run of a cell says that this code would not do the same; old ones do not say."""
    runs = cell.runs[cell.runs["code_hash"] != ""]
    return any(run["code_hash"] != code_hash(run["config"], run["env"]) for _, run in runs.iterrows())
