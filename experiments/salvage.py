"""Runs whose process was killed outright: what they left is completed, and says so."""

import json
from pathlib import Path

from rich.console import Console

from experiments.record import SUMMARY, RunStatus, write_summary
from experiments.summary import summarise
from experiments.sweep.place import abandoned_in
from experiments.trace import JOURNAL, finish_journal, is_abandoned, read_trace
from experiments.tracking.run import TrackingError, mark_killed
from experiments.wording import counted

ERROR = "its process was killed, or its machine went down"


def finish_killed(folder: Path, console: Console) -> list[Path]:
    """Complete every run of a folder of runs that nobody carries on; returns their directories.

    Each gets its trace as Parquet and a summary that says KILLED, with the figures of the steps that it made;
    MLflow is told, if it had opened the run.
    """
    found = []
    for journal in sorted(folder.glob(f"*/{JOURNAL}")):
        directory = journal.parent
        if is_abandoned(directory) and (directory / SUMMARY).is_file():
            finish(directory)
            found.append(directory)
    if found:
        console.print(
            f"{counted(len(found), 'run')} had been killed; each now says so, and has its trace: "
            + ", ".join(directory.name for directory in found),
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    try:
        mark_killed([*found, *abandoned_in(folder)])
    except TrackingError as error:
        console.print(str(error), style="bold yellow", markup=False, soft_wrap=True)
    return found


def finish(directory: Path) -> None:
    """Complete one."""
    finish_journal(directory)
    trace = read_trace(directory)
    head = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))
    figures = summarise(trace) if len(trace) else {}
    write_summary(directory, {**head, "status": RunStatus.KILLED, "error": ERROR, **figures})
