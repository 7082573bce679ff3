"""What was run, for the head of a report: who, where, how long, when, by which code, on which machine."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from experiments.program.formatting import counted
from experiments.results.collection import Collection, short
from experiments.results.run_row import STAMP


def head_of(collection: Collection, command: str) -> dict[str, str]:
    """Return what is told, by what it is; what no run says is left out.

    Args:
        collection: of runs that count.
        command: that the user gave.
    """
    runs = collection.runs
    found = {
        "Runs": f"{len(runs)} of {collection.n_logged} that were found",
        "Seeds": spans(sorted(runs["seed"].unique())),
        "World": tally(runs.apply(world, axis=1)),
        "Began": period(runs["begun"]),
        "Spec": tally(runs["spec_hash"]),
        "Commit": tally(runs["git_commit"].map(short)),
        "Code": ", ".join(sorted(set(runs["code_hash"]) - {""})),
        "Machine": tally(runs["machine"]),
        "Releases": tally(runs["releases"]),
        "Command": command,
    }
    return {name: text for name, text in found.items() if text}


def tally(texts: Any) -> str:
    """Return what there is, most of it first, with how often unless it is all the same; "" is not counted."""
    counts = texts[texts != ""].value_counts()
    if len(counts) < 2 or counts.max() == 1:
        return ", ".join(counts.index)
    return ", ".join(f"{text} ({counted(n, 'run')})" for text, n in counts.items())


def spans(numbers: Sequence[int]) -> str:
    """Return ascending numbers with runs of them in short: "0–4, 7"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]}–{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def world(run: Any) -> str:
    """Say in what a run took place, by which weights, and for how long."""
    by = f", weights {run['weights']}" if run["env"] == "pipeline" and run["weights"] else ""
    return f"{run['env']}{by}, {run['steps']} steps of {run['control_interval_s']:g} s"


def period(begun: Iterable[str]) -> str:
    """Return the first run's beginning to the last one's."""
    stamps = sorted(found[0] for text in begun if (found := STAMP.match(text)))
    first, last = (
        f"{datetime.strptime(stamp, '%Y%m%d-%H%M%S'):%Y-%m-%d %H:%M}" for stamp in (stamps[0], stamps[-1])
    )
    return first if first == last else f"{first} to {last}"
