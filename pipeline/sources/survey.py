"""A look at a file before it is played: which of its streams is the video, and how fast its pictures come."""

import itertools
import logging
import math
import statistics
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from av.container import InputContainer
from av.error import InvalidDataError
from av.video.stream import VideoStream

from pipeline.sources.decoding import HIGHEST_RATE, declared_rate, has_timestamps, open_video, time_ns

logger = logging.getLogger(__name__)

N_SURVEYED = 300  # packets per video stream, which are read but not decoded
ASSUMED_FPS = 25.0  # where nothing tells: FFmpeg's own
EXACT = 0.0005  # half of what 30 and 30000/1001 are apart
NEAR = 0.05  # how far jitter, and timestamps in ms, may carry a median from the rate that was meant
USUAL_FPS = (*range(1, 11), 12, 12.5, 15, 20, 24, 25, 30, 50, 60, 90, 100, 120, 240)
LONG_GAP = 3.0  # of so many usual ones: the video stood still, or jumped
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file turned out to be.

    Attributes:
        index: of the stream to play, within the container.
        fps: its nominal rate in frames/s: that of most of its pictures, which nothing but jitter exceeds.
        is_timed: whether its pictures have timestamps that mean something.
    """

    index: int
    fps: float
    is_timed: bool


def survey(path: str, name: str) -> Survey:
    """Look at a file; what is assumed of it is logged. Raises SourceError: it cannot be opened as video."""
    container, main = open_video(f"file:{path}", name)
    try:
        streams = [stream for stream in container.streams.video if stream.codec_context is not None]
        times_ns, n_pictures = _looked_at(container, streams)
        stream = max(streams, key=lambda stream: (n_pictures[stream.index], stream is main))
        if len(streams) > 1:
            logger.info(
                "%s has %d video streams; stream %d is played, %dx%d, for it has the most pictures",
                *(name, len(streams), stream.index, stream.width, stream.height),
            )
        is_timed = has_timestamps(container)
        declared = declared_rate(container, stream)
        fps = nominal_fps(declared, times_ns[stream.index] if is_timed else (), stream.time_base)
        _tell(name, declared, fps, is_timed)
        return Survey(stream.index, fps or ASSUMED_FPS, is_timed)
    finally:
        container.close()


def _looked_at(
    container: InputContainer, streams: Collection[VideoStream]
) -> tuple[dict[int, list[int]], dict[int, int]]:
    """Times (ns) of the first pictures, and a number of pictures to compare, by index of the stream."""
    times_ns: dict[int, list[int]] = defaultdict(list)
    n_pictures = {stream.index: 0 for stream in streams}
    try:
        for packet in itertools.islice(container.demux(*streams), N_SURVEYED * len(streams)):
            if packet.size == 0 or packet.is_discard:
                continue
            n_pictures[packet.stream_index] += 1
            time = packet.dts if packet.pts is None else packet.pts
            if time is not None and packet.time_base is not None:
                times_ns[packet.stream_index].append(time_ns(time, packet.time_base))
    except InvalidDataError:
        logger.debug("%s cannot be surveyed any further", container.name)  # who plays it will tell
    return times_ns, {s.index: max(n_pictures[s.index], s.frames) for s in streams}


def nominal_fps(
    declared: float | None, times_ns: Collection[int], time_base: Fraction | None
) -> float | None:
    """Say what is written, unless most pictures come at another rate: many files name an average, or a guess.

    Args:
        declared: rate in frames/s as it is written, if it is.
        times_ns: of pictures, in any order.
        time_base: how finely those are counted, in s.
    """
    gaps_ns = [b - a for a, b in itertools.pairwise(sorted(set(times_ns)))]
    if not gaps_ns:
        return declared
    usual_ns = statistics.median_low(gaps_ns)
    near_ns = [gap_ns for gap_ns in gaps_ns if gap_ns <= LONG_GAP * usual_ns]
    mean_fps = NS_PER_S / statistics.fmean(near_ns)
    rounding = float(time_base or 0) * NS_PER_S / sum(near_ns)
    if declared is not None and abs(declared / mean_fps - 1) <= EXACT + rounding:
        return declared
    measured = NS_PER_S / usual_ns
    lowest = mean_fps * (1 - EXACT - 0.5 / len(near_ns))  # jitter may move both ends by half a gap together
    rates = [fps for fps in (declared or math.inf, *USUAL_FPS) if fps >= lowest]
    meant = min(rates, key=lambda fps: abs(fps - measured), default=math.inf)
    if abs(measured / meant - 1) <= NEAR:
        return float(meant)
    return measured if measured <= HIGHEST_RATE else declared


def _tell(name: str, declared: float | None, fps: float | None, is_timed: bool) -> None:
    if fps is None:
        logger.warning("%s names no rate: %g frames/s are assumed", name, ASSUMED_FPS)
    elif not is_timed:
        logger.info("%s has no timestamps: it is played at the %g frames/s written in it", name, fps)
    elif fps != declared:
        written = "no rate is" if declared is None else f"{declared:g} frames/s are"
        logger.info("%s: %s written in it, but its pictures come at %g, which is taken", name, written, fps)
