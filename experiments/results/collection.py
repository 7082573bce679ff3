"""All runs of a comparison: which count, and what a reader must know of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from experiments.program.console import counted, listed
from experiments.program.errors import ConfigError
from experiments.results.comparable import check_comparable
from experiments.results.naming import named_agents, named_cells
from experiments.results.run_row import SPEC, STANDING_IN, UNREADABLE, Cell, Row, Runs
from experiments.runs.record import RunStatus
from experiments.runs.summary import dotted

EPISODE = ["cell", "variant", "seed"]  # what makes one

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
    """Sort the runs of all sources. Raises ConfigError: `where` leaves none, or some not judged alike."""
    runs, selection_notes = selected(pd.DataFrame(rows), where)
    runs, unfinished_notes = finished(runs)
    variants, agent_notes = named_agents(runs)
    names, cell_notes = named_cells(runs)
    runs, older_notes = newest(runs.assign(variant=variants, cell=names))
    runs = runs.sort_values(EPISODE, ignore_index=True)
    cells = [Cell(str(name), own) for name, own in runs.groupby("cell")]
    check_comparable(cells)
    notes = [*code_notes(runs), *selection_notes, *unfinished_notes, *older_notes, *agent_notes, *cell_notes]
    notes += certificate_notes(runs)
    return Collection(runs, cells, notes, len(rows))


def selected(runs: Runs, where: str) -> Noted:
    """Return those for which a query in pandas' syntax is true; all of them if it is "".

    It can ask for a run's facts and, by dotted keys, for its whole configuration; not for what came of it,
    for nobody should choose by that. Raises ConfigError: it is no such query, or true for none.
    """
    if not where:
        return runs, []
    configured = [{key: value for key, value in dotted(own).items() if "." in key} for own in runs["config"]]
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
    if not truths.any():
        found = [f"{name} in {sorted(set(runs[name]))}" for name in ("agent", "hardware", "scenario")]
        raise ConfigError(f"where={where!r} is true for no run; there are {', '.join(found)}")
    return runs[truths], [f"Chosen by {where}: {truths.sum()} of {counted(len(runs), 'run')}."]


def finished(runs: Runs) -> Noted:
    """Return those that came to their end whole; who was played again is not missed. Raises ConfigError."""
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
    """Say whether results can differ because code does; commits alone say nothing of that."""
    codes = runs["code_hash"].where(runs["code_hash"] != "", "unknown")
    for (variant, *_), own in codes.groupby([runs["variant"], runs["env"], runs[SPEC]]):
        if own.nunique() > 1:
            yield (
                f"Not all of one code: {variant} ran with {own.nunique()} versions of its own code, its "
                f"world's or its checkpoint ({tally(own)}); a difference may be theirs."
            )


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
        "Commit": tally(runs["git_commit"].str.replace(r"^(\w{12})\w*", r"\1", regex=True)),
        "Machine": tally(runs["machine"]),
        "Releases": tally(runs["releases"]),
        "Command": command,
    }
    return {name: text for name, text in found.items() if text}


def world(run: Any) -> str:
    """Say in what a run took place, by which weights, with what detections, and for how long."""
    facts = [f", {fact} {run[fact]}" for fact in STANDING_IN if run["env"] == "pipeline" and run[fact]]
    return f"{run['env']}{''.join(facts)}, {run['steps']} steps of {run['control_interval_s']:g} s"


def tally(texts: Runs) -> str:
    """Return what there is, most of it first, with how often unless it is all the same; "" is not counted."""
    counts = texts[texts != ""].value_counts()
    if len(counts) < 2:
        return "".join(counts.index)
    return ", ".join(f"{text} ({counted(n, 'run')})" for text, n in counts.items())
