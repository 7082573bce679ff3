"""From the collector's options to its outputs: an annotated video, a file of detections, both, or nothing.

Each kind is imported where it is opened: most runs keep nothing, and need neither FFmpeg nor Arrow.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.collector.output import Known, Sink
from pipeline.messages import ResultPart

if TYPE_CHECKING:
    from pipeline.collector.frames import FrameTable


class SinkGroup:
    """Several sinks as one, or none."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks
        self.needs_frames = any(sink.needs_frames for sink in sinks)

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Begin the episode in every sink."""
        for sink in self._sinks:
            sink.open_episode(episode, source_size, source_fps)

    def write(self, part: ResultPart, known: Known) -> None:
        """Hand the result to every sink."""
        for sink in self._sinks:
            sink.write(part, known)

    def close(self) -> None:
        """Close every sink, also where one of them fails."""
        with ExitStack() as stack:
            for sink in self._sinks:
                stack.callback(sink.close)


def open_sink(video: str, detections: str) -> Sink:
    """Open the sink for these two files; an empty path means no such file.

    Args:
        video: .mp4 or .webm.
        detections: .parquet or .jsonl.

    Raises:
        SinkError: an ending that is neither, or a place that cannot be written to.
    """
    sinks: list[Sink] = []
    if video:
        from pipeline.collector.video import VideoSink

        sinks.append(VideoSink(Path(video)))
    if detections:
        from pipeline.collector.detections import DetectionSink

        sinks.append(DetectionSink(Path(detections)))
    return SinkGroup(*sinks)


def open_record(path: str) -> "FrameTable | None":
    """Open the record for this file (.parquet or .jsonl); None for an empty path. Raises SinkError."""
    if not path:
        return None
    from pipeline.collector.frames import FrameTable

    return FrameTable(Path(path))
