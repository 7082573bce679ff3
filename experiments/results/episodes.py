"""From the traces of a collection to what is compared."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
from rich.console import Console
from rich.progress import track

from experiments.program.errors import ConfigError
from experiments.program.formatting import counted
from experiments.results.cells import Venue
from experiments.results.collection import Collection
from experiments.results.counterfactual import Again
from experiments.results.run_row import Candidate
from experiments.statistics.disturbances import ChangePoint
from experiments.statistics.episode import EVERYWHERE, Episode, episode_of

AT_ONCE = 4  # traces that are read; most of it is waiting for the disk, or for a server
AHEAD = 32  # traces in memory


def episodes_of(
    collection: Collection, blocks: str | None, live: bool | None, console: Console
) -> tuple[list[Episode], list[str]]:
    """Of all its runs, and a note on disturbances that not all is known of.

    Args:
        collection: of runs that count.
        blocks: the fact by which cells are reported together; None = all together.
        live: a progress bar; None = where the console is a terminal.
        console: for it.

    Raises:
        ConfigError: a trace cannot be read.
    """
    runs = [(cell, *who, candidate) for cell in collection.cells for who, candidate in cell.runs.items()]
    again = {cell.name: Again(cell) for cell in collection.cells}
    shown = console.is_terminal if live is None else live
    found, n_unasked = [], 0
    bar = track(
        traces_of([candidate for *_, candidate in runs]),
        "traces",
        len(runs),
        console=console,
        disable=not shown,
        transient=True,
    )
    for (cell, entrant, seed, _), trace in zip(runs, bar, strict=True):
        block = EVERYWHERE if blocks is None else str(cell.candidate.facts[blocks])
        turns = turns_in(cell, seed)
        asked = again[cell.name].asked(trace, turns, seed)
        n_unasked += asked is None
        found.append(episode_of(trace if asked is None else asked, entrant, cell.name, block, seed, turns))
    note = (
        f"Of {counted(n_unasked, 'run')} it is not known whether holding still would have broken an SLO "
        "(they are not of this code's simulator): there, a disturbance counts as one if an SLO was broken."
    )
    return found, [note] if n_unasked else []


def traces_of(candidates: Sequence[Candidate]) -> Iterator[pd.DataFrame]:
    """In their order; a few are read ahead. Raises ConfigError."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(candidates), AHEAD):
            yield from pool.map(trace_of, candidates[start : start + AHEAD])


def trace_of(candidate: Candidate) -> pd.DataFrame:
    """Of one run. Raises ConfigError."""
    try:
        trace = candidate.trace()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{candidate.place}: its trace cannot be read: {error}") from error
    if not len(trace):
        raise ConfigError(f"{candidate.place}: its trace has no step")
    return trace


def turns_in(cell: Venue, seed: int) -> Sequence[ChangePoint]:
    """When the world changed; nothing is known of one that cannot be built here."""
    return () if isinstance(cell.world, ConfigError) else cell.world.change_points(seed)


def unbuilt_notes(cells: Sequence[Venue]) -> list[str]:
    """Where disturbances are not known."""
    by_reason: dict[str, list[str]] = {}
    for cell in cells:
        if isinstance(cell.world, ConfigError):
            by_reason.setdefault(str(cell.world), []).append(cell.name)
    return [
        f"No disturbances are known of {', '.join(names)}: the world cannot be built here ({reason})."
        for reason, names in by_reason.items()
    ]
