"""A file of frames: when each one that was emitted was where, and who processed it."""

from pathlib import Path

import pyarrow as pa

from pipeline.collector.events import Emit
from pipeline.collector.tables import open_rows

STAMPS = ("captured_ns", "sent_ns", "received_ns", "started_ns", "done_ns", "arrived_ns", "emitted_ns")
SCHEMA = pa.schema(
    [
        ("incarnation", pa.int64()),  # of the producer; its episodes count from 1
        ("episode", pa.int64()),
        ("stream", pa.int32()),
        ("id", pa.int64()),
        ("source_index", pa.int64()),
        ("epoch", pa.int64()),
        ("grade", pa.int32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("worker", pa.string()),
        *((name, pa.int64()) for name in STAMPS),  # ns of the producer's monotonic clock
        ("service_ns", pa.int64()),
    ]
)


class FrameTable:
    """One row per emitted frame, in the order of emission; columns as in SCHEMA.

    Raises SinkError: the path ends in neither .parquet nor .jsonl, or the file cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self._rows = open_rows(path, SCHEMA, "frames")

    def write(self, emit: Emit) -> None:
        """Append a frame. Raises SinkError."""
        header = emit.part.header
        hops_ns = (header.captured_ns + since_ns for since_ns in (0, *header.stamps_ns))
        stamps = zip(STAMPS, (*hops_ns, emit.arrived_ns, emit.emitted_ns), strict=True)
        row = {
            "incarnation": header.incarnation,
            "episode": header.episode,
            "stream": header.stream,
            "id": header.id,
            "source_index": header.source_index,
            "epoch": header.epoch,
            "grade": header.grade,
            "width": header.size[0],
            "height": header.size[1],
            "worker": header.worker,
            **dict(stamps),
            "service_ns": header.service_ns,
        }
        self._rows.add([row])

    def close(self) -> None:
        """Finish the file. Raises SinkError."""
        self._rows.close()
