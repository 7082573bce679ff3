"""The runs of a sweep, what a launcher's job does with some, and the directory that says what they became."""

import json
import logging
import multiprocessing
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from filelock import SoftFileLock, Timeout
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from envs.processes import end_with_parent
from experiments.config.composing import composed
from experiments.execution.resolve import resolve
from experiments.program.errors import ConfigError, ExecutionError, sentence
from experiments.program.files import write_whole
from experiments.runs.logged import ABOUT, LOCK, RUNS, SWEEPS
from experiments.runs.provenance import command, digest
from experiments.runs.record import KILLED_OUTRIGHT, SUMMARY, RunStatus
from experiments.sweeps.pool import play_run
from pipeline.locking import lock

logger = logging.getLogger(__name__)

LOG, MULTIRUN, CLAIM = "mlflow.log", "multirun.yaml", "claim"
LONG_NUMBER = re.compile(r"-?\d+\.\d{12,}(e-?\d+)?")  # range(0.1,0.4,0.1) yields 0.30000000000000004
SEED = "seed"


@dataclass(frozen=True, slots=True)
class Run:
    """One of a sweep's."""

    number: int  # from 0, in the sweep's order
    point: tuple[str, ...]  # overrides that make it, without the seed
    seed: int | None  # 0 or more; None = the configuration's own

    @property
    def overrides(self) -> list[str]:
        """All."""
        return [*self.point] if self.seed is None else [*self.point, f"{SEED}={self.seed}"]

    @property
    def title(self) -> str:
        """For people."""
        return " ".join(self.overrides)


def combinations(arguments: Sequence[str], loader: ConfigLoader | None) -> list[Run]:
    """All runs of `agent=aif,rule seed=range(3)` and the like; the last varies fastest.

    `loader` is Hydra's, which knows what `hardware=glob(*)` stands for.

    Raises:
        ConfigError: a seed that is none.
        HydraException: what cannot be read.
    """
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(arguments))
    (all_,) = BasicSweeper.split_arguments(parsed, None)
    return [run_of(number, overrides) for number, overrides in enumerate(all_)]


def run_of(number: int, overrides: Sequence[str]) -> Run:
    """Return a run with its seed apart, and numbers as they were meant. Raises ConfigError."""
    overrides = [LONG_NUMBER.sub(lambda found: f"{float(found[0]):.12g}", text) for text in overrides]
    seeds = [text.partition("=")[2] for text in overrides if text.startswith(f"{SEED}=")]
    point = tuple(text for text in overrides if not text.startswith(f"{SEED}="))
    if seeds and not seeds[-1].isdecimal():
        raise ConfigError(f"seed: expected whole numbers >= 0, got {seeds[-1]!r}")
    return Run(number, point, int(seeds[-1]) if seeds else None)


def by_point(runs: Iterable[Run]) -> dict[tuple[str, ...], list[Run]]:
    """Runs that differ only in their seed together."""
    points: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        points.setdefault(run.point, []).append(run)
    return points


@dataclass(frozen=True, slots=True)
class Jobs:
    """The task that launchers carry out; it can be sent to other processes."""

    runs: Sequence[Sequence[Run]]  # of each job, by its number
    sweep: str  # id of the sweep, which hears of runs by what they leave, and follows them all into MLflow

    def __call__(self, cfg: DictConfig) -> None:
        """Play the runs of the job that this is; one that fails takes no other with it.

        Raises ExecutionError: some left no record; the first says why.
        """
        if multiprocessing.parent_process() is not None:  # this is one of joblib's
            end_with_parent()
        troubles = list[Exception]()
        for runs in by_point(self.runs[HydraConfig.get().job.num]).values():
            try:
                resolved = resolve(*composed(runs[0].overrides), Console(quiet=True))
                for run in runs:
                    own = resolved if run.seed is None else resolved.under_seed(run.seed)
                    origin = {"sweep": self.sweep, "sweep_run": str(run.number)}
                    ended = play_run(replace(own, identity=replace(own.identity, origin=origin)))
                    if ended.interruption is not None:
                        raise ended.interruption
            except Exception as error:  # whatever it is, it is the end of these runs only
                logger.info("%s", runs[0].title, exc_info=error)
                troubles.append(error)
        if troubles:
            raise ExecutionError(sentence(troubles[0])) from troubles[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run of a sweep."""

    title: str  # for people
    directory: str = ""  # the run's own, by its name in the folder of all runs; "" = it did not begin
    error: str = ""  # what ended it, in one sentence: it is played again the next time; "" = FINISHED


class Sweep:
    """A sweep, whose directory is the same each time the same is asked for.

    `folder` is of all runs of that name, `overrides` are what was asked for but for Hydra's own part,
    `config` is what all runs share, with that part. Raises ConfigError: another process is at it.
    """

    def __init__(
        self, folder: Path, runs: Sequence[Run], overrides: Sequence[str], config: DictConfig
    ) -> None:
        self.folder, self.runs = folder, runs
        self.id = digest({"overrides": sorted(overrides)})
        self.directory = folder / SWEEPS / self.id
        self.outcomes: dict[int, Outcome] = {}  # of runs that ended, before or now, by their numbers
        self.directory.mkdir(parents=True, exist_ok=True)
        self._claim = SoftFileLock(self.directory / CLAIM)  # other hosts see it, too, whatever they lock
        try:
            self._claim.acquire(timeout=0)
        except Timeout as error:
            raise ConfigError(
                f"this sweep is under way in another process already: {self.directory} (process "
                f"{self._claim.pid}; if that is gone, remove {self.directory / CLAIM})"
            ) from error
        self._lock = (self.directory / LOCK).open("w", encoding="utf-8")
        lock(self._lock)  # for as long as this process lives, which whoever follows the sweep looks at
        self._seen = {path.name for path in folder.iterdir()}  # they need not be looked at (again)
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

    def ended(self, run: Run, directory: str = "", error: str = "") -> Outcome:
        """Note what became of a run."""
        self.outcomes[run.number] = Outcome(run.title, directory, error)
        return self.outcomes[run.number]

    def look(self) -> list[Outcome]:
        """Note the runs that have ended since the last time, however they did; who compares finds them.

        Those that were killed outright are not over.
        """
        found = []
        for name in sorted({path.name for path in self.folder.iterdir()} - self._seen):
            path = self.folder / name / SUMMARY
            summary = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            if summary.get("status", RunStatus.RUNNING) != RunStatus.RUNNING:  # whoever's it is
                self._seen.add(name)
                if summary.get("sweep") == self.id and summary["error"] != KILLED_OUTRIGHT:
                    found.append(self.ended(self.runs[int(summary["sweep_run"])], name, summary["error"]))
        if found:
            self._list()
        return found

    def note(self, status: RunStatus) -> None:
        """Say how the sweep stands."""
        self._about["status"] = status
        write_whole(self.directory / ABOUT, json.dumps(self._about, indent=2) + "\n")
        if status != RunStatus.RUNNING:
            self._list()
            self._claim.release()

    def _list(self) -> None:
        write_runs(self.folder, self.id, {one.directory for one in self.outcomes.values()} - {""})


def write_runs(folder: Path, known_by: str, directories: Iterable[str]) -> None:
    """Keep which runs of a folder belong together, where `runs=FOLDER/sweeps/KNOWN_BY` finds them."""
    own = folder / SWEEPS / known_by
    own.mkdir(parents=True, exist_ok=True)
    write_whole(own / RUNS, json.dumps(sorted(directories), indent=0) + "\n")
