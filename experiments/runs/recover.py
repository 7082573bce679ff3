"""Runs whose process ended before they were complete: they are completed, and say what ended them."""

import shutil
import time
from pathlib import Path

from rich.console import Console

from experiments.program.console import say
from experiments.program.files import PARTIAL
from experiments.program.formatting import counted
from experiments.runs.record import UNBORN, complete
from experiments.runs.trace import JOURNAL, drop_journal, taken_up

LONGEST_BIRTH_S = 3600.0  # to make a directory takes milliseconds


def finish_killed(folder: Path, console: Console) -> list[Path]:
    """Complete every run of a folder of runs that nobody carries on; returns their directories.

    Each gets its trace as Parquet and a summary with the figures of the steps that it made, and with what
    ended it: KILLED, unless it had time to say something else. MLflow hears of it from whoever follows the
    next run into it, see `experiments.tracking`.

    Raises:
        OSError: something cannot be written.
    """
    clear_unborn(folder)
    found = [path.parent for path in sorted(folder.glob(f"*/{JOURNAL}")) if finish(path.parent)]
    if found:
        say(
            console,
            f"{counted(len(found), 'run')} had been killed or broken off before all was written; each now "
            "says what ended it, and has its trace: " + ", ".join(directory.name for directory in found),
        )
    return found


def finish(directory: Path) -> bool:
    """Complete one; False if there is nothing to do, or somebody else is at it. Raises OSError."""
    with taken_up(directory) as is_ours:
        if is_ours:
            complete(directory)
            for left in directory.glob(f"*{PARTIAL}"):
                left.unlink(missing_ok=True)
            drop_journal(directory)
        return is_ours


def clear_unborn(folder: Path) -> None:
    """Remove what is left of processes that were killed while they made a directory."""
    for path in folder.glob(f"{UNBORN}*"):
        if time.time() - path.stat().st_mtime > LONGEST_BIRTH_S:
            shutil.rmtree(path, ignore_errors=True)
