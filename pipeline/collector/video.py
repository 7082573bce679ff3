"""The annotated video: H.264 in .mp4 or VP9 in .webm, in the time that really passed."""

import logging
import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.codec import Codec, UnknownCodecError
from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.collector.drawing import annotated
from pipeline.collector.output import Known, SinkError, make_room_for
from pipeline.messages import DetectionKind, Result, ResultPart

logger = logging.getLogger(__name__)

TIME_BASE = Fraction(1, 90_000)
SHORTEST_GAP = 90  # ticks, 1 ms: .webm counts no finer
NS_PER_TICK = Fraction(1_000_000_000, 90_000)
KEY_FRAME_EVERY = TIME_BASE.denominator  # ticks: what a killed run loses is about one second
SECOND_NS = 999_000_000  # not quite: of pictures that come once a second, there is one in it
LOWEST_SIDE_PX = 16  # of what every encoder takes


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a kind of file is written.

    Attributes:
        codec: FFmpeg's name of the encoder.
        options: its options, the cheapest that look well.
        container: options of the file format.
    """

    codec: str
    options: dict[str, str]
    container: dict[str, str]


# Measured per 640x360 picture on one core: libx264 ultrafast 2.1 ms, superfast 4.1, veryfast 5.7 (210, 140
# and 110 kB/s); libvpx-vp9 at its fastest 5.4, libvpx 8.5. hybrid_fragmented: readable in pieces if the run
# is killed, an ordinary .mp4 once it is closed; cluster_time_limit (ms) and flush_packets: no piece waits.
ENCODINGS = {
    ".mp4": Encoding(
        "libx264",
        {"preset": "ultrafast", "tune": "zerolatency", "crf": "23"},
        {"movflags": "hybrid_fragmented", "flush_packets": "1"},
    ),
    ".webm": Encoding(
        "libvpx-vp9",
        {"deadline": "realtime", "cpu-used": "8", "crf": "32", "b": "0"},
        {"cluster_time_limit": "1000", "flush_packets": "1"},
    ),
}


class VideoFile:
    """One video being written, at a variable frame rate. Raises SinkError: the file cannot be created."""

    def __init__(self, path: Path, size_px: tuple[int, int], fps: float, title: str) -> None:
        self._path = path
        self._gap = round(TIME_BASE.denominator / fps)  # ticks from the picture before to the latest one
        self._last: int | None = None  # time of the latest picture, in ticks
        self._last_key = -KEY_FRAME_EVERY
        self._n_written = 0
        encoding = ENCODINGS[path.suffix]
        try:
            self._container: OutputContainer = av.open(str(path), "w", options=encoding.container)
            self._container.metadata["title"] = title
            stream = self._container.add_stream(
                encoding.codec, rate=Fraction(fps).limit_denominator(1001), options=encoding.options
            )
        except FFmpegError as error:
            raise self._error(error) from error
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size_px
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        stream.codec_context.thread_count = 1  # workers need the other cores
        stream.codec_context.flags |= Flags.frame_duration
        self._stream = stream

    def write(self, image: NDArray[np.uint8], time_ns: int) -> None:
        """Append a picture (uint8 BGR, of the video's size) at a time since the video's start.

        Raises SinkError: it cannot be written.
        """
        frame = VideoFrame.from_ndarray(image, format="bgr24")
        frame.time_base, frame.pts = TIME_BASE, round(time_ns / NS_PER_TICK)
        if self._last is not None:
            frame.pts = max(frame.pts, self._last + SHORTEST_GAP)
            self._gap = frame.pts - self._last
        # Only the last picture's duration counts, others last until the next; it is the last gap once more.
        frame.duration, self._last = self._gap, frame.pts
        if frame.pts - self._last_key >= KEY_FRAME_EVERY:
            frame.pict_type, self._last_key = PictureType.I, frame.pts
        try:
            self._container.mux(self._stream.encode(frame))
        except FFmpegError as error:
            raise self._error(error) from error
        self._n_written += 1

    def close(self) -> None:
        """Finish the file and count the pictures in it.

        Raises SinkError: it cannot be finished, or not every picture is in it.
        """
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        except FFmpegError as error:
            raise self._error(error) from error
        n_found = count_pictures(self._path)
        if n_found != self._n_written:
            raise SinkError(f"expected {self._n_written} pictures in the video {self._path}, found {n_found}")

    def _error(self, error: FFmpegError) -> SinkError:
        return SinkError(f"cannot write the video {self._path}: {error.strerror}")


def count_pictures(path: Path) -> int:
    """Count the pictures in a video file without decoding them; 0 if it is none."""
    try:
        with av.open(str(path)) as container:
            return sum(packet.size > 0 for packet in container.demux(video=0))
    except (FFmpegError, IndexError):
        return 0


class VideoSink:
    """A `Sink` that writes one annotated video per episode: the first to `path`, the second to *-2, …

    Only stream 0 is drawn. The video has the source's size whatever the resolution knob does (even sides,
    as the formats demand), and its times are those of the capture, so that it lasts as long as the stream
    did whatever the FPS knob does. An episode without pictures leaves no file.

    Args:
        path: ends in .mp4 or .webm.

    Raises:
        SinkError: another ending, no encoder for it, or its folder cannot be created.
    """

    needs_frames = True

    def __init__(self, path: Path) -> None:
        if path.suffix not in ENCODINGS:
            raise SinkError(f"a video must end in {' or '.join(ENCODINGS)}, got {str(path)!r}")
        codec = ENCODINGS[path.suffix].codec
        try:
            Codec(codec, "w")
        except UnknownCodecError as error:
            raise SinkError(f"this PyAV has no encoder {codec} for {path}; choose another ending") from error
        make_room_for(path)
        self._path = path
        self._file: VideoFile | None = None
        self._n_files = self._n_without_frame = self._first_ns = 0
        self._recent_ns: deque[int] = deque()  # when the pictures of the last second were captured

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        """Finish the video of the episode before; the new one's begins with its first picture.

        Raises SinkError: the video before could not be finished.
        """
        self._finish()
        self._episode, self._fps = episode, source_fps
        width, height = (max(LOWEST_SIDE_PX, length_px // 2 * 2) for length_px in source_size)
        if (width, height) != tuple(source_size):
            logger.warning(
                "%s has pictures of %dx%d, to which the source's %dx%d is scaled: even sides are needed",
                *(self._path, width, height, *source_size),
            )
        self._size_px, self._source_size = (width, height), source_size

    def write(self, part: ResultPart, known: Known) -> None:
        """Draw and append a result of stream 0. Raises SinkError: it cannot be written."""
        header, boxes, frame = part
        if header.stream != 0:
            return
        if frame is None:
            self._n_without_frame += 1
            return
        if self._file is None:
            self._n_files += 1
            self._first_ns = header.captured_ns
            self._recent_ns.clear()
            path = self._path_of(self._n_files)
            self._file = VideoFile(path, self._size_px, self._fps, f"episode {self._episode}")
        words = caption(header, self._fps_at(header.captured_ns), known)
        present = None if known.present is None else known.present / np.tile(self._source_size, 2)
        image = annotated(frame, boxes, self._size_px, words, present)
        self._file.write(image, header.captured_ns - self._first_ns)

    def close(self) -> None:
        """Finish the video.

        Raises SinkError: it could not be finished, or results came but no picture with any of them.
        """
        self._finish()
        n, self._n_without_frame = self._n_without_frame, 0
        if n and not self._n_files:
            raise SinkError(f"no video {self._path}: {n} results came, none with its picture")
        if n:
            logger.warning("%s results came without their picture and are not in %s", n, self._path)

    def _fps_at(self, captured_ns: int) -> int | None:
        """Count the pictures of the last second; None before there was one."""
        recent = self._recent_ns
        recent.append(captured_ns)
        while recent[0] <= captured_ns - SECOND_NS:
            recent.popleft()
        return len(recent) if captured_ns - self._first_ns >= SECOND_NS else None

    def _finish(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _path_of(self, number: int) -> Path:
        return self._path if number == 1 else self._path.with_stem(f"{self._path.stem}-{number}")


def caption(header: Result, fps: int | None, known: Known) -> str:
    """Say what is seen, as far as it is known: "n 320x180, 15/s, F1 0.71, emulated detections".

    Args:
        header: of the result.
        fps: pictures of the last second.
        known: what else is known.
    """
    words = [f"{known.grade or f'grade {header.grade}'} {header.size[0]}x{header.size[1]}"]
    if fps is not None:
        words.append(f"{fps}/s")
    if not math.isnan(known.f1):
        words.append(f"F1 {known.f1:.2f}")
    if known.kind is not DetectionKind.REAL:
        words.append(
            {DetectionKind.EMULATED: "emulated", DetectionKind.NONE: "no"}[known.kind] + " detections"
        )
    return ", ".join(words)
