"""What a stream source is: timed pictures, read one after the other."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.messages import NOTHING_WRONG, SourceReport


class SourceError(Exception):
    """A source cannot be opened or read; the message names it and what to do."""


@dataclass(frozen=True, slots=True)
class TruthBox:
    """One object that is really in the picture, in pixels of that picture.

    Attributes:
        label: class name as COCO has it ("car", "bus", "truck", "motorcycle", ...).
        full: (x1, y1, x2, y2) of the whole object, hidden parts and parts outside the picture too.
        visible: (x1, y1, x2, y2) of what can be seen of it, within the picture.
        visible_share: visible pixels / pixels of the whole object, in [0, 1].
        track: the object's identity over time.
    """

    label: str
    full: tuple[float, float, float, float]
    visible: tuple[float, float, float, float]
    visible_share: float
    track: int


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """One picture of a source.

    Attributes:
        index: position in the source, from 0; a looped file goes on counting.
        pts_ns: presentation time since the source's start, in ns, never decreasing.
        image: uint8 BGR, shape (height, width, 3), C-contiguous. Nobody writes to it afterwards:
            the source hands out a fresh buffer, or one that it never changes.
        truth: what is in the picture, or None where the source does not know.
    """

    index: int
    pts_ns: int
    image: NDArray[np.uint8]
    truth: tuple[TruthBox, ...] | None = None


def report_of(source: "Source") -> SourceReport:
    """Ask what was wrong with a source so far; nothing, if it has no attribute `report` to say so."""
    report = getattr(source, "report", NOTHING_WRONG)
    return report if isinstance(report, SourceReport) else NOTHING_WRONG


class Source(Protocol):
    """Timed pictures. `peek` says when the next one is due; then it is read or skipped.

    A source that can meet with damage tells of it in an attribute `report`, a `SourceReport`.

    Attributes:
        width, height: size of every picture, in px.
        fps: nominal rate in frames/s, > 0.
        is_live: True where pictures come when they come (camera, RTSP): `peek` then blocks, for a
            bounded time, until one is there, and `pts_ns` is its arrival.
    """

    width: int
    height: int
    fps: float
    is_live: bool

    def peek(self) -> int | None:
        """Presentation time (ns) of the next picture, or None once the source has ended.

        Raises SourceError: the source is gone and retrying has not brought it back.
        """
        ...

    def read(self) -> SourceFrame:
        """Return the next picture; call only after `peek` gave a time."""
        ...

    def skip(self) -> None:
        """Pass over the next picture, as cheaply as the source can."""
        ...

    def restart(self, seed: int) -> None:
        """Begin again at index 0 and time 0; `seed` chooses the scene where there is a choice."""
        ...

    def close(self) -> None:
        """Free what the source holds; twice is harmless. A live one's `peek` in another thread returns."""
        ...


def frames_at(source: Source, indices: Collection[int]) -> Iterator[SourceFrame]:
    """Yield a source's frames with these indices, as long as it has any. Raises SourceError."""
    for index in range(max(indices, default=-1) + 1):
        if source.peek() is None:
            return
        if index in indices:
            yield source.read()
        else:
            source.skip()
