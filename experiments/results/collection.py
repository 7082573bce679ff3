"""All runs of a comparison: which count, what they are called, and what a reader must know of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from experiments.program.errors import ConfigError
from experiments.program.formatting import counted, listed
from experiments.results.comparable import check_comparable
from experiments.results.naming import flat, named_agents, named_cells
from experiments.results.published import PUBLISHED
from experiments.results.run_row import SPEC, STAMP, STANDING_IN, UNREADABLE, Cell, Row, Runs
from experiments.runs.record import RunStatus

EPISODE = ["cell", "variant", "seed"]  # what makes one

Noted = tuple[Runs, list[str]]  # runs that are left, and what a reader must know of the others


@dataclass(frozen=True)
class Collection:
    """Runs that can be compared.

    Attributes:
        runs: those that count, a row each as `run_row` has them, by `cell`, `variant` of an agent and seed.
        cells: the same by cell.
        notes: sentences.
        n_logged: runs that were found, counted or not.
    """

    runs: Runs
    cells: Sequence[Cell]
    notes: Sequence[str]
    n_logged: int

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
    """Return those that came to their end with all they began with; who was played again is not missed.

    Raises:
        ConfigError: there is none.
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
    ordered = runs.sort_values(["begun", "place"])
    later = ordered.groupby(EPISODE)[["begun", "place"]].shift(-1)
    is_again = ordered["begun"] == later["begun"]  # the same run, from two sources
    is_older = later["begun"].notna() & ~is_again
    notes = []
    if is_older.any():
        old, new = ordered.loc[is_older, "place"].iloc[0], later.loc[is_older, "place"].iloc[0]
        notes.append(
            f"Left out: {counted(is_older.sum(), 'run')} of the same agent, world and seed as a newer one, "
            f"which counts, the first {old} for {new}."
        )
    if is_again.any():
        notes.append(f"Found in more than one place, and counted once: {counted(is_again.sum(), 'run')}.")
    return ordered[~(is_older | is_again)], notes


def code_notes(runs: Runs) -> Iterator[str]:
    """Say whether results can differ because code does."""
    ours = runs[runs["git_commit"] != PUBLISHED]
    codes, is_mixed = ours["code_hash"].where(ours["code_hash"] != "", "unknown"), False
    for (variant, *_), own in codes.groupby([ours["variant"], ours["env"], ours[SPEC]]):
        if own.nunique() > 1:
            is_mixed = True
            yield (
                f"Not all of one code: {variant} ran with {own.nunique()} versions of its own code, its "
                f"world's or its checkpoint ({tally(own)}); a difference may be theirs."
            )
    if (n_commits := ours["git_commit"].nunique()) > 1:
        same = "" if is_mixed else "; what decides the results is the same in all runs of an agent"
        yield f"Runs of {n_commits} commits: {tally(ours['git_commit'].map(short))}{same}."


def short(commit: str) -> str:
    """Return enough of a hash, and whether it is "-dirty"."""
    name, dash, rest = commit.partition("-")
    return name[:12] + dash + rest


# --- what was run, for the head of a report ---


def metadata_of(collection: Collection, command: str) -> dict[str, str]:
    """Return what is told of runs that count, by what it is; what no run says is left out."""
    runs = collection.runs
    stamps = sorted(found[0] for text in runs["begun"] if (found := STAMP.match(text)))
    began = [f"{datetime.strptime(at, '%Y%m%d-%H%M%S'):%Y-%m-%d %H:%M}" for at in (stamps[0], stamps[-1])]
    found = {
        "Runs": f"{len(runs)} of {collection.n_logged} that were found",
        "Seeds": spans(sorted(runs["seed"].unique())),
        "World": tally(runs.apply(world, axis=1)),
        "Began": " to ".join(dict.fromkeys(began)),
        "Spec": tally(runs["spec_hash"]),
        "Commit": tally(runs["git_commit"].map(short)),
        "Code": ", ".join(sorted(set(runs["code_hash"]) - {""})),
        "Machine": tally(runs["machine"]),
        "Releases": tally(runs["releases"]),
        "Command": command,
    }
    return {name: text for name, text in found.items() if text}


def world(run: Any) -> str:
    """Say in what a run took place, by which weights, with what detections, and for how long."""
    facts = [f", {fact} {run[fact]}" for fact in STANDING_IN if run["env"] == "pipeline" and run[fact]]
    return f"{run['env']}{''.join(facts)}, {run['steps']} steps of {run['control_interval_s']:g} s"


def tally(texts: Any) -> str:
    """Return what there is, most of it first, with how often unless it is all the same; "" is not counted."""
    counts = texts[texts != ""].value_counts()
    if len(counts) < 2:
        return "".join(counts.index)
    return ", ".join(f"{text} ({counted(n, 'run')})" for text, n in counts.items())


def spans(numbers: Sequence[int]) -> str:
    """Return ascending numbers with runs of them in short: "0–4, 7"."""
    each = pd.Series(numbers)
    runs = each.groupby(each - each.index).agg(["min", "max"])
    return ", ".join(str(low) if low == high else f"{low}–{high}" for low, high in runs.to_numpy())
