"""What a run leaves to be read: kept up to date while it goes on, and complete however it ends."""

import errno
import json
import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import gymnasium as gym
import pandas as pd
from rich.console import Console

from envs.spec import ElasticitySpec
from experiments.program.console import counted, say
from experiments.program.errors import sentence
from experiments.program.files import PARTIAL, full_disk, is_full, overwrite, write_whole
from experiments.runs.episode import Observer, Step
from experiments.runs.provenance import Identity
from experiments.runs.summary import degradation, summarise
from experiments.runs.trace import (
    JOURNAL,
    TRACE,
    Row,
    TraceWriter,
    read_journal,
    read_trace,
    row_of,
    write_trace,
)
from pipeline.locking import lock

logger = logging.getLogger(__name__)

CONFIG, SUMMARY, PICTURE, LOGS = "config.yaml", "summary.json", "trace.png", "logs"
PAGE, VIDEO = "run.html", "output.mp4"
NETWORK = "network.png"  # of an agent that has one to draw
LEFT = {  # what a run may leave to be looked at, but its logs; those of a collector that died have a number
    TRACE: "trace, one row per interval",
    PAGE: "page, for a browser",
    PICTURE: "picture",
    NETWORK: "what the agent believes",
    SUMMARY: "summary",
    CONFIG: "configuration",
    "output.*": "annotated video",
    "detections.*": "detections",
}
TOGETHER_S = 1.0  # steps of simulated time that leave the process together
ROOM_BYTES = 2048  # kept behind the summary of a run that goes on, for what a full disk lets nobody append
KILLED_OUTRIGHT = "its process was killed, or its machine went down"


