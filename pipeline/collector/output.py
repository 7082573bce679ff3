"""What an output of the collector is, and the one error that all outputs raise."""

from pathlib import Path
from typing import Protocol

from pipeline.messages import ResultPart


class SinkError(Exception):
    """The output cannot be written, or was not; the message names the file."""


class Sink(Protocol):
    """Takes results in order, stream by stream, episode by episode. Each method raises SinkError.

    Attributes:
        needs_frames: whether results must bring their pictures back.
    """

    needs_frames: bool

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Finish the episode before; begin one, from a source of this (width, height) in px and frames/s."""
        ...

    def write(self, part: ResultPart) -> None:
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
