"""A sweep's own directory: what was asked for, which runs it has, and what jobs tell came of them."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import msgspec
from omegaconf import DictConfig, OmegaConf

from experiments.program.errors import ConfigError
from experiments.program.files import write_whole
from experiments.runs.logged import ABOUT, LOCK, RUNS, SWEEPS
from experiments.runs.provenance import command, digest
from experiments.runs.record import SUMMARY, RunStatus
from pipeline.locking import lock

OUTCOMES, LOG, MULTIRUN, CLAIM = "outcomes", "mlflow.log", "multirun.yaml", "claim"
FIGURES = ("slo_fulfilment", "qoe_mean", "reward_mean")  # of a run's summary, for the sweep's own table
LOOK_EVERY_S = 0.5
GO_ON = "{} of {} runs are finished; the same command plays the others"  # after an interruption


class Place:
    """The directory of a sweep, which is the same each time the same is asked for.

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
        self.outcomes = self.directory / OUTCOMES
        self.outcomes.mkdir(parents=True, exist_ok=True)
        self._lock = (self.directory / LOCK).open("w", encoding="utf-8")
        self._claim()
        for old in self.outcomes.iterdir():  # of what was interrupted
            old.unlink()
        write_whole(self.directory / MULTIRUN, OmegaConf.to_yaml(config))
        path = self.directory / ABOUT
        begun = {"started": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}
        about = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else begun
        self._about = {**about, "name": self.id, "overrides": list(overrides), "command": command()}
        self.note(RunStatus.RUNNING)

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

    @property
    def log(self) -> Path:
        """What the process that writes to MLflow complains of."""
        return self.directory / LOG


def write_runs(folder: Path, known_by: str, directories: Iterable[str]) -> None:
    """Keep which runs of a folder belong together, where `runs=FOLDER/sweeps/KNOWN_BY` finds them."""
    own = folder / SWEEPS / known_by
    own.mkdir(parents=True, exist_ok=True)
    write_whole(own / RUNS, json.dumps(sorted(directories), indent=0) + "\n")


def finished_in(folder: Path) -> dict[str, str]:
    """Directories of all runs that are FINISHED, by their `run_hash`; of several, the newest.

    A DEGRADED one is no valid result, and is played again.
    """
    found = {}
    for path in sorted(folder.glob(f"*/{SUMMARY}")):
        summary = json.loads(path.read_text(encoding="utf-8"))
        if summary["status"] == RunStatus.FINISHED and "run_hash" in summary:
            found[summary["run_hash"]] = path.parent.name
    return found


# --- what jobs tell ---


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a run of a sweep.

    Attributes:
        number: the run's.
        title: for people.
        agent: by whom.
        directory: the run's own, by its name in the folder of all runs; "" = it did not begin.
        status: FINISHED, DEGRADED, FAILED or KILLED; whatever is not FINISHED is played again the next time.
        error: one sentence, "" if it is FINISHED.
        figures: of the summary.
    """

    number: int
    title: str
    agent: str = ""
    directory: str = ""
    status: str
    error: str = ""
    figures: dict[str, float] = {}


def outcome_of(number: int, title: str, directory: Path, summary: Mapping[str, Any]) -> Outcome:
    """Return what became of a run that left this summary in this directory."""
    return Outcome(
        number=number,
        title=title,
        agent=summary["agent"],
        directory=directory.name,
        status=summary["status"],
        error=summary["error"],
        figures={name: summary[name] for name in FIGURES if summary.get(name) is not None},
    )


def tell(folder: Path, outcome: Outcome) -> None:
    """Leave word; it is there as a whole or not at all."""
    write_whole(folder / f"{outcome.number}.json", msgspec.json.encode(outcome))


def heard(folder: Path, known: set[int]) -> Iterator[Outcome]:
    """What is new; its number is added to those that are known."""
    for path in sorted(folder.glob("*.json")):
        if int(path.stem) not in known:
            known.add(int(path.stem))
            yield msgspec.json.decode(path.read_bytes(), type=Outcome)


class Watch:
    """A context manager around a launch; when it is left, everything that was told has been heard.

    Args:
        folder: where outcomes appear.
        known: numbers of those that were there before; new ones are added.
        on_outcome: called with each new one, by a thread of the watch's own or, at the end, by the caller's.
    """

    def __init__(self, folder: Path, known: set[int], on_outcome: Callable[[Outcome], None]) -> None:
        self._folder, self._known, self._on_outcome = folder, known, on_outcome
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="sweep-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._look()

    def _follow(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        for outcome in heard(self._folder, self._known):
            self._on_outcome(outcome)
