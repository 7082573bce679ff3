"""All runs of a comparison: which count, what a reader must know of them, and the episodes that they were."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import track

from experiments.execution.counterfactual import change_points_of
from experiments.program.console import counted, listed
from experiments.program.errors import ConfigError
from experiments.results.comparable import check_comparable
from experiments.results.naming import flat, named_agents, named_cells
from experiments.results.run_row import SPEC, STANDING_IN, UNREADABLE, Cell, Row, Runs
from experiments.runs.record import RunStatus
from experiments.statistics.episode import EVERYWHERE, GOLDEN, NEEDED, TRAINED, Episode, episode_of
from experiments.worlds.drawn import PREFIX

EPISODE = ["cell", "variant", "seed"]  # what makes one
DRAWN = "drawn worlds"  # the stratum of all of them, for a log does not say what binds
AT_ONCE = 4  # traces that are read; most of it is waiting for the disk, or for a server
AHEAD = 32  # traces in memory

Noted = tuple[Runs, list[str]]  # runs that are left, and what a reader must know of the others


@dataclass(frozen=True)
class Collection:
    """Runs that can be compared."""

    runs: Runs  # those that count, a row each as `run_row` has them, with `cell` and `variant` of an agent
    cells: Sequence[Cell]  # the same by cell
    notes: Sequence[str]  # sentences
    n_logged: int  # runs that were found, counted or not

    @property
    def agents(self) -> list[str]:
        """Variants, in the order of their names."""
        return sorted(self.runs["variant"].unique())


def collected(rows: Sequence[Row], where: str) -> Collection:
    """Sort the runs of all sources, of which `where` chooses some, as for `selected`.

    Raises:
        ConfigError: nothing is left, or what is left was not judged alike.
    """
    runs, selection_notes = selected(pd.DataFrame(rows), where)
    runs, unfinished_notes = finished(runs)
    variants, agent_notes = named_agents(runs)
    names, cell_notes = named_cells(runs)
    runs, older_notes = newest(runs.assign(variant=variants, cell=names))
    runs = runs.sort_values(EPISODE, ignore_index=True)
    cells = [Cell(str(name), own) for name, own in runs.groupby("cell")]
    check_comparable(cells)
    notes = [*code_notes(runs), *selection_notes, *unfinished_notes, *older_notes, *agent_notes, *cell_notes]
    return Collection(runs, cells, notes, len(rows))


def selected(runs: Runs, where: str) -> Noted:
    """Return those for which a query in pandas' syntax is true; all of them if it is "".

    It can ask for a run's facts and, by dotted keys, for its whole configuration; not for what came of it,
    for nobody should choose by that.

    Raises:
        ConfigError: it is no such query, or true for none.
    """
    if not where:
        return runs, []
    configured = [{key: value for key, value in flat(own).items() if "." in key} for own in runs["config"]]
    facts = runs.drop(columns=list(UNREADABLE))
    try:
        truths = facts.join(pd.DataFrame(configured, index=runs.index)).eval(where, engine="python")
    except Exception as error:  # pandas raises whatever its parser, or the comparison, comes upon
        raise ConfigError(
            f"where={where!r} is no query: {' '.join(str(error).split()) or type(error).__name__}; runs have "
            f"{', '.join(facts)}, and keys of their configuration, as in `env.decision_ms` > 0"
        ) from error
    if not (isinstance(truths, pd.Series) and truths.dtype == bool):
        raise ConfigError(f"where={where!r} must be true or false for each run, such as agent == 'aif'")
    n_runs = counted(len(runs), "run")
    if not truths.any():
        found = [f"{name} in {sorted(set(runs[name]))}" for name in ("agent", "hardware", "scenario")]
        raise ConfigError(f"where={where!r} is true for none of {n_runs}; there are {', '.join(found)}")
    return runs[truths], [f"Chosen by {where}: {truths.sum()} of {n_runs}."]


def finished(runs: Runs) -> Noted:
    """Return those that came to their end with all they began with; raise ConfigError if there is none.

    Who was played again is not missed.
    """
    is_finished = runs["status"] == RunStatus.FINISHED
    played = runs["config_hash"] + " " + runs["seed"].astype(str)
    left = runs[~(is_finished | played.isin(played[is_finished]))]
    if left.empty:
        return runs[is_finished], []
    why = left["error"].str.rstrip(".")
    fates = left["place"] + " (" + left["status"] + (": " + why).where(why != "", "") + ")"
    how = ", ".join(f"{n} {status}" for status, n in left["status"].value_counts().items())
    said = f"{counted(len(left), 'run')} did not finish as planned ({how}): {listed(list(fates))}"
    if not is_finished.any():
        raise ConfigError(f"there is nothing to compare: {said}")
    return runs[is_finished], [f"Left out: {said}."]


def newest(runs: Runs) -> Noted:
    """Return, of those of equal agent, cell and seed, the one that began last."""
    kept = runs.sort_values(["begun", "place"]).drop_duplicates(EPISODE, keep="last")
    left_out = (
        f"Left out: {counted(len(runs) - len(kept), 'run')} of the same agent, world and seed as another"
    )
    return kept, [f"{left_out}; the newest counts."] if len(kept) < len(runs) else []


# --- what a reader must know ---


def code_notes(runs: Runs) -> Iterator[str]:
    """Say whether results can differ because code does."""
    codes, is_mixed = runs["code_hash"].where(runs["code_hash"] != "", "unknown"), False
    for (variant, *_), own in codes.groupby([runs["variant"], runs["env"], runs[SPEC]]):
        if own.nunique() > 1:
            is_mixed = True
            yield (
                f"Not all of one code: {variant} ran with {own.nunique()} versions of its own code, its "
                f"world's or its checkpoint ({tally(own)}); a difference may be theirs."
            )
    if (commits := commits_of(runs)).nunique() > 1:
        same = "" if is_mixed else "; what decides the results is the same in all runs of an agent"
        yield f"Runs of {commits.nunique()} commits: {tally(commits)}{same}."


def certificate_notes(runs: Runs) -> list[str]:
    """Name the runs of the pipeline whose simulated twin was not near, and where it was not."""
    poor = runs[runs["poor"] != ""]
    if poor.empty:
        return []
    seeds = poor["seed"].astype(str)
    told = poor["variant"] + " in " + poor["cell"] + " under " + seeds + " (" + poor["poor"] + ")"
    n_real = int((runs["env"] == "pipeline").sum())
    return [
        f"In {len(poor)} of {counted(n_real, 'run')} of the pipeline the simulated twin is not near; what "
        f"the simulator says of agents need not hold there: {listed(list(told))}."
    ]


def unbuilt_notes(cells: Sequence[Cell]) -> list[str]:
    """Say where disturbances are not known."""
    unbuilt = {cell.name: str(cell.world) for cell in cells if isinstance(cell.world, ConfigError)}
    reasons = pd.Series(unbuilt, dtype=object)
    return [
        f"No disturbances are known of {', '.join(own.index)}: the world cannot be built here ({reason})."
        for reason, own in reasons.groupby(reasons, sort=False)
    ]


def metadata_of(collection: Collection, command: str) -> dict[str, str]:
    """Return what is told of runs that count, by what it is; what no run says is left out."""
    runs = collection.runs
    stamps = pd.to_datetime(runs["begun"].str.extract(r"^(\d{8}-\d{6})")[0], format="%Y%m%d-%H%M%S")
    found = {
        "Runs": f"{len(runs)} of {collection.n_logged} that were found",
        "Seeds": listed([str(seed) for seed in sorted(runs["seed"].unique())]),
        "World": tally(runs.apply(world, axis=1)),
        "Began": " to ".join(dict.fromkeys(f"{at:%Y-%m-%d %H:%M}" for at in (stamps.min(), stamps.max()))),
        "Spec": tally(runs["spec_hash"]),
        "Commit": tally(commits_of(runs)),
        "Machine": tally(runs["machine"]),
        "Releases": tally(runs["releases"]),
        "Command": command,
    }
    return {name: text for name, text in found.items() if text}


def world(run: Any) -> str:
    """Say in what a run took place, by which weights, with what detections, and for how long."""
    facts = [f", {fact} {run[fact]}" for fact in STANDING_IN if run["env"] == "pipeline" and run[fact]]
    return f"{run['env']}{''.join(facts)}, {run['steps']} steps of {run['control_interval_s']:g} s"


def commits_of(runs: Runs) -> Runs:
    """Return enough of each run's commit, and whether it is "-dirty"."""
    return runs["git_commit"].str.replace(r"^(\w{12})\w*", r"\1", regex=True)


