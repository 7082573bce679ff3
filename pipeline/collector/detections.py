"""Detections as a file: a Parquet table for analysis, or JSON lines that survive a killed run."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.collector.sinks import Sink, SinkError, make_room_for
from pipeline.messages import Result, ResultPart

ROWS_PER_GROUP = 8192
N_DECIMALS = 4  # a ten-thousandth of a pixel is more than a detector knows
ROTATED_COLUMNS = 7  # of boxes with a rotation

AXIS_ALIGNED = ("x1", "y1", "x2", "y2")  # px of the processed frame, whose size is in the row
ROTATED = ("cx", "cy", "box_width", "box_height", "rotation_rad")

SCHEMA = pa.schema(
    [
        ("episode", pa.int64()),
        ("stream", pa.int32()),
        ("id", pa.int64()),
        ("source_index", pa.int64()),
        ("captured_s", pa.float64()),
        ("epoch", pa.int64()),
        ("grade", pa.int32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("worker", pa.string()),
        ("class_id", pa.int32()),
        ("confidence", pa.float32()),
        *((name, pa.float32()) for name in (*AXIS_ALIGNED, *ROTATED)),
    ]
)


def open_detections(path: Path) -> Sink:
    """The sink for a file of detections.

    Args:
        path: ends in .parquet or .jsonl.

    Raises:
        SinkError: another ending, or the file cannot be created.
    """
    if path.suffix not in (".parquet", ".jsonl"):
        raise SinkError(f"a file of detections must end in .parquet or .jsonl, got {str(path)!r}")
    make_room_for(path)
    return ParquetSink(path) if path.suffix == ".parquet" else JsonLinesSink(path)


class EpisodeClock:
    """Capture times of an episode, in s since its first result."""

    def __init__(self) -> None:
        self._first_ns: int | None = None

    def begin(self) -> None:
        """A new episode: its first result is to come."""
        self._first_ns = None

    def captured_s(self, header: Result) -> float:
        """When a result's frame was captured."""
        if self._first_ns is None:
            self._first_ns = header.captured_ns
        return (header.captured_ns - self._first_ns) * 1e-9


def frame_fields(header: Result, captured_s: float) -> dict[str, Any]:
    """What is known of a frame, its detections apart."""
    return {
        "episode": header.episode,
        "stream": header.stream,
        "id": header.id,
        "source_index": header.source_index,
        "captured_s": captured_s,
        "epoch": header.epoch,
        "grade": header.grade,
        "width": header.size[0],
        "height": header.size[1],
        "worker": header.worker,
    }


def detection_fields(boxes: NDArray[np.float32]) -> list[dict[str, Any]]:
    """Each detection of a frame; a box has either its corners or its centre, sides and rotation."""
    names = ROTATED if boxes.shape[1] == ROTATED_COLUMNS else AXIS_ALIGNED
    rows = boxes[np.isfinite(boxes[:, -1])].astype(np.float64).round(N_DECIMALS).tolist()
    return [
        {"class_id": round(class_id), "confidence": confidence, **dict(zip(names, place, strict=True))}
        for *place, confidence, class_id in rows
    ]


class JsonLinesSink:
    """One line per frame, with a list of its detections; every line is on its way to the disk at once."""

    needs_frames = False

    def __init__(self, path: Path) -> None:
        self._path, self._clock = path, EpisodeClock()
        self._encoder = msgspec.json.Encoder()
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise SinkError(f"cannot write the detections {path}: {error.strerror}") from error

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Times begin anew."""
        self._clock.begin()

    def write(self, part: ResultPart) -> None:
        """Append a frame.

        Raises:
            SinkError: it cannot be written.
        """
        row = frame_fields(part.header, self._clock.captured_s(part.header))
        line = self._encoder.encode({**row, "detections": detection_fields(part.boxes)})
        try:
            self._file.write(line + b"\n")
            self._file.flush()
        except OSError as error:
            raise SinkError(f"cannot write the detections {self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file.

        Raises:
            SinkError: it cannot be written to the end.
        """
        try:
            self._file.close()
        except OSError as error:
            raise SinkError(f"cannot write the detections {self._path}: {error.strerror}") from error


class ParquetSink:
    """One row per detection; a frame without any has one row, without class, so that it is there.

    The table can be read once it is closed, not before: where a run may be killed, choose .jsonl.
    """

    needs_frames = False

    def __init__(self, path: Path) -> None:
        self._path, self._clock = path, EpisodeClock()
        self._rows: list[dict[str, Any]] = []
        self._n_written = 0
        try:
            self._writer = pq.ParquetWriter(path, SCHEMA)
        except OSError as error:
            raise SinkError(f"cannot write the detections {path}: {error}") from error

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Times begin anew."""
        self._clock.begin()

    def write(self, part: ResultPart) -> None:
        """Append a frame.

        Raises:
            SinkError: rows cannot be written.
        """
        fields = frame_fields(part.header, self._clock.captured_s(part.header))
        self._rows += [{**fields, **detection} for detection in detection_fields(part.boxes) or [{}]]
        if len(self._rows) >= ROWS_PER_GROUP:
            self._write_group()

    def close(self) -> None:
        """Write what is left and the footer, and count the rows.

        Raises:
            SinkError: they cannot be written, or are not all there.
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
            self._writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
        except (OSError, pa.ArrowException) as error:
            raise SinkError(f"cannot write the detections {self._path}: {error}") from error
        self._n_written += len(rows)
