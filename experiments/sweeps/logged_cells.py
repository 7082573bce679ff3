"""Cells of logged runs: their episodes, and what scores there are measured by.

That is random and oracle in the same cell, logged, or played in the simulator now.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from omegaconf import OmegaConf
from rich.console import Console
from rich.progress import track

from experiments.config.agents import agent_values
from experiments.config.programs import CompareConfig
from experiments.config.schemas import NO_OUTPUT
from experiments.execution.counterfactual import change_points_of
from experiments.execution.resolve import resolve
from experiments.program.console import counted, listed
from experiments.program.errors import ConfigError
from experiments.results.run_row import SPEC, Cell, Runs
from experiments.runs.logged import LoggedRun
from experiments.runs.provenance import GROUPS, code_hash
from experiments.statistics.episode import (
    EVERYWHERE,
    GOLDEN,
    NEEDED,
    ORACLE,
    RANDOM,
    TRAINED,
    Episode,
    Reference,
    episode_of,
    references_of,
)
from experiments.sweeps.pool import play_missing
from experiments.sweeps.study import N_RANDOM_SEEDS, STUDIES, AgentVariant, StudyCell, StudyRun
from experiments.worlds.drawn import PREFIX
from experiments.worlds.plan import Plan, SimulatorPlan, plan_twin

DRAWN = "drawn worlds"  # the stratum of all of them, for a log does not say what binds
AT_ONCE = 4  # traces that are read; most of it is waiting for the disk, or for a server
AHEAD = 32  # traces in memory

Worlds = Mapping[str, Plan | ConfigError]  # by cell; or why it cannot be built here


def worlds_of(cells: Sequence[Cell]) -> Worlds:
    """Return the world of each cell; of runs that took real time, the simulated twin."""
    found: dict[str, Plan | ConfigError] = {}
    for cell in cells:
        try:
            found[cell.name] = plan_twin(cell.first["run"].config)
        except ConfigError as error:
            found[cell.name] = error
    return found


# --- from their traces to what is compared ---


def episodes_of(
    runs: Runs, worlds: Worlds, blocks: str | None, live: bool | None, console: Console
) -> tuple[list[Episode], list[str]]:
    """Return the episodes of runs that count, and notes on disturbances that not all is known of.

    Args:
        runs: as a `Collection` has them; raises ConfigError where a trace of one cannot be read.
        worlds: of their cells.
        blocks: the column by which cells are reported together; None = all together.
        live: a progress bar on the console; None = where that is a terminal.
    """
    shown = console.is_terminal if live is None else live
    traces = track(traces_of(runs), "traces", len(runs), console=console, disable=not shown, transient=True)
    block_of = EVERYWHERE if blocks is None else runs.groupby("cell")[blocks].transform("first")
    found, n_unasked = [], 0
    for (_, run), trace in zip(runs.assign(block=block_of).iterrows(), traces, strict=True):
        cell, seed, world = run["cell"], run["seed"], worlds[run["cell"]]
        points = () if isinstance(world, ConfigError) else change_points_of(world, seed)
        n_unasked += NEEDED not in trace and any(point.is_worse for point in points)
        stratum = DRAWN if run["hardware"].startswith(PREFIX) else cell
        told = trace.assign(**{name: run[name] for name in (TRAINED, GOLDEN)})
        found.append(episode_of(told, run["variant"], cell, str(run["block"]), seed, points, stratum))
    unbuilt = {name: str(world) for name, world in worlds.items() if isinstance(world, ConfigError)}
    reasons = pd.Series(unbuilt, dtype=object)
    notes = [
        f"No disturbances are known of {', '.join(own.index)}: the world cannot be built here ({reason})."
        for reason, own in reasons.groupby(reasons, sort=False)
    ]
    if n_unasked:
        notes.append(
            f"Of {counted(n_unasked, 'run')} it is not known whether holding still would have broken an SLO "
            "(only runs of the simulator find out): there, a disturbance counts as one if an SLO was broken."
        )
    return found, notes


def traces_of(runs: Runs) -> Iterator[pd.DataFrame]:
    """Yield their traces in their order; a few are read ahead. Raises ConfigError."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(runs), AHEAD):
            ahead = runs.iloc[start : start + AHEAD]
            yield from pool.map(trace_of, ahead["run"], ahead["place"])


def trace_of(run: LoggedRun, place: str) -> pd.DataFrame:
    """Read one. Raises ConfigError."""
    try:
        found = run.trace()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{place}: its trace cannot be read: {error}") from error
    if found.empty:
        raise ConfigError(f"{place}: its trace has no step")
    return found


# --- what scores are measured by ---


class FoundReferences(NamedTuple):
    """What scores of a comparison are measured by."""

    references: Mapping[str, Reference]  # of the cells that have both, logged or played
    lacks: Mapping[str, str]  # why the others have none, by cell
    notes: Sequence[str]  # where they are no episodes of the comparison itself, a sentence each


def measured(
    cells: Sequence[Cell],
    worlds: Worlds,
    episodes: Sequence[Episode],
    config: CompareConfig,
    console: Console,
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
            seeds = missing_seeds(cell, own[cell.name])
            try:
                missing[cell.name] = missing_runs(cell, worlds[cell.name], seeds, both, results, console)
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
    texts = {agent: listed([*map(str, own)]) for agent, own in seeds.items() if own}
    return "; ".join(f"{agent} is not among its runs under {own}" for agent, own in texts.items())


def missing_runs(
    cell: Cell,
    world: Plan | ConfigError,
    seeds: Mapping[str, Sequence[int]],
    both: Sequence[AgentVariant],
    results: str,
    console: Console,
) -> list[StudyRun]:
    """Return what a cell lacks, as runs in its simulated world. Raises ConfigError: there is none like it."""
    if isinstance(world, ConfigError):
        raise world
    if not isinstance(world, SimulatorPlan):
        raise ConfigError("what is replayed cannot be foreseen")
    if world.spec.hash != cell.first[SPEC]:
        raise ConfigError(f"this code judges it by another spec ({world.spec.hash}) than its runs were")
    output = replace(NO_OUTPUT, video=world.config.output.video)  # results carry the frames back
    own = {"name": STUDIES, "results": results, "seed": 0, "live": False, "output": output}
    config = replace(world.config, **own)
    choices = {group: str(cell.first[group]) for group in GROUPS}
    where, runs = StudyCell(cell.name, "", {}, world.config.env, 1), list[StudyRun]()
    for variant in (variant for variant in both if seeds[variant.name]):
        cfg: Any = OmegaConf.structured(config)
        cfg.agent, cfg.trained_on = variant.values, None
        resolved = resolve(cfg, {**choices, "agent": variant.agent, "env": "simulator"}, console)
        runs += [StudyRun(variant.name, where, resolved.under_seed(seed)) for seed in seeds[variant.name]]
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
