"""The memory source: a few pictures, repeated for ever at no cost; for benchmarks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.pacing import NS_PER_S, exact_rate
from pipeline.sources.base import SourceError, SourceFrame


class MemorySource:
    """Pictures held in memory as an endless `Source`.

    Args:
        images: uint8 BGR, shape (height, width, 3), C-contiguous, all of one size, at least one; handed out
            as read-only views, so nobody may write to them afterwards.
        fps: pictures per second of the source's time.

    Raises:
        ValueError: no picture, pictures that differ in size, or fps is not a finite number > 0.
    """

    is_live = False

    def __init__(self, images: Sequence[NDArray[np.uint8]], fps: float) -> None:
        if not images or len({image.shape for image in images}) != 1:
            raise ValueError(
                f"expected at least one picture, all of one shape, got {[image.shape for image in images]}"
            )
        self._rate = exact_rate(fps)
        self._images = [_read_only(image) for image in images]
        self.height, self.width = images[0].shape[:2]
        self.fps = float(fps)
        self._index = 0
        self._is_closed = False

    def peek(self) -> int | None:
        """Presentation time (ns) of the next picture, or None once closed."""
        if self._is_closed:
            return None
        return self._index * NS_PER_S * self._rate.denominator // self._rate.numerator

    def read(self) -> SourceFrame:
        """The next picture, the same buffer at each repetition. Raises SourceError: the source is closed."""
        pts_ns = self.peek()
        if pts_ns is None:
            raise SourceError("expected a picture from memory, but the source is closed")
        frame = SourceFrame(self._index, pts_ns, self._images[self._index % len(self._images)])
        self._index += 1
        return frame

    def skip(self) -> None:
        """Pass over the next picture."""
        self._index += 1

    def restart(self, seed: int) -> None:
        """Begin again at index 0 and time 0, with the same pictures whatever the seed."""
        self._index = 0

    def close(self) -> None:
        """Hand out nothing more."""
        self._is_closed = True


def _read_only(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    view = image.view()
    view.flags.writeable = False
    return view
