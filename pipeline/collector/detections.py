"""Detections as a file, one row each."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.collector.sinks import Sink
from pipeline.collector.tables import open_rows
from pipeline.messages import Result, ResultPart

N_DECIMALS = 4  # a ten-thousandth of a pixel is more than a detector knows
ROTATED_COLUMNS = 7  # of boxes with a rotation

AXIS_ALIGNED = ("x1", "y1", "x2", "y2")  # px of the processed frame, whose size is in the row
ROTATED = ("cx", "cy", "box_width", "box_height", "rotation_rad")

SCHEMA = pa.schema(
    [
        ("incarnation", pa.int64()),  # of the producer; its episodes count from 1
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
        "incarnation": header.incarnation,
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
    """One line per frame, with a list of its detections."""

    needs_frames = False

    def __init__(self, path: Path) -> None:
        self._rows, self._clock = open_rows(path, SCHEMA, "detections"), EpisodeClock()

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Times begin anew."""
        self._clock.begin()

    def write(self, part: ResultPart) -> None:
        """Append a frame. Raises SinkError."""
        row = frame_fields(part.header, self._clock.captured_s(part.header))
        self._rows.add([{**row, "detections": detection_fields(part.boxes)}])

    def close(self) -> None:
        """Close the file. Raises SinkError."""
        self._rows.close()


class ParquetSink:
    """One row per detection; a frame without any has one row, without class, so that it is there."""

    needs_frames = False

    def __init__(self, path: Path) -> None:
        self._rows, self._clock = open_rows(path, SCHEMA, "detections"), EpisodeClock()

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Times begin anew."""
        self._clock.begin()

    def write(self, part: ResultPart) -> None:
        """Append a frame. Raises SinkError."""
        fields = frame_fields(part.header, self._clock.captured_s(part.header))
        self._rows.add([{**fields, **detection} for detection in detection_fields(part.boxes) or [{}]])

    def close(self) -> None:
        """Finish the table. Raises SinkError."""
        self._rows.close()
