"""Directories of runs and sweeps become runs in MLflow, or complete those that are there: the only way in.

What is written depends on the directory alone, so an import that broke off is simply done again: MLflow keeps
one of two equal values. A run's end is written last: what has ended in MLflow is there as a whole.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from experiments.program.errors import ConfigError
from experiments.program.files import is_held
from experiments.runs.logged import ABOUT, LOCK, RUNS, SWEEPS, LoggedRun, called, directories_of, read_run
from experiments.runs.record import CONFIG, SUMMARY, RunStatus, finish, left_in
from experiments.runs.summary import dotted
from experiments.runs.trace import JOURNAL, read_journal
from experiments.tracking.facts import (
    SOURCE,
    gist_of,
    summary_figures,
    summary_tags,
    sweep_facts,
    sweep_tags,
)
from experiments.tracking.store import NOTE, Point, Store, figures_of, in_a_sentence, tracking_uri

GIST = 600  # values of a trace; a tenth of a second, two thirds of what one call to MLflow holds
PARENT = "mlflow.parentRunId"  # tag
SWEEP_FILES = (ABOUT, RUNS, "multirun.yaml", "report.html", "table.md")
IMPORTED, THERE, GOING_ON, UNREADABLE = "imported", "there already", "still going on", "unreadable: "


class MlflowImporter:
    """Imports runs and sweeps; each folder of runs is an experiment of a store, whose errors are passed on.

    `uri` "" is as `tracking_uri` has it for the folder of all results; who `follows` takes in runs of the
    real pipeline while they go on.
    """

    def __init__(self, uri: str = "", follows: bool = False) -> None:
        self._uri, self._follows = uri, follows
        self._stores: dict[Path, Store] = {}
        self._parents: dict[Path, str] = {}  # ids of sweeps' runs
        self._sweep_of: dict[Path, Path] = {}  # by a run's directory: as its summary says
        self._done: dict[Path, Mapping[str, Any]] = {}  # summaries of runs that need not be looked at again
        self._sent: dict[Path, tuple[int, int]] = {}  # of a run that goes on: bytes of the journal, last step

    def take(self, path: Path) -> Iterator[tuple[Path, str]]:
        """Import what a run, a sweep or a folder of runs has and the store lacks; say what became of each."""
        path = path.resolve()
        is_sweep = path.parent.name == SWEEPS
        sweeps = [path] if is_sweep else sorted(path.glob(f"{SWEEPS}/*"))
        left = set() if is_sweep else set(directories_of(path))
        for sweep in sweeps:
            self._parent(sweep)
            runs = self._runs_of(sweep)
            yield from ((run, self._became(run, sweep)) for run in runs)
            if status_of(sweep) != RunStatus.RUNNING:
                self._close_sweep(sweep, runs)
            left -= {*runs}
        yield from ((run, self._became(run, None)) for run in sorted(left))

    def _store(self, folder: Path) -> Store:
        if folder not in self._stores:
            results = folder.resolve().parent
            self._stores[folder] = Store(self._uri or tracking_uri(results), results, folder.resolve().name)
        return self._stores[folder]

    # --- runs ---

    def _became(self, directory: Path, sweep: Path | None) -> str:
        """Import a run; what is wrong with its directory is no fault of the store's."""
        from mlflow.exceptions import MlflowException

        store = self._store(directory.parent)
        try:
            return THERE if directory in self._done else self._import(store, directory, sweep)
        except MlflowException as error:
            if error.error_code != "INVALID_PARAMETER_VALUE":
                raise
            return UNREADABLE + in_a_sentence(error)
        except (OSError, ValueError, KeyError, ConfigError) as error:
            return UNREADABLE + in_a_sentence(error)

    def _import(self, store: Store, directory: Path, sweep: Path | None) -> str:
        finish(directory)  # if its process is gone
        run = read_run(directory)
        goes_on = run.summary["status"] == RunStatus.RUNNING
        if goes_on and not (is_real(run) and self._follows):
            return GOING_ON
        known = store.run_of(directory)
        if known is not None and known.info.status != RunStatus.RUNNING:
            self._done[directory] = run.summary
            return THERE
        tags = summary_tags(run.summary)
        if sweep is not None:
            source = sweep_tags(_about(sweep))[SOURCE]
            tags |= {PARENT: self._parent(sweep), "sweep": sweep.name, SOURCE: source}
        run_id = store.create(directory, tags, began_ms(directory)) if known is None else known.info.run_id
        if goes_on:
            self._write_new(store, run_id, run)
            return GOING_ON
        self._complete(store, run_id, run, tags)
        self._done[directory] = run.summary
        return IMPORTED

    def _write_new(self, store: Store, run_id: str, run: LoggedRun) -> None:
        """Write what a run that goes on has had to say since the last time."""
        directory = run.directory
        if directory not in self._sent:
            store.write(run_id, params=dotted(run.values))
        offset, last_step = self._sent.get(directory, (0, -1))
        rows, _, offset = read_journal(directory, offset)
        store.write(run_id, _points(rows, began_ms(directory)))
        self._sent[directory] = offset, max([last_step, *(int(row["step"]) for row in rows)])

    def _complete(self, store: Store, run_id: str, run: LoggedRun, tags: Mapping[str, str]) -> None:
        """Write all that a run left, or what is missing of it; of a simulated trace the gist."""
        directory, trace, became = run.directory, run.trace(), "whole"
        zero_ms, ended_ms = began_ms(directory), _written_ms(directory / SUMMARY)
        if len(trace) and run.summary["status"] == RunStatus.KILLED:  # its summary may be much younger
            ended_ms = zero_ms + int(1e3 * trace["ended_s"].iloc[-1])
        rows = trace.to_dict("records")
        if is_real(run):
            _, last_step = self._sent.pop(directory, (0, -1))
            rows = [row for row in rows if row["step"] > last_step]
        elif rows:
            gist, became = gist_of(trace, GIST)
            rows = gist.to_dict("records")
        points = [(name, value, ended_ms, 0) for name, value in summary_figures(run.summary).items()]
        points += _points(rows, zero_ms)
        store.write(run_id, points, dotted(run.values), {**tags, "trace": became})
        store.keep(run_id, (path for _, path in left_in(directory)))
        store.stand(run_id, run.summary["status"], ended_ms)

    # --- sweeps ---

    def _runs_of(self, sweep: Path) -> list[Path]:
        """Return the directories of a sweep's runs: those that it lists, and who says that it is its."""
        for run in {*directories_of(sweep.parents[1])} - self._sweep_of.keys():
            with suppress(ConfigError):  # somebody is writing it
                self._sweep_of[run] = run.parent / SWEEPS / read_run(run).summary.get("sweep", "")
        return sorted({*directories_of(sweep), *(run for run, own in self._sweep_of.items() if own == sweep)})

    def _parent(self, sweep: Path) -> str:
        """Return the id of a sweep's run, which is made if need be, and runs again if the sweep does."""
        if sweep not in self._parents:
            store, about = self._store(sweep.parent.parent), _about(sweep)
            known, began_s = store.run_of(sweep), sweep.stat().st_mtime
            if about:
                began_s = datetime.fromisoformat(about["started"]).timestamp()
            if known is None:
                self._parents[sweep] = store.create(sweep, sweep_tags(about), int(1e3 * began_s))
            else:
                self._parents[sweep] = known.info.run_id
                if status_of(sweep) == RunStatus.RUNNING:
                    store.stand(known.info.run_id, RunStatus.RUNNING, 0)
        return self._parents[sweep]

    def _close_sweep(self, sweep: Path, runs: Sequence[Path]) -> None:
        """Write what a sweep's runs came to; of equal runs, the last one counts."""
        store, run_id = self._store(sweep.parent.parent), self._parent(sweep)
        known = [self._done[run] for run in runs if run in self._done]
        last = list({summary.get("run_hash", id(summary)): summary for summary in known}.values())
        at_ms = _written_ms(sweep / ABOUT if (sweep / ABOUT).is_file() else sweep)
        if last:
            figures, note = sweep_facts(last)
            points = [(name, value, at_ms, 0) for name, value in figures.items()]
            store.write(run_id, points, tags={NOTE: note})
        report = sweep.parents[2] / "comparisons" / called(sweep)  # of `compare`
        files = (place / name for place in (sweep, report) for name in SWEEP_FILES)
        store.keep(run_id, filter(Path.is_file, files))
        store.stand(run_id, status_of(sweep), at_ms)


