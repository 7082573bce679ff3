"""What scores are measured by: random and oracle in each cell, logged, or played in the simulator now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from experiments.config.composing import agent_values
from experiments.config.programs import CompareConfig
from experiments.config.schemas import NO_OUTPUT
from experiments.program.errors import ConfigError
from experiments.program.formatting import counted
from experiments.results.cells import Cell
from experiments.results.comparable import present_spec
from experiments.runs.identity import GROUPS, code_hash
from experiments.statistics.episode import Episode
from experiments.statistics.scores import ORACLE, RANDOM, Reference, references_of
from experiments.sweeps.findings import episodes_of
from experiments.sweeps.pool import play_missing
from experiments.sweeps.study import N_RANDOM_SEEDS, STUDIES, StudyRun, runs_in
from experiments.sweeps.variants import AgentVariant
from experiments.worlds.simulator import SimulatorPlan


class Measured(NamedTuple):
    """What scores of a comparison are measured by.

    Attributes:
        references: of the cells that have both, logged or played.
        lacks: why the others have none, by cell.
        notes: where they are no episodes of the comparison itself, a sentence each.
    """

    references: Mapping[str, Reference]
    lacks: Mapping[str, str]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Stock:
    """What one cell has of random and oracle.

    Attributes:
        own: episodes of the comparison.
        runs: the others, to be played.
        lacks: why there cannot be a score, "" if there can.
    """

    own: Sequence[Episode]
    runs: Sequence[StudyRun] = ()
    lacks: str = ""


def measured(
    cells: Sequence[Cell], episodes: Sequence[Episode], config: CompareConfig, console: Console
) -> Measured:
    """Return what each cell is measured by: runs of the comparison if they are enough, else what is played.

    Inside a `hydra.main`.

    Args:
        cells: of the comparison.
        episodes: of its runs.
        config: whether to play what is lacking, and how.
        console: shows it.

    Raises:
        ConfigError: random or oracle cannot be made.
    """
    results = Path(config.results).resolve()
    stocks, both = dict[str, Stock](), list[AgentVariant]()
    for cell in cells:
        own = [one for one in episodes if one.cell == cell.name and one.agent in (RANDOM, ORACLE)]
        stocks[cell.name] = Stock(own, lacks=lacking(cell, own))
        if stocks[cell.name].lacks and config.references:
            both = both or [
                AgentVariant(name, name, agent_values(name, str(results), name)) for name in (RANDOM, ORACLE)
            ]
            stocks[cell.name] = completed(cell, own, both, results, console)
    runs = list({run.hash: run for stock in stocks.values() for run in stock.runs}.values())
    folder, lacks, found = results / STUDIES, dict[str, str](), list[Episode]()
    finished, failed = dict[str, str](), dict[str, str]()
    if runs:
        finished, failed = play_missing(runs, folder, "references", config.processes, config.live, console)
    for name, stock in stocks.items():
        broken = [failed[run.hash] for run in stock.runs if run.hash in failed]
        if why := stock.lacks or (f"a reference failed: {broken[0]}" if broken else ""):
            lacks[name] = why
        else:
            found += [*stock.own, *episodes_of(stock.runs, folder, finished)]
    added = [cell for cell in cells if stocks[cell.name].runs and not stocks[cell.name].lacks]
    return Measured(references_of(found), lacks, notes_on(added))


def lacking(cell: Cell, own: Sequence[Episode]) -> str:
    """Return what a comparison's own references lack, "" if they are enough."""
    seeds = {agent: {episode.seed for episode in own if episode.agent == agent} for agent in (RANDOM, ORACLE)}
    if not seeds[RANDOM]:
        return "random is not among its runs"
    absent = sorted(set(cell.seeds) - seeds[ORACLE])
    return f"oracle is not among its runs under {', '.join(map(str, absent))}" if absent else ""


def completed(
    cell: Cell, own: Sequence[Episode], both: Sequence[AgentVariant], results: Path, console: Console
) -> Stock:
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
        return Stock(own, lacks=str(error))
    return Stock(own, runs)


def reference_runs(
    cell: Cell, variant: AgentVariant, seeds: Sequence[int], results: Path, console: Console
) -> list[StudyRun]:
    """Return the runs of an agent in a cell's simulated world. Raises ConfigError: there is none like it."""
    plan = cell.world
    if isinstance(plan, ConfigError):
        raise plan
    if not isinstance(plan, SimulatorPlan):
        raise ConfigError("what is replayed cannot be foreseen")
    if present_spec(cell) is None:
        raise ConfigError(f"this code judges it by another spec ({plan.spec.hash}) than its runs were")
    output = replace(NO_OUTPUT, video=plan.config.output.video)  # results carry the frames back
    place = {"name": STUDIES, "results": str(results)}
    config = replace(plan.config, **place, seed=0, live=False, env=plan.env, output=output)
    choices = {group: str(cell.first[group]) for group in GROUPS}
    return runs_in(config, choices, variant, cell.name, seeds, console)


def notes_on(added: Sequence[Cell]) -> list[str]:
    """Say what a reader must know of cells whose references are not of the comparison."""
    notes = []
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


def is_of_other_code(cell: Cell) -> bool:
    """Whether a run of a cell says that this code would not do the same; published ones do not say."""
    for _, run in cell.runs.iterrows():
        if run["code_hash"] not in ("", code_hash(run["config"], run["env"])):
            return True
    return False
