"""What an output of the collector is, and the one error that all outputs raise."""

import math
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.messages import DetectionKind, ResultPart


class SinkError(Exception):
    """The output cannot be written, or was not; the message names the file."""


class Known(NamedTuple):
    """What the collector knows of a result beside what its worker says.

    Attributes:
        emitted_ns: when it is emitted, on the clock of its capture.
        kind: what its detections are; a worker's are taken for real.
        grade: letter of the network, "" = not known.
        f1: streaming F1 of the last second, NaN = not known.
        present: x1, y1, x2, y2 of what is really in the picture, in px of the source's, shape (n, 4); None
            where nobody asks for it, or knows.
    """

    emitted_ns: int
    kind: DetectionKind = DetectionKind.REAL
    grade: str = ""
    f1: float = math.nan
    present: NDArray[np.float64] | None = None


class Sink(Protocol):
    """Takes results in order, stream by stream, episode by episode. Each method raises SinkError.

    Attributes:
        needs_frames: whether results must bring their pictures back.
    """

    needs_frames: bool

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Finish the episode before; begin one, from a source of this (width, height) in px and frames/s."""
        ...

    def write(self, part: ResultPart, known: Known) -> None:
        """Take the next result of its stream; an episode must be open."""
        ...

    def close(self) -> None:
        """Finish what is written and check that it is there; twice is harmless."""
        ...


def make_room_for(path: Path) -> None:
    """Create the folder that a file is to be written to. Raises SinkError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"cannot create the folder of {path}: {error.strerror}") from error
