"""Video through PyAV: opening it, decoding past damage, and pictures as BGR arrays."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.error import ExitError, FFmpegError, InvalidDataError
from av.format import Flags
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.sources.base import SourceError

logger = logging.getLogger(__name__)

# One thread takes 3.6 ms of CPU for a 1280x720 H.264 picture, two take 4.3 (measured on 2 cores): a second
# one is worth a core of an edge box only where one alone would not keep up.
ONE_THREAD_PX = 1920 * 1088
SILENT = "no data within the time allowed"
HIGHEST_RATE = 240.0  # what streams claim beyond, often their time base, is not believed
HELD = 32  # more pictures than any decoder holds back, for the sake of their order or of a second thread
JOINT = 3  # packets before a joint of two recordings within which a flag tells of the joint
VP8_SHOWN = 0x10  # in a picture's first byte (RFC 6386, 9.1): others are only there to be referred to


def open_video(
    address: str,
    name: str,
    options: dict[str, str] | None = None,
    timeout_s: tuple[float, float] | None = None,
    low_delay: bool = False,
    index: int | None = None,
) -> tuple[InputContainer, VideoStream]:
    """Open a video stream of a file or address.

    Args:
        address: as FFmpeg takes it.
        name: what messages call it.
        options: FFmpeg's options for format and protocol.
        timeout_s: longest silence while opening, and while reading; None waits for ever (files).
        low_delay: never hold a picture back for the sake of a second thread.
        index: of the stream within the container; None = the one that FFmpeg takes for the main one.

    Raises:
        SourceError: it cannot be opened, or there is no video in it.
    """
    began_s = time.monotonic()

    def is_silent() -> bool:
        return timeout_s is not None and time.monotonic() - began_s >= timeout_s[0]

    try:
        container = av.open(address, mode="r", options=options or {}, timeout=timeout_s)
    except FFmpegError as error:
        # FFmpeg's RTSP takes an answer that did not come in time for a wrong one.
        cause = SILENT if is_silent() else reason(error)
        raise SourceError(f"{name} cannot be opened as video: {cause}") from error
    stream = container.streams.best("video") if index is None else container.streams[index]
    if not isinstance(stream, VideoStream) or stream.codec_context is None:
        container.close()
        raise SourceError(f"{name} has no video stream that can be decoded")
    if not stream.width and is_silent():
        container.close()
        raise SourceError(f"{name} announces a video but sends none: {SILENT}")
    is_large = stream.width * stream.height > ONE_THREAD_PX
    stream.codec_context.thread_count = 2 if is_large else 1
    stream.codec_context.thread_type = "SLICE" if low_delay else "AUTO"
    return container, stream


def reason(error: FFmpegError) -> str:
    """Say what FFmpeg says of an error, without numbers and addresses."""
    return SILENT if isinstance(error, ExitError) else str(error.strerror)


def has_timestamps(container: InputContainer) -> bool:
    """Tell whether its format has any: FFmpeg makes up those of raw H.264 and the like, at 25 pictures/s."""
    return not container.format.flags & Flags.no_timestamps.value


def declared_rate(container: InputContainer, stream: VideoStream) -> float | None:
    """Rate in frames/s that is written in a container or in what is encoded, None if none to be believed."""
    if not has_timestamps(container):
        rates = (stream.codec_context.framerate,)
    else:
        rates = (stream.average_rate, stream.guessed_rate)
    return next((float(rate) for rate in rates if rate is not None and 0 < rate <= HIGHEST_RATE), None)


class Decoder:
    """Decodes the packets of one stream past all damage, and counts what is lost by it.

    Args:
        stream: whose packets they are.
        name: what messages call it.
    """

    def __init__(self, stream: VideoStream, name: str) -> None:
        self._name = name
        self._is_vp8 = stream.codec_context.name == "vp8"
        self._n_expected = self._n_pictures = 0
        self._n_refused = self._n_partial = 0
        self._n_flagged, self._last_flagged = 0, -JOINT
        self._is_interlaced = self._is_over = False

    @property
    def n_undecodable(self) -> int:
        """Count pictures that could not be decoded, or only in part.

        Those that the decoder refuses count at once; those that it swallows, at the end or `HELD` packets
        later. The latter are unknown where pictures are interlaced, for then a packet may be half of one.
        """
        n_held = 0 if self._is_over else HELD
        n_missing = 0 if self._is_interlaced else self._n_expected - self._n_pictures - n_held
        return max(self._n_refused, n_missing) + max(self._n_partial, self._n_flagged)

    def pass_joint(self) -> None:
        """Be told that the next packet begins another recording, before which none is missing after all."""
        if self._n_expected - self._last_flagged < JOINT:
            self._n_flagged -= 1
            self._last_flagged = -JOINT

    def decoded(self, packets: Iterable[Packet]) -> Iterator[Sequence[VideoFrame]]:
        """Per packet the pictures it completes, often none, in order of presentation.

        Raises FFmpegError: reading failed.
        """
        for packet in packets:
            self._n_expected += self._is_shown(packet)
            self._is_over = packet.size == 0  # the packet after the last one, which has the decoder finish
            try:
                frames = packet.decode()
            except InvalidDataError:
                if not self._n_refused:
                    logger.warning("%s is damaged; what cannot be decoded is passed over", self._name)
                self._n_refused += 1
                continue
            if packet.is_corrupt and packet.size:
                self._n_flagged, self._last_flagged = self._n_flagged + 1, self._n_expected
            self._n_pictures += len(frames)
            for frame in frames:
                self._n_partial += frame.is_corrupt
                self._is_interlaced |= frame.interlaced_frame
            yield frames

    def _is_shown(self, packet: Packet) -> bool:
        if packet.size == 0 or packet.is_discard:
            return False
        return not self._is_vp8 or bool(memoryview(packet)[0] & VP8_SHOWN)


class BgrConverter:
    """Turns decoded pictures of any pixel format into BGR arrays; for one thread.

    One converter for all pictures of a stream halves the cost of one per picture (2.8 against 5.6 ms at
    1280x720).

    Args:
        name: what messages call the source.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._reformatter = VideoReformatter()
        self._has_scaled = False

    def bgr(self, frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
        """The picture, turned upright and fitted to a size in px: uint8 (height, width, 3), C-contiguous."""
        quarters, own = quarter_turns(frame), upright_size_px(frame)
        if own != (width, height) and not self._has_scaled:
            self._has_scaled = True
            logger.warning(
                "%s: a picture is %dx%d; all are scaled to the first one's %dx%d",
                self._name,
                *own,
                width,
                height,
            )
        if quarters % 2:
            width, height = height, width
        image = self._reformatter.reformat(frame, width, height, "bgr24", threads=1).to_ndarray()
        return np.ascontiguousarray(np.rot90(image, quarters) if quarters else image, np.uint8)


def quarter_turns(frame: VideoFrame) -> int:
    """Say how often a picture must be turned by 90 degrees, anticlockwise, to stand upright: 0 to 3."""
    return round(frame.rotation / 90) % 4


def upright_size_px(frame: VideoFrame) -> tuple[int, int]:
    """(width, height) of a picture as it is meant to be seen."""
    return (frame.height, frame.width) if quarter_turns(frame) % 2 else (frame.width, frame.height)


def time_ns(pts: int, time_base: Fraction) -> int:
    """Return a timestamp in ns, rounded to the nearest."""
    return round(pts * time_base * 1_000_000_000)
