"""Small videos that tests make for themselves; each picture's brightness tells its number."""

import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import VideoFrame
from numpy.typing import NDArray

MS = Fraction(1, 1000)
STEP = 16  # of brightness between two pictures; an encoder's loss stays far below half of it


def gray(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """A picture of one brightness, BGR."""
    return np.full((height, width, 3), 32 + STEP * (number % 12), np.uint8)


def number_of(image: NDArray[np.uint8]) -> int:
    """The number, modulo 12, of a picture made by `gray`."""
    return round((float(image.mean()) - 32) / STEP)


def write_clip(
    path: Path,
    times_ms: Iterable[int],
    images: Sequence[NDArray[np.uint8]],
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
) -> Path:
    """A clip whose k-th picture is shown at times_ms[k], the last one as long as the one before it."""
    times_ms = list(times_ms)
    gaps_ms = [b - a for a, b in itertools.pairwise(times_ms)] or [40]
    height, width = images[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt  # type: ignore[union-attr]
        stream.codec_context.time_base = MS
        if rotation:
            stream.set_display_rotation(rotation)  # type: ignore[union-attr]
        stream.codec_context.flags |= Flags.frame_duration
        for time_ms, gap_ms, image in zip(times_ms, [*gaps_ms, gaps_ms[-1]], images, strict=False):
            frame = VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.duration, frame.time_base = time_ms, gap_ms, MS
            container.mux(stream.encode(frame))  # type: ignore[union-attr]
        container.mux(stream.encode(None))  # type: ignore[union-attr]
    return path
