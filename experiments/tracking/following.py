"""A process of its own follows a directory into MLflow: a run or a sweep goes on, and never waits for it.

It shares no interpreter lock with what it follows, and its SQL takes what the machine has to spare. It ends
when nobody is at the directory any more, or when whoever started it closes its standard input, and the
directory says how it ended. What was killed had no time to say so; then this process does. If the store
fails, the directory waits for it. Standard output is for people: how far it is in the end, what went wrong.
"""

import contextlib
import logging
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from experiments.program.console import counted
from experiments.program.interruption import ENDING
from experiments.runs.logged import ABOUT, read_run
from experiments.runs.provenance import ROOT
from experiments.runs.record import RunStatus
from experiments.tracking.importing import (
    THERE,
    UNREADABLE,
    MlflowImporter,
    is_real,
    is_under_way,
    status_of,
)
from experiments.tracking.store import in_a_sentence, store_errors

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
DYING_S = 0.2
ANSWER_TIMEOUT_S = 120.0  # for each word in the end: the last batches, a video's upload
BESIDE_A_PIPELINE, BESIDE_A_SWEEP = 10, 5  # niceness; 10 would leave all of a sweep's work for its end


class TrackingError(Exception):
    """MLflow lacks something; the text says why."""


def afterwards(path: Path) -> str:
    """Say what brings to MLflow what it lacks of a run, a sweep or a folder of runs."""
    command = shlex.join(["elasticbench", "export", "mlflow", str(path)])
    return f"To import what it lacks, later: {command}"


def follow(
    importer: MlflowImporter, path: Path, waited: Callable[[float], bool], say: Callable[[str], None]
) -> list[str]:
    """Import a run, a sweep or a folder of runs again and again, until nobody is at it any more.

    `waited` waits at most so many seconds, True = whoever is at it will do no more; `say` hears in the end
    how far it is. Returns what could not be imported, and why; raises what the store does in the end.
    """
    pause_s = 0.0
    while True:
        is_told = waited(pause_s)
        is_over = not is_under_way(path) or (is_told and status_of(path) != RunStatus.RUNNING)
        missing, pause_s = list[str](), LOOK_EVERY_S
        try:
            for n, (run, became) in enumerate(importer.take(path), 1):
                missing += [f"{run.name}: {became}"] if became.startswith(UNREADABLE) else []
                if is_over and became != THERE:
                    say(f"{counted(n, 'run')} taken")
        except store_errors() as error:
            if is_over:
                raise
            logger.warning("the store fails, and is tried again: %s", in_a_sentence(error))
        if is_over:
            return missing
        if is_told:  # its process is about to be gone
            time.sleep(DYING_S)


class Follower:
    """The process, as seen by a run or a sweep that starts it; `log` gets the process's errors."""

    def __init__(self, directory: Path, uri: str, log: Path) -> None:
        self._more = f"(more in {log}). All is on disk. {afterwards(directory)}"
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, uri, str(directory.resolve())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                cwd=ROOT,
                start_new_session=True,  # what ends the run is none of its business
            )

    def finish(self, report: Callable[[str], object] = str) -> None:
        """Wait until MLflow has all that the directory has, which must say by now how it ended.

        `report` hears how far it is. Raises TrackingError: MLflow refused something, or took too long.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        said = "the process that writes to it is gone"
        while select.select([self._process.stdout], [], [], ANSWER_TIMEOUT_S)[0]:
            if not (line := self._process.stdout.readline()):
                break
            report(said := line.decode().strip())
        else:
            raise TrackingError(f"MLflow did not answer within {ANSWER_TIMEOUT_S:g} s {self._more}")
        if self._process.wait():
            raise TrackingError(f"MLflow did not take all: {said} {self._more}")


def main(uri: str, path: Path) -> int:
    """Follow a directory; 1 if the store lacks something in the end."""
    for signum in ENDING:  # they may reach every process of a machine or a job
        signal.signal(signum, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    heard, sys.stdout = sys.stdout, sys.stderr  # MLflow prints
    is_sweep = (path / ABOUT).is_file()
    os.nice(BESIDE_A_SWEEP if is_sweep else BESIDE_A_PIPELINE if is_real(read_run(path)) else 0)
    importer = MlflowImporter(uri, follows=True)

    def say(line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            print(line, file=heard, flush=True)

    def waited(seconds: float) -> bool:
        return bool(select.select([sys.stdin], [], [], seconds)[0])

    try:
        missing = follow(importer, path, waited, say)
    except Exception as error:  # whatever it is, whoever waits is told
        logger.exception("MLflow lacks something of %s", path)
        missing = [in_a_sentence(error)]
    for line in missing:
        say(line)
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