class RunStatus(StrEnum):
    """How a run ended. MLflow has the same words but DEGRADED, see `experiments.tracking.store`."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    DEGRADED = "DEGRADED"  # it came to its own end, but something died on the way that nobody meant to
    FAILED = "FAILED"
    KILLED = "KILLED"  # interrupted, or its process is gone


def status_of(cause: BaseException | None) -> RunStatus:
    """How a run ended that was ended by this."""
    if cause is None:
        return RunStatus.FINISHED
    return RunStatus.KILLED if isinstance(cause, KeyboardInterrupt) else RunStatus.FAILED


def make_run_directory(
    parent: Path, name: str, fill: Callable[[Path], object] = lambda directory: None
) -> Path:
    """Make a directory TIME-NAME under `parent`, its own even for runs that start within the same second.

    `fill` is given it before anybody can see it: it appears with all that this leaves there, or not at all.
    """
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".begun-", dir=parent, ignore_cleanup_errors=True) as hidden:
        made = Path(hidden) / name
        (made / LOGS).mkdir(parents=True)
        fill(made)
        n = 1
        while True:
            try:
                return made.rename(parent / (stem if n == 1 else f"{stem}-{n}"))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                n += 1


class RunRecord(Observer):
    """Configuration, trace and summary of one run, which tell its story whatever ends it, and whenever.

    The directory appears with a summary that says RUNNING and an empty journal. A step is a line of the
    journal; so is what ended the run, before anything is made of it. Then come the trace and the summary,
    each whole or not there, and the journal goes last. So at every instant somebody else can go on from what
    lies there: see `finish`. Where time is simulated, steps follow each other so fast that to write each on
    its own would take longer than to play it: the journal then gets those of a second together.

    `parent` is a folder of runs, `facts` go to the head of the summary beside the identity, `further` has
    further columns of a row, by the step's index. Raises OSError: it cannot begin; nothing is left.
    """

    def __init__(
        self,
        parent: Path,
        identity: Identity,
        spec: ElasticitySpec,
        facts: Mapping[str, Any],
        is_simulated: bool = False,
        further: Callable[[int], Row] = lambda step: {},
    ) -> None:
        self._head, self._rows, self._further = {**identity.metadata, **facts}, list[Row](), further
        self._is_complete = False
        self._trace: TraceWriter
        self._knobs = [knob.name for knob in spec.knobs]

        def begin(directory: Path) -> None:
            (directory / CONFIG).write_text(identity.config_yaml, encoding="utf-8")
            text = summary_text({**self._head, "status": RunStatus.RUNNING, "error": ""})
            (directory / SUMMARY).write_text(text + " " * ROOM_BYTES, encoding="utf-8")
            self._trace = TraceWriter(directory, TOGETHER_S if is_simulated else 0.0)

        self.directory = make_run_directory(parent, identity.name, begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._trace.close()

    def note(self, **facts: Any) -> None:
        """Add to the summary what has turned out, as JSON has it. Raises OSError."""
        self._head |= facts
        self._trace.note(**facts)

    def begin(self, env: gym.Env) -> None:
        """Note with which weights the world works. Raises OSError."""
        self.note(weights=env.unwrapped.weights)  # type: ignore[attr-defined] - all worlds of ours have it

    def step(self, step: Step) -> None:
        """Note one control interval. Raises OSError."""
        row = row_of(step, self._knobs) | self._further(step.index)
        self._trace.write(row)
        self._rows.append(row)

    def end(self, status: RunStatus, error: str) -> dict[str, Any]:
        """Say what ended the run, complete trace and summary; returns the summary.

        On a full disk, the summary says so in the room that was kept for it, and the rest is left to the next
        start. Raises OSError: not even that could be written.
        """
        try:
            self.note(status=status, error=error)
            summary = complete(self.directory, self._head, write_trace(self.directory, self._rows))
            self._is_complete = True
            return summary
        except OSError as trouble:
            logger.info("the record could not be completed", exc_info=trouble)
            if status is RunStatus.FINISHED:
                status, error = RunStatus.FAILED, what_broke(trouble, self.directory)
            summary = {**self._head, "status": status, "error": error}
            overwrite(self.directory / SUMMARY, summary_text(summary))
            return summary

    def close(self) -> None:
        """Nobody need come back to this run, unless its end could not be written."""
        if self._is_complete:
            (self.directory / JOURNAL).unlink(missing_ok=True)
        self._trace.close()


def what_broke(error: BaseException, directory: Path) -> str:
    """An error of a run in one sentence."""
    if isinstance(error, OSError) and is_full(error):
        return full_disk(error, directory)
    return sentence(error)


def complete(directory: Path, head: Mapping[str, Any], trace: pd.DataFrame) -> dict[str, Any]:
    """Write the summary, what a run is, how it ended and what it came to, and return it. Raises OSError."""
    figures = summarise(trace) if len(trace) else {}
    if head["status"] == RunStatus.FINISHED and (harm := degradation(figures)):
        head = {**head, "status": RunStatus.DEGRADED, "error": harm}
    write_summary(directory, summary := {**head, **figures})
    return summary


def left_in(directory: Path) -> list[tuple[str, Path]]:
    """Return the files that a run has left to be kept, and what each is: its artifacts in MLflow."""
    return [(what, path) for pattern, what in LEFT.items() for path in sorted(directory.glob(pattern))]


def write_summary(directory: Path, summary: Mapping[str, Any]) -> None:
    """Leave a summary that is whole at every moment. Raises OSError."""
    write_whole(directory / SUMMARY, summary_text(summary))


def summary_text(summary: Mapping[str, Any]) -> str:
    """Return a summary as it stands in the file."""
    return json.dumps(summary, indent=2) + "\n"


# --- what was killed is completed at the next start ---


def finish_killed(folder: Path, console: Console) -> list[Path]:
    """Complete all runs of a folder that nobody carries on; returns their directories. Raises OSError.

    Each gets its trace as Parquet and a summary with the figures of the steps that it made, and with what
    ended it: KILLED, unless it had time to say something else. MLflow hears of it from an export.
    """
    found = [path.parent for path in sorted(folder.glob(f"*/{JOURNAL}")) if finish(path.parent)]
    if found:
        say(
            console,
            f"{counted(len(found), 'run')} had been killed or broken off before all was written; each now "
            "says what ended it, and has its trace: " + ", ".join(directory.name for directory in found),
        )
    return found


def finish(directory: Path) -> bool:
    """Complete one from what it has left by now; False if there is nothing to do, or somebody else is at it.

    A journal that does not say what ended the run is of a process that had no time to. Raises OSError.
    """
    try:
        journal = (directory / JOURNAL).open("rb")
    except FileNotFoundError:
        return False
    with journal:  # without locks, nobody knows whether its process is gone: who lives must not be disturbed
        if lock(journal) is not True or not os.fstat(journal.fileno()).st_nlink:
            return False  # or somebody was done with it just now
        rows, facts, _ = read_journal(directory)
        head = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))
        if head["status"] == RunStatus.RUNNING:
            head |= {"status": RunStatus.KILLED, "error": KILLED_OUTRIGHT, **facts}
        is_written = (directory / TRACE).exists()  # as a whole, when the last step had been played
        complete(directory, head, read_trace(directory) if is_written else write_trace(directory, rows))
        for left in [*directory.glob(f"*{PARTIAL}"), directory / JOURNAL]:
            left.unlink(missing_ok=True)
        return True
