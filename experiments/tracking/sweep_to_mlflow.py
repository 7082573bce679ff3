"""A process of its own that keeps a sweep in MLflow: a parent run, and every finished directory as its child.

Standard input: a line with an `Opening` in JSON, then one with an `Add` for each run, at last a `Finish`;
end of input instead of the latter means that the sweep is gone: its run becomes KILLED, and what is not
imported yet waits for its resumption. Standard output: a line with an `Opened`; after `Finish` one with a
`Progress` for each directory that was still left, then a `Finished`.
"""

import logging
import queue
import sys
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec

from experiments.tracking.entry import Entry, read_entry, write_entry
from experiments.tracking.importing import import_run
from experiments.tracking.messages import Finish, Finished, Opened, Opening, Progress, SweepMessage
from experiments.tracking.scribe import be_a_scribe, say, step_back
from experiments.tracking.store import ERROR, Point, Store, in_a_sentence, now_ms, store_errors

logger = logging.getLogger(__name__)

NICENESS = 5  # beside simulated runs; 10 would leave all of the work for the end
SWEEP = "sweep"  # tag of the children: the sweep's name
FIGURES = ("slo_fulfilment", "qoe_mean", "reward_mean")  # of the runs' summaries: their means, agent by agent
FILES = ("sweep.json", "runs.json", "multirun.yaml")  # of a sweep's directory


class SweepRun:
    """The sweep's run in MLflow, and what has been imported under it.

    Args:
        opening: where, and under which name.
    """

    def __init__(self, opening: Opening) -> None:
        self._store = Store(opening.uri, opening.artifacts, opening.experiment)
        self._name = opening.name
        self._directory = Path(opening.directory) if opening.directory else None
        self.run_id = self._open(opening)
        self._note("RUNNING", complete=False)
        self._summaries: list[Mapping[str, Any]] = []
        self._left: dict[Path, str] = {}  # directory -> why it is not in
        self.imported = 0

    def take(self, directory: Path) -> None:
        """Import a run's directory; what cannot be imported now is tried again at the end."""
        try:
            done = import_run(self._store, directory, {SWEEP: self._name}, self.run_id)
        except (*store_errors(), ValueError) as error:
            logger.warning("%s is not in MLflow yet", directory, exc_info=error)
            self._left[directory] = in_a_sentence(error)
            return
        self._left.pop(directory, None)
        self._summaries.append(done.summary)
        self.imported += done.is_new

    def finish(self, status: str) -> Finished:
        """Try again what is left, and close the sweep's run."""
        for directory in list(self._left):
            self.take(directory)
        try:
            self._close(status)
        except store_errors() as error:
            logger.warning("the sweep's run is not closed", exc_info=error)
            return Finished(self.imported, self._missing, in_a_sentence(error))
        return Finished(self.imported, self._missing, next(iter(self._left.values()), ""))

    def vanish(self) -> None:
        """The sweep's process is gone."""
        self._store.write(
            self.run_id, tags={ERROR: "the sweep's process is gone: it was killed, or it crashed"}
        )
        self._store.end(self.run_id, "KILLED")
        self._note("KILLED", complete=True)

    @property
    def _missing(self) -> tuple[str, ...]:
        return tuple(str(directory) for directory in self._left)

    def _open(self, opening: Opening) -> str:
        """The run that the sweep has already, if the store still has it, else a new one."""
        noted = read_entry(self._directory) if self._directory is not None else None
        known = noted.run_id if noted is not None and noted.uri == opening.uri else ""
        parent = opening.parent or known
        if parent and self._store.status_of(parent) is not None:
            self._store.reopen(parent)
            return parent
        return self._store.create(opening.name, opening.tags)

    def _close(self, status: str) -> None:
        at_ms = now_ms()
        figures = sweep_figures(self._summaries)
        self._store.write(self.run_id, [Point(name, value, at_ms, 0) for name, value in figures.items()])
        if self._directory is not None:
            self._store.keep(self.run_id, filter(Path.exists, (self._directory / name for name in FILES)))
        self._store.end(self.run_id, status)
        self._note(status, complete=not self._left)

    def _note(self, status: str, complete: bool) -> None:
        if self._directory is not None:
            write_entry(self._directory, Entry(self._store.uri, self.run_id, status, complete))


def sweep_figures(summaries: list[Mapping[str, Any]]) -> dict[str, float]:
    """How many runs ended how, and each agent's means over those that finished."""
    ended: dict[str, float] = defaultdict(float)
    values: dict[str, list[float]] = defaultdict(list)
    for summary in summaries:
        finished = summary["status"] == "FINISHED"
        ended["runs.finished" if finished else "runs.failed"] += 1
        for name in FIGURES if finished else ():
            if summary.get(name) is not None:
                values[f"{name}.{summary['agent']}"].append(summary[name])
    return {"runs.finished": 0.0, "runs.failed": 0.0} | ended | {n: fmean(v) for n, v in values.items()}


class Inbox:
    """What the sweep says, read as it comes: whoever writes it never waits for MLflow.

    Attributes:
        is_closing: the sweep is over, and waits.
        is_gone: it is over, and does not.
    """

    def __init__(self) -> None:
        self.is_closing = self.is_gone = False
        self._messages: queue.SimpleQueue[SweepMessage | None] = queue.SimpleQueue()

    def listen(self) -> None:
        """Go on reading, beside the program."""
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> SweepMessage | None:
        """In the order they came; None = the end of input."""
        message = self._messages.get()
        return None if self.is_gone else message

    @property
    def left(self) -> int:
        """Directories that wait, once the sweep is closing."""
        return self._messages.qsize() - 1

    def _read(self) -> None:
        for line in sys.stdin:
            message = msgspec.json.decode(line, type=SweepMessage)
            self.is_closing |= isinstance(message, Finish)
            self._messages.put(message)
        self.is_gone = not self.is_closing
        self._messages.put(None)


def serve(sweep: SweepRun, inbox: Inbox) -> None:
    """Import what comes until the sweep is finished, or gone."""
    while message := inbox.next():
        if isinstance(message, Finish):
            say(sweep.finish(message.status))
            return
        sweep.take(Path(message.directory))
        if inbox.is_closing:
            say(Progress(inbox.left))
    sweep.vanish()


def main() -> int:
    """Open, import, close; 1 if MLflow did not let us begin."""
    be_a_scribe()
    opening = msgspec.json.decode(sys.stdin.readline(), type=Opening)
    inbox = Inbox()
    inbox.listen()
    try:
        sweep = SweepRun(opening)
    except Exception as error:  # whatever it is, the sweep is told, and decides
        logger.exception("MLflow refused the sweep")
        say(Opened(error=in_a_sentence(error)))
        return 1
    say(Opened(run_id=sweep.run_id))
    step_back(NICENESS)
    serve(sweep, inbox)
    return 0


if __name__ == "__main__":
    sys.exit(main())
