"""From the traces of a collection to what is compared."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import track

from experiments.program.errors import ConfigError
from experiments.program.formatting import counted, listed
from experiments.results.collection import Collection
from experiments.results.run_row import Cell, Runs
from experiments.statistics.disturbances import change_points_of
from experiments.statistics.episode import EVERYWHERE, GOLDEN, NEEDED, TRAINED, Episode, episode_of
from experiments.worlds.drawn import PREFIX

DRAWN = "drawn worlds"  # the stratum of all of them, for a log does not say what binds
AT_ONCE = 4  # traces that are read; most of it is waiting for the disk, or for a server
AHEAD = 32  # traces in memory


def episodes_of(
    collection: Collection, blocks: str | None, live: bool | None, console: Console
) -> tuple[list[Episode], list[str]]:
    """Return the episodes of all its runs, and a note on disturbances that not all is known of.

    Args:
        collection: of runs that count.
        blocks: the column by which cells are reported together; None = all together.
        live: a progress bar; None = where the console is a terminal.
        console: for it.

    Raises:
        ConfigError: a trace cannot be read.
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
            yield from pool.map(trace_of, rows[start : start + AHEAD])


def trace_of(run: dict[Any, Any]) -> pd.DataFrame:
    """Read one. Raises ConfigError."""
    try:
        trace = run["trace"]()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{run['place']}: its trace cannot be read: {error}") from error
    if trace.empty:
        raise ConfigError(f"{run['place']}: its trace has no step")
    return trace


def certificate_notes(runs: Runs) -> list[str]:
    """Name the runs of the pipeline whose simulated twin was not near, and where it was not."""
    poor = runs[runs["poor"] != ""]
    if poor.empty:
        return []
    names = poor["variant"] + " in " + poor["cell"] + " under " + poor["seed"].astype(str)
    told = [f"{name} ({why})" for name, why in zip(names, poor["poor"], strict=True)]
    n_real = int((runs["env"] == "pipeline").sum())
    return [
        f"In {len(poor)} of {counted(n_real, 'run')} of the pipeline the simulated twin is not near; what "
        f"the simulator says of agents need not hold there: {listed(told)}."
    ]


def unbuilt_notes(cells: Sequence[Cell]) -> list[str]:
    """Say where disturbances are not known."""
    by_reason: dict[str, list[str]] = {}
    for cell in cells:
        if isinstance(cell.world, ConfigError):
            by_reason.setdefault(str(cell.world), []).append(cell.name)
    return [
        f"No disturbances are known of {', '.join(names)}: the world cannot be built here ({reason})."
        for reason, names in by_reason.items()
    ]
