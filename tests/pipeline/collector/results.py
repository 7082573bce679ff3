"""Results as they reach a sink, for tests."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.collector.output import Known
from pipeline.messages import Result, ResultPart

EVERY_NS = 33_333_333  # of a source with 30 frames/s
STARTED_NS = 77_000_000_000  # the producer's clock when the episode began
KNOWN = Known(emitted_ns=STARTED_NS + 250_000_000)

Row = Sequence[float]


def result(
    k: int,
    size: tuple[int, int] = (64, 48),
    boxes: Sequence[Row] | NDArray[np.float32] = (),
    frame: NDArray[np.uint8] | None = None,
    **fields,
) -> ResultPart:
    """The result of the source's k-th frame, at this (width, height); its picture is mid-grey."""
    array = np.array(boxes, np.float32) if len(boxes) else np.zeros((0, 6), np.float32)
    if frame is None:
        frame = np.full((size[1], size[0], 3), 128, np.uint8)
    values = {"id": k, "source_index": k, "captured_ns": STARTED_NS + k * EVERY_NS, "episode": 1, **fields}
    header = Result(dtype="uint8", shape=frame.shape, boxes=array.shape, size=size, **values)
    return ResultPart(header, array, frame)


def without_frame(part: ResultPart) -> ResultPart:
    """The same result as a collector gets it that needs no pictures."""
    return part._replace(frame=None)
