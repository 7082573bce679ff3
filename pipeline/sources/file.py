"""The file source: any video PyAV can read, once or over and over."""

import logging
from collections.abc import Generator, Iterator
from pathlib import Path

from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame

from pipeline.sources.base import NOTHING_WRONG, SourceError, SourceFrame, SourceReport
from pipeline.sources.decoding import BgrConverter, Decoder, open_video, reason, upright_size_px
from pipeline.sources.extent import Extent
from pipeline.sources.survey import Survey, survey
from pipeline.sources.timeline import Timeline

logger = logging.getLogger(__name__)

NS_PER_S = 1_000_000_000


class Pass:
    """One decoding of a file from its beginning, with each picture's time since the first one, in ns.

    Times come from the file's own timestamps, so a variable rate stays one; where a format has none, from
    the number of the picture. The frame count that a file claims is never looked at.

    Args:
        path: of the file.
        name: what messages call it.
        known: what is known of it.

    Raises:
        SourceError: the file cannot be opened as video.
    """

    def __init__(self, path: str, name: str, known: Survey) -> None:
        self._container, stream = open_video(f"file:{path}", name, index=known.index)
        self._name, self._is_timed = name, known.is_timed
        self._extent = Extent(self._container, stream, path, known.fps)
        self._decoder = Decoder(stream, name)
        assert stream.time_base is not None, "FFmpeg gives every stream that it has opened one"
        self._timeline = Timeline(known.fps, stream.time_base)
        self._is_over = False
        self._pictures = self._decode()

    def report(self) -> SourceReport:
        """Say what was wrong so far."""
        return SourceReport(
            undecodable=self._decoder.n_undecodable,
            rebased=self._timeline.n_jumps,
            truncated=bool(self._extent.shortfall(self._is_over)),
        )

    def faults(self) -> Iterator[tuple[str, str]]:
        """Say what was wrong so far, each kind with a sentence that goes on from the file's name."""
        if self._timeline.n_jumps:
            yield (
                "jump",
                f"jumps in time, by {self._timeline.last_jump_s:+.1f} s; it goes on without a break, "
                "and so it does at every further jump",
            )
        if shortfall := self._extent.shortfall(self._is_over):
            yield "truncated", f"is truncated: it {shortfall}"
        if self._is_over and (n := self._decoder.n_undecodable):
            yield "damage", f"is damaged: pictures that could not be decoded, or only in part: {n}"

    def next(self) -> tuple[int, VideoFrame] | None:
        """Return the time (ns) and picture, or None at the end. Raises SourceError: reading failed."""
        try:
            picture = next(self._pictures, None)
        except FFmpegError as error:
            raise SourceError(f"{self._name} can no longer be read: {reason(error)}") from error
        self._is_over = picture is None
        return picture

    def close(self) -> None:
        """Close the file."""
        self._pictures.close()
        self._container.close()

    def _decode(self) -> Generator[tuple[int, VideoFrame], None, None]:
        for frames in self._decoder.decoded(self._packets()):
            for frame in frames:
                yield self._timeline.place(frame.pts if self._is_timed else None), frame

    def _packets(self) -> Generator[Packet, None, None]:
        """List those of the stream, with no jumps back in time."""
        for packet in self._extent.packets():
            if self._is_timed and packet.dts is not None:
                n_jumps = self._timeline.n_jumps
                shift = self._timeline.shift(packet.dts)
                if self._timeline.n_jumps > n_jumps:
                    self._decoder.pass_joint()
                packet.dts += shift
                packet.pts = None if packet.pts is None else packet.pts + shift
            yield packet


class FileSource:
    """A video file as a `Source`.

    Looping decodes anew from the beginning, since seeking is inexact; index and time go on. A picture is
    converted to BGR only when it is read, so skipping saves that. Pictures are turned upright as the file
    says, and those of another size than the first are scaled to it. Jumps of time are taken out.

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
        self._converter = BgrConverter(self._name)
        self._survey = survey(path, self._name)
        self.fps = self._survey.fps
        self._told: set[str] = set()  # kinds of faults, for each is said once, however often it is played
        self._begin()
        assert self._next is not None
        self.width, self.height = upright_size_px(self._next[1])

    @property
    def report(self) -> SourceReport:
        """Say what was wrong since the start."""
        before, now = self._before, self._pass.report()
        return SourceReport(
            undecodable=before.undecodable + now.undecodable,
            rebased=before.rebased + now.rebased,
            truncated=before.truncated or now.truncated,
        )

    def peek(self) -> int | None:
        """Presentation time (ns) of the next picture, or None at the end.

        Raises SourceError: the file can no longer be read.
        """
        if self._next is None and not self._ended:
            self._advance()
            if self._next is None and self._loop:
                self._next_pass()
            self._ended = self._next is None
        if self._next is None:
            return None
        self._last_ns = self._offset_ns + self._next[0]
        return self._last_ns

    def read(self) -> SourceFrame:
        """Return the next picture, in a fresh buffer. Raises SourceError: the file has ended."""
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
        self._before = NOTHING_WRONG  # in the passes before this one
        self._open()

    def _open(self) -> None:
        self._pass = Pass(self._path, self._name, self._survey)
        self._ended = False
        self._advance()
        if self._next is None:
            self.close()
            raise SourceError(f"{self._name} can be opened, but no picture in it can be decoded")

    def _next_pass(self) -> None:
        self._before = self.report
        self._pass.close()
        self._offset_ns = self._last_ns + round(NS_PER_S / self.fps)
        self._open()

    def _advance(self) -> None:
        self._next = self._pass.next()
        for kind, sentence in self._pass.faults():
            if kind not in self._told:
                self._told.add(kind)
                logger.warning("%s %s", self._name, sentence)

    def _take(self) -> tuple[VideoFrame, int, int]:
        pts_ns = self.peek()
        if self._next is None or pts_ns is None:
            raise SourceError(f"{self._name} is over after {self._index} pictures; peek() says if one is due")
        frame, index = self._next[1], self._index
        self._next, self._index = None, index + 1
        return frame, index, pts_ns


def count_pictures(path: str) -> int:
    """Count the pictures of a video file by playing it, for what a file says of itself cannot be trusted.

    Raises SourceError: as `FileSource`.
    """
    source, n = FileSource(path), 0
    while source.peek() is not None:
        source.skip()
        n += 1
    source.close()
    return n
