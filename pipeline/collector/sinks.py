"""What becomes of the output stream: an annotated video, a file of detections, both, or nothing."""

from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from pipeline.collector.events import Emit
from pipeline.messages import ResultPart


class SinkError(Exception):
    """The output cannot be written, or was not; the message names the file."""


class Sink(Protocol):
    """Takes results in order, stream by stream, episode by episode.

    Attributes:
        needs_frames: whether results must bring their pictures back.
    """

    needs_frames: bool

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """A new episode begins, from a source of this (width, height) in px and rate in frames/s.

        Raises:
            SinkError: the episode before could not be finished.
        """
        ...

    def write(self, part: ResultPart) -> None:
        """The next result of its stream; an episode must be open.

        Raises:
            SinkError: it cannot be written.
        """
        ...

    def close(self) -> None:
        """Finish what is written and check it; twice is harmless.

        Raises:
            SinkError: what was written is not there.
        """
        ...


class NullSink:
    """Keeps nothing."""

    needs_frames = False

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Nothing to begin."""

    def write(self, part: ResultPart) -> None:
        """Nothing to keep."""

    def close(self) -> None:
        """Nothing to finish."""


class SinkGroup:
    """Several sinks as one."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks
        self.needs_frames = any(sink.needs_frames for sink in sinks)

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Begin the episode in every sink."""
        for sink in self._sinks:
            sink.open_episode(episode, source_size, source_fps)

    def write(self, part: ResultPart) -> None:
        """Hand the result to every sink."""
        for sink in self._sinks:
            sink.write(part)

    def close(self) -> None:
        """Close every sink, also where one of them fails."""
        with ExitStack() as stack:
            for sink in self._sinks:
                stack.callback(sink.close)


def open_sink(video: str, detections: str) -> Sink:
    """The sink for these two files; an empty path means no such file.

    Args:
        video: .mp4 or .webm.
        detections: .parquet or .jsonl.

    Raises:
        SinkError: an ending that is neither, or a place that cannot be written to.
    """
    sinks: list[Sink] = []
    # Imported here: most runs keep nothing, and need neither FFmpeg nor Arrow.
    if video:
        from pipeline.collector.video import VideoSink

        sinks.append(VideoSink(Path(video)))
    if detections:
        from pipeline.collector.detections import open_detections

        sinks.append(open_detections(Path(detections)))
    if not sinks:
        return NullSink()
    return sinks[0] if len(sinks) == 1 else SinkGroup(*sinks)


class FrameRecord(Protocol):
    """Notes when each frame that is emitted was where."""

    def write(self, emit: Emit) -> None:
        """Note a frame. Raises SinkError."""
        ...

    def close(self) -> None:
        """Finish the file; twice is harmless. Raises SinkError."""
        ...


def open_record(path: str) -> FrameRecord | None:
    """The record for this file; None for an empty path.

    Args:
        path: .parquet or .jsonl.

    Raises:
        SinkError: an ending that is neither, or a place that cannot be written to.
    """
    if not path:
        return None
    from pipeline.collector.frames import FrameTable

    return FrameTable(Path(path))


def make_room_for(path: Path) -> None:
    """Create the folder that a file is to be written to.

    Raises:
        SinkError: it cannot be created.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"cannot create the folder of {path}: {error.strerror}") from error
