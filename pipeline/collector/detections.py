"""Detections as a file, one row each."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.collector.output import Known
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
        ("captured_s", pa.float64()),  # since the first result's capture
        ("emitted_s", pa.float64()),  # likewise
        ("epoch", pa.int64()),
        ("grade", pa.int32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("worker", pa.string()),
        ("kind", pa.string()),  # of the detections: real, emulated or none
        ("class_id", pa.int32()),
        ("confidence", pa.float32()),
        *((name, pa.float32()) for name in (*AXIS_ALIGNED, *ROTATED)),
    ]
)


def frame_fields(header: Result, captured_s: float) -> dict[str, Any]:
    """Make a row of what is known of a frame, its detections apart."""
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
    """Make a row of each detection; a box has either its corners or its centre, sides and rotation."""
    names = ROTATED if boxes.shape[1] == ROTATED_COLUMNS else AXIS_ALIGNED
    rows = boxes[np.isfinite(boxes[:, -1])].astype(np.float64).round(N_DECIMALS).tolist()
    return [
        {"class_id": round(class_id), "confidence": confidence, **dict(zip(names, place, strict=True))}
        for *place, confidence, class_id in rows
    ]


class DetectionSink:
    """A `Sink` for a file of detections.

    In .jsonl each frame is a line with a list of its detections. In .parquet each detection is a row, and a
    frame without any has one row, without class, so that it is there.

    Raises SinkError: another ending, or the file cannot be created.
    """

    needs_frames = False

    def __init__(self, path: Path) -> None:
        self._rows = open_rows(path, SCHEMA, "detections")
        self._is_table = path.suffix == ".parquet"
        self._first_ns: int | None = None  # when the episode's first result was captured

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Count times from the next result on."""
        self._first_ns = None

    def write(self, part: ResultPart, known: Known) -> None:
        """Append a frame. Raises SinkError."""
        if self._first_ns is None:
            self._first_ns = part.header.captured_ns
        fields = frame_fields(part.header, (part.header.captured_ns - self._first_ns) * 1e-9)
        fields |= {"emitted_s": (known.emitted_ns - self._first_ns) * 1e-9, "kind": known.kind}
        detections = detection_fields(part.boxes)
        if self._is_table:
            self._rows.add([{**fields, **detection} for detection in detections or [{}]])
        else:
            self._rows.add([{**fields, "detections": detections}])

    def close(self) -> None:
        """Finish the file. Raises SinkError."""
        self._rows.close()
