"""The file source: any video PyAV can read, once or over and over."""

import itertools
import statistics
from collections.abc import Generator
from pathlib import Path

from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame

from pipeline.sources.base import SourceError, SourceFrame
from pipeline.sources.decoding import (
    BgrConverter,
    decoded,
    nominal_rate,
    open_video,
    reason,
    time_ns,
    upright_size_px,
)

N_MEASURED = 25  # pictures from which a rate is measured that the file does not have
ASSUMED_FPS = 25.0  # of a file of one picture without a rate: FFmpeg's own for pictures
NS_PER_S = 1_000_000_000


class Pass:
    """One decoding of a file from its beginning, with each picture's time since the first one, in ns.

    Times come from the file's own timestamps, so a variable rate stays one; where a format has none, from
    the number of the picture. The frame count and the duration that a file claims are never looked at.

    Raises:
        SourceError: the file cannot be opened as video.
    """

    def __init__(self, path: str, name: str, fps: float | None) -> None:
        self._container, self._stream = open_video(f"file:{path}", name)
        self.fps = fps or nominal_rate(self._stream)
        self._name = name
        self._pictures = self._decode(self._container)

    def next(self) -> tuple[int, VideoFrame] | None:
        """Time (ns) and picture, or None at the end.

        Raises:
            SourceError: reading failed.
        """
        try:
            return next(self._pictures, None)
        except FFmpegError as error:
            raise SourceError(f"{self._name} can no longer be read: {reason(error)}") from error

    def close(self) -> None:
        """Close the file."""
        self._pictures.close()
        self._container.close()

    def _decode(self, container: InputContainer) -> Generator[tuple[int, VideoFrame], None, None]:
        first_ns, last_ns = None, 0
        frames = itertools.chain.from_iterable(decoded(container, self._stream, self._name))
        for n, frame in enumerate(frames):
            if frame.pts is None or frame.time_base is None:
                own_ns = round(n * NS_PER_S / (self.fps or ASSUMED_FPS))
            else:
                own_ns = time_ns(frame.pts, frame.time_base)
            first_ns = own_ns if first_ns is None else first_ns
            last_ns = max(last_ns, own_ns - first_ns)
            yield last_ns, frame


class FileSource:
    """A video file as a `Source`.

    Looping decodes anew from the beginning, since seeking is inexact; index and time go on. A picture is
    converted to BGR only when it is read, so skipping saves that. Pictures are turned upright as the file
    says, and those of another size than the first are scaled to it.

    Args:
        path: the file.
        loop: begin again at the end, for ever.

    Raises:
        SourceError: no such file, not a video, or no picture in it can be decoded.
    """

    is_live = False

    def __init__(self, path: str, loop: bool = False) -> None:
        if not Path(path).is_file():
            raise SourceError(f"expected a video file, but there is none at {path!r}; give its path")
        self._path, self._loop = path, loop
        self._name = f"video file {path!r}"
        self._converter = BgrConverter()
        self.fps = _measured_fps(path, self._name)
        self._begin()
        assert self._next is not None
        self.width, self.height = upright_size_px(self._next[1])

    def peek(self) -> int | None:
        """Presentation time (ns) of the next picture, or None at the end.

        Raises:
            SourceError: the file can no longer be read.
        """
        if self._next is None and not self._ended:
            self._next = self._pass.next()
            if self._next is None and self._loop:
                self._next_pass()
            self._ended = self._next is None
        if self._next is None:
            return None
        self._last_ns = self._offset_ns + self._next[0]
        return self._last_ns

    def read(self) -> SourceFrame:
        """The next picture, in a fresh buffer.

        Raises:
            SourceError: the file has ended.
        """
        frame, index, pts_ns = self._take()
        return SourceFrame(index, pts_ns, self._converter.bgr(frame, self.width, self.height))

    def skip(self) -> None:
        """Pass over the next picture; it is decoded, since later ones need it, but not converted."""
        self._take()

    def restart(self, seed: int) -> None:
        """Begin again at index 0 and time 0; a file has but one scene, whatever the seed."""
        self.close()
        self._begin()

    def close(self) -> None:
        """Close the file."""
        self._pass.close()
        self._next, self._ended = None, True

    def _begin(self) -> None:
        self._index, self._offset_ns, self._last_ns = 0, 0, 0
        self._open()

    def _open(self) -> None:
        self._pass = Pass(self._path, self._name, self.fps)
        self._next = self._pass.next()
        self._ended = False
        if self._next is None:
            self.close()
            raise SourceError(f"{self._name} can be opened, but no picture in it can be decoded")

    def _next_pass(self) -> None:
        self._pass.close()
        self._offset_ns = self._last_ns + round(NS_PER_S / self.fps)
        self._open()

    def _take(self) -> tuple[VideoFrame, int, int]:
        pts_ns = self.peek()
        if self._next is None or pts_ns is None:
            raise SourceError(f"{self._name} is over after {self._index} pictures; peek() says if one is due")
        frame, index = self._next[1], self._index
        self._next, self._index = None, index + 1
        return frame, index, pts_ns


def _measured_fps(path: str, name: str) -> float:
    """The file's average rate in frames/s, measured on its first pictures if it has none.

    Raises:
        SourceError: the file cannot be opened as video.
    """
    beginning = Pass(path, name, None)
    try:
        if beginning.fps is not None:
            return beginning.fps
        times_ns = [picture[0] for picture in itertools.islice(iter(beginning.next, None), N_MEASURED)]
    finally:
        beginning.close()
    gaps_ns = [b - a for a, b in itertools.pairwise(times_ns) if b > a]
    return NS_PER_S / statistics.median(gaps_ns) if gaps_ns else ASSUMED_FPS