def is_under_way(path: Path) -> bool:
    """Whether a process is at a run, a sweep, or one of those of a folder."""
    locks = (path / JOURNAL, path / LOCK, *path.glob(f"*/{JOURNAL}"), *path.glob(f"{SWEEPS}/*/{LOCK}"))
    return any(map(is_held, locks))


def status_of(path: Path) -> str:
    """Return how a run or a sweep stands; a sweep that was killed had no time to say so."""
    if (path / SUMMARY).is_file():
        return str(read_run(path).summary["status"])
    status = _about(path).get("status", RunStatus.FINISHED)
    is_gone = status == RunStatus.RUNNING and not is_held(path / LOCK)
    return RunStatus.KILLED if is_gone else str(status)


def is_real(run: LoggedRun) -> bool:
    """Whether a run is one of the real pipeline."""
    return run.summary["env"] == "pipeline"


def began_ms(directory: Path) -> int:
    """Return when a run began, in ms since 1970: its configuration is the first thing that it writes."""
    return _written_ms(directory / CONFIG)


def _about(sweep: Path) -> dict[str, Any]:
    path = sweep / ABOUT
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _written_ms(path: Path) -> int:
    return int(1e3 * path.stat().st_mtime)


def _points(rows: Sequence[Mapping[str, Any]], zero_ms: int) -> list[Point]:
    """Return the finite numbers of rows as a store takes them."""
    return [
        (name, value, zero_ms + int(1e3 * row["ended_s"]), int(row["step"]))
        for row in rows
        for name, value in figures_of(row).items()
    ]
