"""The trace: one row per control interval, safe on disk from the moment the interval ends."""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agents.base import Agent
from envs.spec import ElasticitySpec
from experiments.program.files import write_all, write_whole
from experiments.runs.episode import Step, Steps, play
from pipeline.locking import lock

JOURNAL = "trace.jsonl"  # until all that a run leaves is complete
TRACE = "trace.parquet"
FACTS = "summary"  # in a journal, the only key of a line that is no row: what the summary will say
# what this machine took for it: everything else of a simulated or replayed run follows from its configuration
WALL_CLOCK = ("ended_s", "decision_ms", "learning_ms")

PLAIN = frozenset({bool, int, float, str})

Scalar = bool | int | float | str | None
Row = dict[str, Scalar]


def row_of(step: Step, knobs: Sequence[str]) -> Row:
    """Return one flat row: nested names joined by dots; `knobs` are named in the order of the action."""
    row: Row = {
        "step": step.index,
        "ended_s": step.ended_s,
        "reward": step.reward,
        "decision_ms": step.decision_ms,
        "learning_ms": step.learning_ms,
    }
    for knob, level in zip(knobs, step.action, strict=True):
        row[f"action.{knob}"] = level
    _flatten(row, "", {name: value for name, value in step.info.items() if name not in row})
    _flatten(row, "explain.", step.explanation)
    return row


def _flatten(row: Row, prefix: str, nested: Mapping[str, Any]) -> None:
    for name, value in nested.items():
        if value is None or type(value) in PLAIN:  # nearly all are: there are a hundred in each step
            row[prefix + name] = value
        elif isinstance(value, Mapping):
            _flatten(row, f"{prefix}{name}.", value)
        elif isinstance(value, list | tuple | np.ndarray):
            _flatten(row, f"{prefix}{name}.", {str(i): item for i, item in enumerate(value)})
        else:
            row[prefix + name] = _plain(value)


def _plain(value: Any) -> Scalar:
    """Return a Python scalar; an IntEnum becomes its code, a StrEnum its text."""
    if isinstance(value, np.generic):
        return value.item()
    return int(value) if isinstance(value, int) else str(value)


def trace_of(steps: Iterable[Step], spec: ElasticitySpec) -> pd.DataFrame:
    """Return the trace of steps that were kept in memory: a row each, as `row_of` has them."""
    knobs = [knob.name for knob in spec.knobs]
    return pd.DataFrame([row_of(step, knobs) for step in steps])


def traced(
    agent: Agent, env: gym.Env, seed: int, watch: Callable[[Step], None] = lambda step: None
) -> pd.DataFrame:
    """Play an episode as `play` does, and return its trace; `watch` sees every step as it ends."""
    kept = Steps(watch)
    play(agent, env, seed, [kept])
    return trace_of(kept.seen, agent.spec)


class TraceWriter:
    """Appends rows to a run's journal, which is locked for as long as this process lives: see `finish`.

    Rows that came within `every_s` leave this process together; 0 = each has left it when `write` returns.
    """

    def __init__(self, directory: Path, every_s: float = 0.0) -> None:
        self._file = (directory / JOURNAL).open("ab", buffering=0)
        lock(self._file, waits=True)
        self._every_s, self._flushed_s = every_s, time.monotonic()
        self._waiting: list[Mapping[str, Any]] = []

    def write(self, row: Row) -> None:
        """Add a row. Raises OSError: then there is nothing of those that waited."""
        self._waiting.append(row)
        if time.monotonic() - self._flushed_s >= self._every_s:
            self.flush()

    def note(self, **facts: Any) -> None:
        """Add what the summary will have to say, whoever writes it; the last word counts. Raises OSError."""
        self._waiting.append({FACTS: facts})
        self.flush()

    def flush(self) -> None:
        """Have all lines leave this process. Raises OSError: then there is nothing of those that waited."""
        lines, self._waiting = self._waiting, []
        self._flushed_s = time.monotonic()
        n_bytes = os.fstat(self._file.fileno()).st_size
        try:
            write_all(self._file.fileno(), "".join(f"{json.dumps(line)}\n" for line in lines).encode())
        except OSError:
            os.ftruncate(self._file.fileno(), n_bytes)  # or the next line would go on from half of this one
            raise

    def close(self) -> None:
        """Let go of the journal; twice is harmless."""
        self._file.close()


def write_trace(directory: Path, rows: Iterable[Row]) -> pd.DataFrame:
    """Write the Parquet file, whole or not at all, and return the trace. Raises OSError."""
    table, sink = _table(rows), pa.BufferOutputStream()
    pq.write_table(table, sink, use_dictionary=False, write_statistics=False)  # a fourth of the time
    write_whole(directory / TRACE, memoryview(sink.getvalue()))
    return table.to_pandas()


def read_journal(directory: Path, offset: int = 0) -> tuple[list[dict[str, Any]], dict[str, Any], int]:
    """Return the rows and the summary's facts that a journal has from a byte on, and where to go on.

    A process that was killed, or is at it, may leave half a line: that is left for then. A journal that is
    gone has no more.
    """
    try:
        with (directory / JOURNAL).open("rb") as journal:
            journal.seek(offset)
            whole, newline, _ = journal.read().rpartition(b"\n")
    except FileNotFoundError:
        return [], {}, offset
    rows, facts = [], {}
    for line in map(json.loads, whole.splitlines()):
        if FACTS in line:
            facts |= line[FACTS]
        else:
            rows.append(line)
    return rows, facts, offset + len(whole) + len(newline)


def read_trace(directory: Path) -> pd.DataFrame:
    """Read a run's trace, ended or not, a row per control interval. Raises FileNotFoundError: it has none."""
    if (directory / TRACE).exists():
        return pq.read_table(directory / TRACE).to_pandas()
    if not (directory / JOURNAL).exists():
        raise FileNotFoundError(f"expected {TRACE} or {JOURNAL} in {directory}, found neither")
    return _table(read_journal(directory)[0]).to_pandas()


def _table(rows: Iterable[Row]) -> pa.Table:
    found = list(rows)
    names = dict.fromkeys(name for row in found for name in row)
    return pa.table({name: pa.array([row.get(name) for row in found]) for name in names})
