"""Rows on their way to a file: a Parquet table for analysis, or JSON lines that survive a killed run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.collector.output import SinkError, make_room_for

ROWS_PER_GROUP = 8192


def open_rows(path: Path, schema: pa.Schema, what: str) -> "JsonLines | ParquetRows":
    """Open the writer for a file of rows.

    Args:
        path: ends in .parquet or .jsonl.
        schema: of the Parquet table.
        what: the rows are, for messages.

    Raises:
        SinkError: another ending, or the file cannot be created.
    """
    if path.suffix not in (".parquet", ".jsonl"):
        raise SinkError(f"a file of {what} must end in .parquet or .jsonl, got {str(path)!r}")
    make_room_for(path)
    return ParquetRows(path, schema, what) if path.suffix == ".parquet" else JsonLines(path, what)


class JsonLines:
    """One line per row; every line is on its way to the disk at once."""

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._encoder = msgspec.json.Encoder()
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise SinkError(f"cannot write the {what} {path}: {error.strerror}") from error

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows. Raises SinkError."""
        try:
            self._file.writelines(self._encoder.encode(row) + b"\n" for row in rows)
            self._file.flush()
        except OSError as error:
            raise SinkError(f"cannot write the {self._what} {self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file. Raises SinkError."""
        try:
            self._file.close()
        except OSError as error:
            raise SinkError(f"cannot write the {self._what} {self._path}: {error.strerror}") from error


class ParquetRows:
    """A table that can be read once it is closed, not before: where a run may be killed, choose .jsonl."""

    def __init__(self, path: Path, schema: pa.Schema, what: str) -> None:
        self._path, self._schema, self._what = path, schema, what
        self._rows: list[Mapping[str, Any]] = []
        self._n_written = 0
        try:
            self._writer = pq.ParquetWriter(path, schema)
        except OSError as error:
            raise SinkError(f"cannot write the {what} {path}: {error}") from error

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows. Raises SinkError."""
        self._rows += rows
        if len(self._rows) >= ROWS_PER_GROUP:
            self._write_group()

    def close(self) -> None:
        """Write what is left and the footer, and count the rows.

        Raises SinkError: they cannot be written, or are not all there.
        """
        if not self._writer.is_open:
            return
        try:
            self._write_group()
        finally:
            self._writer.close()
        n_found = pq.read_metadata(self._path).num_rows
        if n_found != self._n_written:
            raise SinkError(f"expected {self._n_written} rows in {self._path}, found {n_found}")

    def _write_group(self) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            self._writer.write_table(pa.Table.from_pylist(rows, self._schema))
        except (OSError, pa.ArrowException) as error:
            raise SinkError(f"cannot write the {self._what} {self._path}: {error}") from error
        self._n_written += len(rows)
