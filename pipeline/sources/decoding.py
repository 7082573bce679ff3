"""Video through PyAV: opening it, decoding past damage, and pictures as BGR arrays."""

import logging
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.error import ExitError, FFmpegError, InvalidDataError
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


def open_video(
    address: str,
    name: str,
    options: dict[str, str] | None = None,
    timeout_s: tuple[float, float] | None = None,
    low_delay: bool = False,
) -> tuple[InputContainer, VideoStream]:
    """Open the first video stream of a file or address.

    Args:
        address: as FFmpeg takes it.
        name: what messages call it.
        options: FFmpeg's options for format and protocol.
        timeout_s: longest silence while opening, and while reading; None waits for ever (files).
        low_delay: never hold a picture back for the sake of a second thread.

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
    if not container.streams.video or container.streams.video[0].codec_context is None:
        container.close()
        raise SourceError(f"{name} has no video stream that can be decoded")
    stream = container.streams.video[0]
    if not stream.width and is_silent():
        container.close()
        raise SourceError(f"{name} announces a video but sends none: {SILENT}")
    is_large = stream.width * stream.height > ONE_THREAD_PX
    stream.codec_context.thread_count = 2 if is_large else 1
    stream.codec_context.thread_type = "SLICE" if low_delay else "AUTO"
    return container, stream


def reason(error: FFmpegError) -> str:
    """What FFmpeg says of an error, without numbers and addresses."""
    return SILENT if isinstance(error, ExitError) else str(error.strerror)


def nominal_rate(stream: VideoStream) -> float | None:
    """Average rate in frames/s as the stream has it, None if it has none to be believed."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate is not None and 0 < rate <= HIGHEST_RATE:
            return float(rate)
    return None


def decoded(container: InputContainer, stream: VideoStream, name: str) -> Iterator[Sequence[VideoFrame]]:
    """Per packet the pictures it completes, often none, in order of presentation; damage is passed over.

    Raises:
        FFmpegError: reading failed.
    """
    is_damaged = False
    for packet in container.demux(stream):
        try:
            yield packet.decode()
        except InvalidDataError:
            if not is_damaged:
                logger.warning("%s is damaged; what cannot be decoded is passed over", name)
            is_damaged = True


class BgrConverter:
    """Turns decoded pictures of any pixel format into BGR arrays; for one thread.

    One converter for all pictures of a stream halves the cost of one per picture (2.8 against 5.6 ms at
    1280x720).
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def bgr(self, frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
        """The picture, turned upright and fitted to a size in px: uint8 (height, width, 3), C-contiguous."""
        quarters = quarter_turns(frame)
        if quarters % 2:
            width, height = height, width
        image = self._reformatter.reformat(frame, width, height, "bgr24", threads=1).to_ndarray()
        return np.ascontiguousarray(np.rot90(image, quarters) if quarters else image, np.uint8)


def quarter_turns(frame: VideoFrame) -> int:
    """How often a picture must be turned by 90 degrees, anticlockwise, to stand upright: 0 to 3."""
    return round(frame.rotation / 90) % 4


def upright_size_px(frame: VideoFrame) -> tuple[int, int]:
    """(width, height) of a picture as it is meant to be seen."""
    return (frame.height, frame.width) if quarter_turns(frame) % 2 else (frame.width, frame.height)


def time_ns(pts: int, time_base: Fraction) -> int:
    """A timestamp in ns, rounded to the nearest."""
    return round(pts * time_base * 1_000_000_000)
