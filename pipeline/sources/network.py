"""Live pictures from an address: RTSP cameras and other streams, through PyAV."""

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from av.error import FFmpegError
from av.video.frame import VideoFrame

from pipeline.sources.base import SourceError
from pipeline.sources.decoding import (
    BgrConverter,
    Decoder,
    declared_rate,
    open_video,
    reason,
    upright_size_px,
)
from pipeline.sources.live import LiveSource, Picture

SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "tcp", "udp", "srt")
SILENCE_S = 4.0  # longest silence while opening, and between two packets
UNDECODABLE_S = 15.0  # longest time of data without a picture; key frames may be ten seconds apart
ANALYSIS_S = 1.0  # how much of the stream is looked at to learn its format and rate
NS_PER_S = 1_000_000_000


class NetworkFeed:
    """One connection to an address: a `Feed`.

    Args:
        address: one of `SCHEMES`, ://, and what FFmpeg makes of it.
        name: what messages call it.
        silence_s: longest silence while opening, and between two packets.
        clock_ns: monotonic, in ns.

    Raises:
        SourceError: no connection, silence, or no picture in time.
    """

    def __init__(
        self,
        address: str,
        name: str,
        silence_s: float = SILENCE_S,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._name, self._clock_ns = name, clock_ns
        options = {"rtsp_transport": "tcp", "analyzeduration": str(round(ANALYSIS_S * 1e6))}
        self._container, stream = open_video(address, name, options, (silence_s, silence_s), low_delay=True)
        self._decoder = Decoder(stream, name)
        self._decoded = self._decoder.decoded(self._container.demux(stream))
        self._frames: deque[VideoFrame] = deque()
        self._converter = BgrConverter(name)
        try:
            self._decode()
        except SourceError:
            self.close()
            raise
        self.width, self.height = upright_size_px(self._frames[0])
        self.fps = declared_rate(self._container, stream)

    @property
    def n_undecodable(self) -> int:
        """Count pictures so far that could not be decoded, or only in part."""
        return self._decoder.n_undecodable

    def read(self) -> Picture:
        """Return the next picture.

        Raises SourceError: the connection has ended, is silent, or brings nothing that can be decoded.
        """
        if not self._frames:
            self._decode()
        return partial(self._converter.bgr, self._frames.popleft())

    def close(self) -> None:
        """End the connection."""
        self._container.close()

    def _decode(self) -> None:
        """Read packets until at least one picture is there."""
        deadline_ns = self._clock_ns() + round(UNDECODABLE_S * NS_PER_S)
        try:
            for frames in self._decoded:
                self._frames.extend(frames)
                if self._frames:
                    return
                if self._clock_ns() > deadline_ns:
                    raise SourceError(f"{self._name} brings data but no picture in {UNDECODABLE_S:g} s")
        except FFmpegError as error:
            raise SourceError(f"{self._name} was interrupted: {reason(error)}") from error
        raise SourceError(f"{self._name} has ended the stream")


def network_source(address: str) -> LiveSource:
    """Return the live source at an address, reconnecting when it is interrupted.

    Raises SourceError: not an address of a known scheme, or no picture comes from it.
    """
    if urlsplit(address).scheme not in SCHEMES:
        raise SourceError(
            f"expected an address such as rtsp://host/path (or {', '.join(SCHEMES[1:])}), got {address!r}"
        )
    name = f"stream {public_address(address)}"
    return LiveSource(name, partial(NetworkFeed, address, name))


def public_address(address: str) -> str:
    """An address fit for messages: without user and password, and without the query, where keys are."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
