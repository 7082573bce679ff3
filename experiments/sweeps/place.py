"""A sweep in its own directory: what was asked for, which runs it has, and what jobs tell came of them."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec
from omegaconf import DictConfig, OmegaConf

from experiments.program.errors import ConfigError
from experiments.program.files import write_whole
from experiments.runs.logged import ABOUT, LOCK, RUNS, SWEEPS
from experiments.runs.provenance import command, digest
from experiments.runs.record import SUMMARY, RunStatus
from pipeline.locking import lock

OUTCOMES, LOG, MULTIRUN, CLAIM = "outcomes", "mlflow.log", "multirun.yaml", "claim"
LOOK_EVERY_S = 0.5
GO_ON = "{} of {} runs are finished; the same command plays the others"  # after an interruption


class Outcome(msgspec.Struct, frozen=True):
    """What became of a run of a sweep.

    Attributes:
        number: the run's.
        title: for people.
        directory: the run's own, by its name in the folder of all runs; "" = it did not begin.
        error: what ended it, or was wrong, in one sentence: it is played again the next time; "" = FINISHED.
    """

    number: int
    title: str
    directory: str = ""
    error: str = ""


class Sweep:
    """A sweep, whose directory is the same each time the same is asked for.

    Args:
        folder: of all runs of that name.
        overrides: what was asked for, but for Hydra's own part.
        config: Hydra's, composed from what all runs share.

    Raises:
        ConfigError: another process is at it.
    """

    def __init__(self, folder: Path, overrides: Sequence[str], config: DictConfig) -> None:
        self.folder = folder
        self.id = digest({"overrides": sorted(overrides)})
        self.directory = folder / SWEEPS / self.id
        self.told = self.directory / OUTCOMES  # by jobs
        self.outcomes: dict[int, Outcome] = {}  # of runs that ended, before or now, by their numbers
        self.told.mkdir(parents=True, exist_ok=True)
        self._lock = (self.directory / LOCK).open("w", encoding="utf-8")
        self._claim()
        for old in self.told.iterdir():  # of what was interrupted
            old.unlink()
        write_whole(self.directory / MULTIRUN, OmegaConf.to_yaml(config))
        path = self.directory / ABOUT
        begun = {"started": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}
        about = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else begun
        self._about = {**about, "name": self.id, "overrides": list(overrides), "command": command()}
        self.note(RunStatus.RUNNING)

    @property
    def failed(self) -> list[Outcome]:
        """Those that did not come to their own end."""
        return [outcome for outcome in self.outcomes.values() if outcome.error]

    @property
    def n_done(self) -> int:
        """Runs that are finished."""
        return len(self.outcomes) - len(self.failed)

    def list_runs(self) -> None:
        """Have whoever compares them find the runs that ended, however they did."""
        write_runs(self.folder, self.id, {outcome.directory for outcome in self.outcomes.values()} - {""})

    def note(self, status: RunStatus) -> None:
        """Say how the sweep stands."""
        self._about["status"] = status
        write_whole(self.directory / ABOUT, json.dumps(self._about, indent=2) + "\n")
        if status != RunStatus.RUNNING:
            (self.directory / CLAIM).unlink(missing_ok=True)

    def _claim(self) -> None:
        """Be the only one at it. Raises ConfigError.

        A lock may be of this host alone, or there may be none, as on some NFS: a file says who it is, too.
        What a process of this host left behind that was killed does not count where there are locks.
        """
        path, host = self.directory / CLAIM, socket.gethostname()
        own, is_locked, holder = f"{host}, process {os.getpid()}", lock(self._lock), ""
        if is_locked is not False:
            try:
                with path.open("x", encoding="utf-8") as claim:
                    claim.write(own)
                return
            except FileExistsError:
                holder = path.read_text(encoding="utf-8")
            if is_locked and holder.startswith(f"{host},"):
                write_whole(path, own)
                return
        hint = f" ({holder}; if that is gone, remove {path})" if holder else ""
        raise ConfigError(f"this sweep is under way in another process already: {self.directory}{hint}")


def write_runs(folder: Path, known_by: str, directories: Iterable[str]) -> None:
    """Keep which runs of a folder belong together, where `runs=FOLDER/sweeps/KNOWN_BY` finds them."""
    own = folder / SWEEPS / known_by
    own.mkdir(parents=True, exist_ok=True)
    write_whole(own / RUNS, json.dumps(sorted(directories), indent=0) + "\n")


def finished_in(folder: Path) -> dict[str, str]:
    """Return the directories of all runs that are FINISHED, by their `run_hash`; of several, the newest.

    A DEGRADED one is no valid result, and is played again.
    """
    found = {}
    for path in sorted(folder.glob(f"*/{SUMMARY}")):
        summary = json.loads(path.read_text(encoding="utf-8"))
        if summary["status"] == RunStatus.FINISHED and "run_hash" in summary:
            found[summary["run_hash"]] = path.parent.name
    return found


# --- what jobs tell ---


def tell(folder: Path, outcome: Outcome) -> None:
    """Leave word; it is there as a whole or not at all."""
    write_whole(folder / f"{outcome.number}.json", msgspec.json.encode(outcome))


@contextmanager
def watched(folder: Path, known: set[int], on_outcome: Callable[[Outcome], None]) -> Iterator[None]:
    """Meanwhile, hear what is told; in the end, everything has been heard.

    Args:
        folder: where outcomes appear.
        known: numbers of those that were there before; new ones are added.
        on_outcome: called with each new one, by a thread of its own or, at the end, by the caller's.
    """
    is_over = threading.Event()

    def look() -> None:
        for path in sorted(folder.glob("*.json")):
            if int(path.stem) not in known:
                known.add(int(path.stem))
                on_outcome(msgspec.json.decode(path.read_bytes(), type=Outcome))

    def follow() -> None:
        while not is_over.wait(LOOK_EVERY_S):
            look()

    thread = threading.Thread(target=follow, name="sweep-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        look()
