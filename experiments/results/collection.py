"""All runs of a comparison, sorted: cells, entrants and seeds, and what a reader must know of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from experiments.program.formatting import counted
from experiments.results.agents import named_agents
from experiments.results.cells import Venue, named_worlds
from experiments.results.comparable import SPEC, check_comparable
from experiments.results.published_runs import PUBLISHED
from experiments.results.run_row import Candidate
from experiments.results.selection import chosen, finished, newest

MOST_GAPS = 3  # cells that are named, of those that an agent did not play


@dataclass(frozen=True)
class Collection:
    """Runs that can be compared.

    Attributes:
        cells: in the order of their names.
        notes: sentences.
        n_logged: runs that were found, counted or not.
    """

    cells: Sequence[Venue]
    notes: Sequence[str]
    n_logged: int

    @property
    def candidates(self) -> list[Candidate]:
        """All runs that count."""
        return [candidate for cell in self.cells for candidate in cell.runs.values()]

    @property
    def entrants(self) -> list[str]:
        """In the order of their names."""
        return sorted({entrant for cell in self.cells for entrant, _ in cell.runs})

    @property
    def seeds(self) -> list[int]:
        """Of any cell, ascending."""
        return sorted({seed for cell in self.cells for seed in cell.seeds})


def collected(candidates: Sequence[Candidate], where: str) -> Collection:
    """Sort runs.

    Args:
        candidates: of all sources.
        where: which of them, as `choice.chosen` has it; "" = all.

    Raises:
        ConfigError: nothing is left, or what is left was not judged alike.
    """
    asked, choice_notes = chosen(candidates, where)
    ended, unfinished_notes = finished(asked)
    agents, agent_notes = named_agents(ended)
    worlds, world_notes = named_worlds(ended)
    seeds = [candidate.seed for candidate in ended]
    indices, duplicate_notes = newest(ended, list(zip(agents, worlds, seeds, strict=True)))
    by_cell: dict[str, dict[tuple[str, int], Candidate]] = {}
    for i in sorted(indices, key=lambda i: (worlds[i], agents[i], seeds[i])):
        by_cell.setdefault(worlds[i], {})[agents[i], seeds[i]] = ended[i]
    cells = [Venue(name, runs) for name, runs in by_cell.items()]
    check_comparable(cells)
    notes = [
        *code_notes(cells),
        *choice_notes,
        *unfinished_notes,
        *duplicate_notes,
        *agent_notes,
        *world_notes,
        *gap_notes(cells),
    ]
    return Collection(cells, notes, len(candidates))


def code_notes(cells: Sequence[Venue]) -> Iterator[str]:
    """Whether results can differ because code does."""
    versions: dict[tuple[str, str, str], Counter[str]] = {}
    commits: Counter[str] = Counter()
    for cell in cells:
        for (entrant, _), candidate in cell.runs.items():
            facts = candidate.facts
            if facts["git_commit"] == PUBLISHED:
                continue
            commits[facts["git_commit"]] += 1
            group = entrant, str(facts["env"]), str(facts[SPEC])
            versions.setdefault(group, Counter())[str(facts.get("code_hash", "unknown"))] += 1
    mixed = {group[0]: counts for group, counts in versions.items() if len(counts) > 1}
    for entrant, counts in mixed.items():
        yield (
            f"Not all of one code: {entrant} ran with {len(counts)} versions of its own code, its world's or "
            f"its checkpoint ({in_words(counts)}); a difference may be theirs."
        )
    if len(commits) > 1:
        same = "" if mixed else "; what decides the results is the same in all runs of an agent"
        yield f"Runs of {len(commits)} commits: {in_words(commits)}{same}."


def gap_notes(cells: Sequence[Venue]) -> Iterator[str]:
    """Who has not played everything."""
    everything = {cell.name: set(cell.seeds) for cell in cells}
    for entrant in sorted({entrant for cell in cells for entrant, _ in cell.runs}):
        gaps = {
            cell.name: sorted(everything[cell.name] - {seed for name, seed in cell.runs if name == entrant})
            for cell in cells
        }
        gaps = {name: seeds for name, seeds in gaps.items() if seeds}
        if not gaps:
            continue
        named = ", ".join(
            gap(name, seeds, everything[name]) for name, seeds in list(gaps.items())[:MOST_GAPS]
        )
        more = f" and {counted(len(gaps) - MOST_GAPS, 'further cell')}" if len(gaps) > MOST_GAPS else ""
        n_absent, n_all = sum(map(len, gaps.values())), sum(map(len, everything.values()))
        yield (
            f"{entrant} has not played {n_absent} of {n_all} episodes ({named}{more}): its figures are of "
            "the others, and pairs of what both have played."
        )


def gap(cell: str, seeds: Sequence[int], all_seeds: Iterable[int]) -> str:
    """ "rpi5/steady", or "rpi5/steady under 3, 4"."""
    return cell if len(seeds) == len(set(all_seeds)) else f"{cell} under {', '.join(map(str, seeds))}"


def in_words(counts: Counter[str]) -> str:
    """ "4f3a12bc90aa (40 runs), ..."; commits are cut."""
    return ", ".join(f"{short(name)} ({counted(n, 'run')})" for name, n in counts.most_common())


def short(commit: str) -> str:
    """Enough of a hash, and whether it is "-dirty"."""
    name, dash, rest = commit.partition("-")
    return name[:12] + dash + rest
