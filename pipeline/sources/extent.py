"""Whether a file is all there: what its container says of its own extent against what can be read of it.

Counts of pictures are not asked: they count those that an edit list hides, too.
"""

from collections.abc import Iterator
from pathlib import Path

from av.container import InputContainer
from av.error import InvalidDataError
from av.packet import Packet
from av.video.stream import VideoStream

# Formats that write down how long they are; of others, FFmpeg's duration is found in what is there.
STATING = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flv", "asf")
LEEWAY_S = 0.5  # by which a whole file may end early, for durations are rounded, and of several streams
LEEWAY_PERIODS = 2
# An MPEG transport stream is packets of 188 bytes, preceded by 4 on discs, followed by 16 in broadcasting.
TS_PACKETS = {188: 0, 192: 4, 204: 0}  # size -> where in it the sync byte is
TS_SYNC = 0x47
US_PER_S = 1_000_000


class Extent:
    """How far a file says that it goes, and how far it was read.

    Args:
        container, stream: just opened.
        path: of the file.
        fps: nominal rate of the stream.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, path: str, fps: float) -> None:
        self._container, self._stream = container, stream
        self._leeway_s = max(LEEWAY_S, LEEWAY_PERIODS / fps)
        self._stated_s = _stated_end_s(container, stream)
        self._reached_s = 0.0
        self._is_cut = _lacks_bytes(container, stream, path)

    def packets(self) -> Iterator[Packet]:
        """List those of the stream; others, such as sound, are read as well, for a file lasts as long as any.

        Raises FFmpegError: reading failed.
        """
        is_whole = True
        try:
            for packet in self._container.demux():
                if packet.size:
                    is_whole = not packet.is_corrupt
                    self._note(packet)
                else:
                    self._is_cut |= not is_whole  # the last packet, which the file's end cut off
                if packet.stream is self._stream:
                    yield packet
        except InvalidDataError:  # of reading: the container makes no sense from here on
            self._is_cut = True

    def shortfall(self, is_over: bool) -> str:
        """Say what is missing, in words for after "it"; "" if nothing is, as far as is known.

        Args:
            is_over: whether `packets` has come to its end.
        """
        if is_over and self._stated_s is not None and self._reached_s < self._stated_s - self._leeway_s:
            return f"ends after {self._reached_s:.1f} s of the {self._stated_s:.1f} s that it says it has"
        return "ends in the middle of its data" if self._is_cut else ""

    def _note(self, packet: Packet) -> None:
        began = packet.dts if packet.pts is None else packet.pts
        if began is not None and packet.time_base is not None:
            self._reached_s = max(self._reached_s, float((began + (packet.duration or 0)) * packet.time_base))


def _stated_end_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Say when the last of its streams ends, as the container has it; None where it does not say."""
    if container.format.name == "avi":  # whose duration FFmpeg corrects if the file is too small for it
        return float(stream.frames / stream.average_rate) if stream.average_rate else None
    if container.format.name not in STATING or container.duration is None:
        return None
    return ((container.start_time or 0) + container.duration) / US_PER_S


def _lacks_bytes(container: InputContainer, stream: VideoStream, path: str) -> bool:
    """Tell whether the index names a place beyond the file's end, or the file ends within a packet."""
    if container.format.name == "mpegts":
        with Path(path).open("rb") as file:
            beginning = file.read(2 * max(TS_PACKETS))
        for size, sync in TS_PACKETS.items():
            if len(beginning) > sync + size and beginning[sync] == beginning[sync + size] == TS_SYNC:
                return container.size % size != 0
        return False
    entries = stream.index_entries
    last = entries[len(entries) - 1] if len(entries) else None
    return last is not None and last.pos + last.size > container.size
