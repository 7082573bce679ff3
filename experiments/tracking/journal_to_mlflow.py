"""A process of its own that carries a run's journal to MLflow while the run goes on.

It follows the journal as a reader follows a newspaper: the run never waits for it, shares no interpreter lock
with it, and its SQL takes what the machine has to spare (once the run is open, it is nice). If the run
is killed outright, this process sees its standard input close, and says FAILED in MLflow. If the store fails,
the journal waits for it. A run that lasts no longer than MLflow's own preparations (`live` is false) is not
followed: this process prepares, and imports the run's directory in one go when the run is over.

Standard input: a line with a `Request` in JSON, later a line with a `Closing`; end of input instead of the
latter means that the run is gone. Standard output: a line with an `Opened`, later one with a `Closed`.
"""

import contextlib
import json
import logging
import queue
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import msgspec

from experiments.tracking.entry import Entry, write_entry
from experiments.tracking.messages import Closed, Closing, Opened, Request
from experiments.tracking.scribe import be_a_scribe, say, step_back
from experiments.tracking.store import (
    BATCH,
    DIRECTORY,
    ERROR,
    PARENT,
    REJECTED,
    TRACE_TAG,
    Point,
    Store,
    figures_of,
    in_a_sentence,
    now_ms,
    store_errors,
)

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
NICENESS = 10  # beside a real pipeline
RETRY_EVERY_S = 10.0  # of a store that fails


class RunLog:
    """One MLflow run, filled batch by batch; its directory says which it is, and how far it has come.

    Args:
        store: that has the run.
        run_id: in it.
        directory: of the run's files.
    """

    def __init__(self, store: Store, run_id: str, directory: Path) -> None:
        self.run_id = run_id
        self.rejected = 0
        self._store = store
        self._directory = directory
        self._points: list[Point] = []

    def add(self, row: Mapping[str, Any], step: int, at_ms: int | None = None) -> None:
        """Note a row's figures; they are sent with the next full batch, or by `flush`."""
        figures, rejected = figures_of(row)
        self.rejected += rejected
        then_ms = now_ms() if at_ms is None else at_ms
        self._points += [Point(name, value, then_ms, step) for name, value in figures.items()]
        self.send(at_least=BATCH)

    def send(self, at_least: int = 1) -> None:
        """Send batches for as long as so many values are left; what the store refuses stays."""
        while len(self._points) >= at_least:
            self._store.write(self.run_id, self._points[:BATCH])
            self._points = self._points[BATCH:]

    def close(self, closing: Closing) -> None:
        """Send all that is left, the files and the status."""
        self.add({f"summary.{name}": value for name, value in closing.figures.items()}, step=0)
        self.send()
        self._store.keep(self.run_id, map(Path, closing.files))
        tags = {**closing.tags, REJECTED: str(self.rejected), TRACE_TAG: "whole"}
        self._store.write(self.run_id, tags=tags | ({ERROR: closing.error} if closing.error else {}))
        self._store.end(self.run_id, closing.status)
        self.note(closing.status, complete=bool(closing.files))  # a run that is gone told of none

    def note(self, status: str, complete: bool) -> None:
        """Say in the directory how the run stands in MLflow."""
        write_entry(self._directory, Entry(self._store.uri, self.run_id, status, complete, live=True))


def open_log(request: Request) -> RunLog:
    """A new run, with all that is known of it at its start."""
    store = Store(request.uri, request.artifacts, request.experiment)
    parent = {PARENT: request.parent} if request.parent else {}
    journal = Path(request.journal)
    directory, began_ms = journal.parent, int(1e3 * journal.stat().st_mtime)
    run_id = store.create(request.run, request.tags | parent | {DIRECTORY: str(directory)}, began_ms)
    log = RunLog(store, run_id, directory)
    log.note("RUNNING", complete=False)
    store.write(run_id, params=request.params)
    return log


class Journal:
    """Whole lines of a file that is still being written."""

    def __init__(self, path: str) -> None:
        self._file: TextIO = open(path, encoding="utf-8")  # noqa: SIM115 - lives as long as this object
        self._partial = ""

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows that have come since the last call."""
        while piece := self._file.readline():
            self._partial += piece
            if self._partial.endswith("\n"):
                line, self._partial = self._partial, ""
                row = json.loads(line)
                if "step" in row:  # else it is for the summary
                    yield row

    def close(self) -> None:
        """Stop reading; twice is harmless."""
        self._file.close()


def follow(log: RunLog, journal: Journal) -> Closing:
    """Carry rows over until standard input tells how the run ended, or closes."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda: said.put(sys.stdin.readline()), daemon=True).start()
    line, next_s = None, time.monotonic()
    while line is None:
        with contextlib.suppress(queue.Empty):
            line = said.get(timeout=LOOK_EVERY_S)
        if time.monotonic() >= next_s and not carried(log, journal):
            next_s = time.monotonic() + RETRY_EVERY_S
    carry(log, journal)
    if line:
        return msgspec.json.decode(line, type=Closing)
    error = "the run's process is gone: it was killed, or it crashed"
    return Closing(status="FAILED", error=error, figures={}, files=())


def carried(log: RunLog, journal: Journal) -> bool:
    """Whether the store took what there was; if not, the rest of the journal waits."""
    try:
        carry(log, journal)
    except store_errors() as error:
        logger.warning("the store fails; trying again in %g s: %s", RETRY_EVERY_S, in_a_sentence(error))
        return False
    return True


def carry(log: RunLog, journal: Journal) -> None:
    """All rows that are there."""
    log.send(at_least=BATCH)  # what it refused the last time
    for row in journal.rows():
        log.add(row, step=int(row["step"]))


def log_live(request: Request) -> int:
    """Open, follow, close; 1 if MLflow refused something."""
    journal = Journal(request.journal)
    try:
        log = open_log(request)
    except Exception as error:  # whatever it is, the run is told, and decides
        logger.exception("MLflow refused the run")
        say(Opened(error=in_a_sentence(error)))
        return 1
    say(Opened(run_id=log.run_id))
    step_back(NICENESS)
    try:
        log.close(follow(log, journal))
    except Exception as error:  # likewise
        logger.exception("MLflow refused what the run left")
        say(Closed(log.rejected, in_a_sentence(error)))
        return 1
    say(Closed(log.rejected))
    return 0


def log_afterwards(request: Request) -> int:
    """Prepare, wait for the run's end, import it; 1 if MLflow refused something."""
    from experiments.tracking.importing import import_run  # reads traces: a live run does without

    try:
        store = Store(request.uri, request.artifacts, request.experiment)
    except Exception as error:  # whatever it is, the run is told, and decides
        logger.exception("MLflow refused the run")
        say(Opened(error=in_a_sentence(error)))
        return 1
    say(Opened())
    if not sys.stdin.readline():
        return 0  # the run is gone, and has not told how it ended
    try:
        done = import_run(store, Path(request.journal).parent, request.tags, request.parent)
    except Exception as error:  # likewise
        logger.exception("MLflow refused what the run left")
        say(Closed(error=in_a_sentence(error)))
        return 1
    say(Closed(done.rejected))
    return 0


def main() -> int:
    """Whichever way was asked for."""
    be_a_scribe()
    request = msgspec.json.decode(sys.stdin.readline(), type=Request)
    return log_live(request) if request.live else log_afterwards(request)


if __name__ == "__main__":
    sys.exit(main())
