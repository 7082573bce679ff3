"""The trace: one row per control interval, safe on disk from the moment the interval ends."""

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.loop import Step

JOURNAL = "trace.jsonl"  # while the run lasts; a killed run leaves it behind
TRACE = "trace.parquet"
# what this machine took for it: everything else of a simulated or replayed run follows from its configuration
WALL_CLOCK = ("ended_s", "decision_ms", "learning_ms")

Scalar = bool | int | float | str | None
Row = dict[str, Scalar]


def row_of(step: Step, knobs: Sequence[str]) -> Row:
    """One flat row: nested names joined by dots, as in MLflow and in the trace's columns.

    Args:
        step: what happened.
        knobs: the knobs' names, in the order of the action.
    """
    row: Row = {
        "step": step.index,
        "ended_s": step.ended_s,
        "reward": step.reward,
        "decision_ms": step.decision_ms,
        "learning_ms": step.learning_ms,
    }
    row |= {f"action.{knob}": level for knob, level in zip(knobs, step.action, strict=True)}
    row |= _flat("", {name: value for name, value in step.info.items() if name not in row})
    row |= _flat("explain.", step.explanation)
    return row


def _flat(prefix: str, nested: Mapping[str, Any]) -> Row:
    row: Row = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            row |= _flat(f"{prefix}{name}.", value)
        elif isinstance(value, list | tuple | np.ndarray):
            row |= _flat(f"{prefix}{name}.", {str(i): item for i, item in enumerate(value)})
        else:
            row[prefix + name] = _plain(value)
    return row


def _plain(value: Any) -> Scalar:
    """A Python scalar; an IntEnum becomes its code, a StrEnum its text."""
    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    return str(value)


class TraceWriter:
    """Appends rows to a journal, and turns it into Parquet at the end, whatever the end was.

    The journal is locked for as long as this process lives: see `is_abandoned`.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._journal = (directory / JOURNAL).open("w", encoding="utf-8")
        fcntl.flock(self._journal, fcntl.LOCK_EX)

    def write(self, row: Row) -> None:
        """Add a row; it has left this process when the call returns."""
        self._journal.write(json.dumps(row) + "\n")
        self._journal.flush()

    def close(self) -> None:
        """Write the Parquet file and drop the journal; twice is harmless."""
        if self._journal.closed:
            return
        self._journal.flush()
        finish_journal(self._directory)
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def finish_journal(directory: Path) -> None:
    """Turn a journal into the Parquet file. Raises FileNotFoundError."""
    pq.write_table(_table(_journal_rows(directory)), directory / TRACE)
    (directory / JOURNAL).unlink()


def is_abandoned(directory: Path) -> bool:
    """Whether there is a journal whose process is gone."""
    try:
        with (directory / JOURNAL).open(encoding="utf-8") as journal:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, BlockingIOError):
        return False
    return True


def _journal_rows(directory: Path) -> Iterator[Row]:
    with (directory / JOURNAL).open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):  # a killed process may leave half a line
                yield json.loads(line)


def _table(rows: Iterator[Row]) -> pa.Table:
    found = list(rows)
    names = dict.fromkeys(name for row in found for name in row)
    return pa.table({name: pa.array([row.get(name) for row in found]) for name in names})


def read_trace(directory: Path) -> pd.DataFrame:
    """The trace of a run that ended, or of one that was killed; one row per control interval.

    Raises:
        FileNotFoundError: there is neither a trace nor a journal.
    """
    if (directory / TRACE).exists():
        return pq.read_table(directory / TRACE).to_pandas()
    if not (directory / JOURNAL).exists():
        raise FileNotFoundError(f"expected {TRACE} or {JOURNAL} in {directory}, found neither")
    return _table(_journal_rows(directory)).to_pandas()