def tally(texts: Runs) -> str:
    """Return what there is, most of it first, with how often unless it is all the same; "" is not counted."""
    counts = texts[texts != ""].value_counts()
    if len(counts) < 2:
        return "".join(counts.index)
    return ", ".join(f"{text} ({counted(n, 'run')})" for text, n in counts.items())


# --- from their traces to what is compared ---


def episodes_of(
    collection: Collection, blocks: str | None, live: bool | None, console: Console
) -> tuple[list[Episode], list[str]]:
    """Return the episodes of all its runs, and a note on disturbances that not all is known of.

    Args:
        collection: of runs that count; raises ConfigError where a trace of one cannot be read.
        blocks: the column by which cells are reported together; None = all together.
        live: a progress bar on the console; None = where that is a terminal.
    """
    runs = collection.runs
    cells = {cell.name: cell for cell in collection.cells}
    shown = console.is_terminal if live is None else live
    traces = track(traces_of(runs), "traces", len(runs), console=console, disable=not shown, transient=True)
    found, n_unasked = [], 0
    for (_, run), trace in zip(runs.iterrows(), traces, strict=True):
        cell = cells[run["cell"]]
        points = () if isinstance(cell.world, ConfigError) else change_points_of(cell.world, run["seed"])
        n_unasked += NEEDED not in trace and any(point.is_worse for point in points)
        block = EVERYWHERE if blocks is None else str(cell.first[blocks])
        stratum = DRAWN if str(cell.first["hardware"]).startswith(PREFIX) else cell.name
        told = trace.assign(**{name: run[name] for name in (TRAINED, GOLDEN)})
        found.append(episode_of(told, run["variant"], cell.name, block, run["seed"], points, stratum))
    note = (
        f"Of {counted(n_unasked, 'run')} it is not known whether holding still would have broken an SLO "
        "(only runs of the simulator find out): there, a disturbance counts as one if an SLO was broken."
    )
    return found, [note] if n_unasked else []


def traces_of(runs: Runs) -> Iterator[pd.DataFrame]:
    """Yield their traces in their order; a few are read ahead. Raises ConfigError."""
    rows = runs[["place", "trace"]].to_dict("records")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(rows), AHEAD):
            yield from pool.map(lambda run: trace_of(**run), rows[start : start + AHEAD])


def trace_of(place: str, trace: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Read one. Raises ConfigError."""
    try:
        found = trace()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{place}: its trace cannot be read: {error}") from error
    if found.empty:
        raise ConfigError(f"{place}: its trace has no step")
    return found
