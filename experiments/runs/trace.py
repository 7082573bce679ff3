"""The trace: one row per control interval, safe on disk from the moment the interval ends."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.program.files import PERMISSIONS, write_all, write_whole
from experiments.runs.loop import Step

JOURNAL = "trace.jsonl"  # until all that a run leaves is complete
TRACE = "trace.parquet"
FACTS = "summary"  # in a journal, the only key of a line that is no row: what the summary will say
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
    """Appends rows to a journal; each has left this process when the call returns.

    The journal is locked for as long as this process lives: see `taken_up`. It goes last of all, by
    `drop_journal`: where there is one, somebody has yet to complete what the run leaves.
    """

    def __init__(self, directory: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self._descriptor: int | None = os.open(directory / JOURNAL, flags, PERMISSIONS)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def write(self, row: Row) -> None:
        """Add a row. Raises OSError: then there is nothing of it."""
        self._append(row)

    def note(self, **facts: Scalar) -> None:
        """Add what the summary will have to say, whoever writes it; the last word counts. Raises OSError."""
        self._append({FACTS: facts})

    def close(self) -> None:
        """Let go of the journal; twice is harmless."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _append(self, line: Mapping[str, Any]) -> None:
        assert self._descriptor is not None, "the journal is closed"
        n_bytes = os.fstat(self._descriptor).st_size
        try:
            write_all(self._descriptor, (json.dumps(line) + "\n").encode())
        except OSError:
            os.ftruncate(self._descriptor, n_bytes)  # or the next line would go on from half of this one
            raise


@contextmanager
def taken_up(directory: Path) -> Iterator[bool]:
    """Whether there is a journal whose process is gone; if so, it is ours alone meanwhile."""
    try:
        journal = (directory / JOURNAL).open("rb")
    except FileNotFoundError:
        yield False
        return
    with journal:
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield os.fstat(journal.fileno()).st_nlink > 0  # else somebody was done with it just now


def write_trace(directory: Path) -> None:
    """Turn the journal into the Parquet file; twice is harmless. Raises OSError."""
    sink = pa.BufferOutputStream()
    pq.write_table(_table(_rows(directory)), sink)
    write_whole(directory / TRACE, memoryview(sink.getvalue()))


def drop_journal(directory: Path) -> None:
    """Say that everything is complete."""
    (directory / JOURNAL).unlink(missing_ok=True)


def noted(directory: Path) -> dict[str, Scalar]:
    """All facts that the journal has for the summary."""
    found: dict[str, Scalar] = {}
    for line in _lines(directory):
        found |= line.get(FACTS, {})
    return found


def _rows(directory: Path) -> Iterator[Row]:
    return (line for line in _lines(directory) if FACTS not in line)


def _lines(directory: Path) -> Iterator[dict[str, Any]]:
    with (directory / JOURNAL).open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):  # a killed process may leave half a line
                yield json.loads(line)


def rows_since(directory: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return the rows that a journal has from a byte on, and the byte to go on from the next time.

    Lines that are not whole yet are left for then. A journal that is gone has no more.
    """
    try:
        with (directory / JOURNAL).open("rb") as journal:
            journal.seek(offset)
            whole, _, _ = journal.read().rpartition(b"\n")
    except FileNotFoundError:
        return [], offset
    lines = [json.loads(line) for line in whole.splitlines()]
    return [line for line in lines if FACTS not in line], offset + len(whole) + bool(whole)


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
    return _table(_rows(directory)).to_pandas()
