"""A run's directory becomes a run in MLflow, in a handful of calls, or completes the one that is there."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from experiments.runs.identity import flat
from experiments.runs.record import CONFIG, SUMMARY, RunStatus, kept_files
from experiments.runs.trace import read_trace
from experiments.tracking.entry import Entry, read_entry, run_name, write_entry
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
    summary_figures,
    summary_tags,
)
from experiments.tracking.thinning import gist_of

GIST = 600  # values of a trace; a tenth of a second, two thirds of what one call to MLflow holds


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a directory.

    Attributes:
        summary: that it has.
        is_new: False = all of it was there already.
        rejected: values that were not finite, and therefore left out.
    """

    summary: Mapping[str, Any]
    is_new: bool
    rejected: int = 0


class Left:
    """What a run left behind, as MLflow takes it.

    Args:
        directory: has a summary that says how the run ended.

    Raises:
        OSError, ValueError: the directory cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.summary: dict[str, Any] = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))
        self.began_ms = int(1e3 * (directory / CONFIG).stat().st_mtime)  # the first thing that a run writes
        self.rejected = 0

    @cached_property
    def trace(self) -> pd.DataFrame:
        """One row per control interval."""
        return read_trace(self.directory)

    @property
    def status(self) -> str:
        """How the run ended."""
        return str(self.summary["status"])

    @property
    def ended_ms(self) -> int:
        """A killed run's summary is written later, so its last step counts."""
        if self.status == RunStatus.KILLED and len(self.trace):
            return self._at_ms(self.trace["ended_s"].iloc[-1])
        return int(1e3 * (self.directory / SUMMARY).stat().st_mtime)

    def params(self) -> dict[str, str]:
        """The whole configuration."""
        text = (self.directory / CONFIG).read_text(encoding="utf-8")
        return flat("", yaml.load(text, yaml.CSafeLoader))

    def figures(self) -> list[Point]:
        """The summary's."""
        named = {f"summary.{name}": value for name, value in summary_figures(self.summary).items()}
        found, rejected = figures_of(named)
        self.rejected += rejected
        return [Point(name, value, self.ended_ms, 0) for name, value in found.items()]

    def gist(self, n_values: int) -> tuple[list[Point], str]:
        """The trace's gist in so many values, and what was done to it in words."""
        if not len(self.trace):
            return [], "empty"
        gist = gist_of(self.trace, n_values)
        found = []
        for values, step, ended_s in zip(gist.means.tolist(), gist.steps.tolist(), gist.ended_s, strict=True):
            figures, rejected = figures_of(dict(zip(gist.columns, values, strict=True)))
            self.rejected += rejected
            found += [Point(name, value, self._at_ms(ended_s), step) for name, value in figures.items()]
        return found, gist.words

    def all_points(self, known: Mapping[str, int]) -> Iterator[Point]:
        """Every number of the trace but those up to the last step that each metric has already."""
        for row in self.trace.to_dict("records"):
            figures, rejected = figures_of(row)
            self.rejected += rejected
            step, at_ms = int(row["step"]), self._at_ms(row["ended_s"])
            for name, value in figures.items():
                if step > known.get(name, -1):
                    yield Point(name, value, at_ms, step)

    def _at_ms(self, ended_s: float) -> int:
        return self.began_ms + int(1e3 * ended_s)


def import_run(
    store: Store,
    directory: Path,
    tags: Mapping[str, str] | None = None,
    parent: str = "",
    whole: bool = False,
) -> Imported:
    """Bring a directory's run into a store, unless its `mlflow.json` says that all of it is there.

    What is written depends on the directory alone, so an import that broke off is simply done again: MLflow
    keeps one of two equal values.

    Args:
        store: of one experiment.
        directory: of a run that ended.
        tags: beside those that the summary gives.
        parent: id of the run that this one is a child of; "" = none.
        whole: every column and step of the trace, instead of its gist.

    Raises:
        MlflowException: the store refused something.
        OSError, ValueError: the directory cannot be read.
    """
    left = Left(directory)
    entry = _known(store, directory)
    if entry is not None and entry.complete:
        return Imported(left.summary, is_new=False)
    about = {**(tags or {}), **summary_tags(left.summary), DIRECTORY: str(directory.resolve())}
    if entry is None:
        family = {PARENT: parent} if parent else {}
        run_id = store.create(run_name(directory), about | family, left.began_ms)
        entry = Entry(store.uri, run_id, RunStatus.RUNNING, complete=False)
        write_entry(directory, entry)
    if entry.live:
        store.write(entry.run_id, tags=about)
    if entry.live or whole:
        _write_all(store, entry, left)
    else:
        _write_gist(store, entry.run_id, left)
    store.keep(entry.run_id, kept_files(directory))
    store.end(entry.run_id, left.status, left.ended_ms)
    write_entry(directory, Entry(store.uri, entry.run_id, left.status, complete=True, live=entry.live))
    return Imported(left.summary, is_new=True, rejected=left.rejected)


def _known(store: Store, directory: Path) -> Entry | None:
    """The directory's run in this store, if it has one there."""
    entry = read_entry(directory)
    if entry is None or entry.uri != store.uri or store.status_of(entry.run_id) is None:
        return None
    return entry


def _write_gist(store: Store, run_id: str, left: Left) -> None:
    """In one call, unless there are more parameters than MLflow takes in one."""
    thinned, words = left.gist(GIST)
    store.write(run_id, left.figures() + thinned, left.params(), _closing_tags(left, words))


def _write_all(store: Store, entry: Entry, left: Left) -> None:
    """The whole trace, batch by batch, or what is missing of it where the run was followed."""
    points = left.all_points(store.last_steps(entry.run_id) if entry.live else {})
    store.write(entry.run_id, left.figures(), left.params())
    while batch := list(islice(points, BATCH)):
        store.write(entry.run_id, batch)
    store.write(entry.run_id, tags=_closing_tags(left, "whole"))


def _closing_tags(left: Left, words: str) -> dict[str, str]:
    tags = {TRACE_TAG: words, REJECTED: str(left.rejected)}
    return tags | ({ERROR: str(left.summary["error"])} if left.summary["error"] else {})
