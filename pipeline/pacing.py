"""Which frames of a source are taken when the FPS knob is below its rate: evenly spread ones.

Time is cut into slots of 1/fps; a frame is taken iff it lies in a later slot than the last one taken. For
a constant frame rate this is Bresenham's line, and since nothing but time decides, it holds for variable
rates and through changes of the knob as well, and the stream never gets longer or shorter.
"""

import math
from fractions import Fraction

NS_PER_S = 1_000_000_000

# Timestamps are rounded, to 1 ms in Matroska and FLV, so a frame may come up to 0.5 ms before its slot
# begins; every slot is begun that much earlier. Not a round number: a frame due at k / source_fps + this
# would else lie exactly on the border of a slot again, for rates such as 125 and 8.
TOLERANCE_NS = 700_003

# 30000/1001 and its like come as floats; the nearest ratio with a small denominator is what was meant.
MAX_DENOMINATOR = 10_000
LOWEST_FPS = 1 / MAX_DENOMINATOR


def exact_rate(fps: float) -> Fraction:
    """Return a rate in frames/s as the ratio that was meant: 29.97002997002997 is 30000/1001.

    Raises ValueError: not a finite number of at least `LOWEST_FPS`.
    """
    if not (math.isfinite(fps) and fps >= LOWEST_FPS):
        raise ValueError(f"fps must be a finite number >= {LOWEST_FPS:g}, got {fps}")
    return Fraction(fps).limit_denominator(MAX_DENOMINATOR)


def slot(pts_ns: int, rate: Fraction) -> int:
    """Return the number of the slot of 1/rate s in which a time lies, in exact arithmetic."""
    return (pts_ns + TOLERANCE_NS) * rate.numerator // (rate.denominator * NS_PER_S)


class Pacer:
    """Decides frame by frame, for one pass over a source; begin the next pass with a new one.

    Args:
        fps: the knob, in frames/s.
        source_fps: nominal rate of the source, if known: at or above it every frame is taken, also where a
            camera's jitter or a variable rate brings two into one slot.

    Raises:
        ValueError: fps is not a finite number > 0.
    """

    def __init__(self, fps: float, source_fps: float = math.inf) -> None:
        self._source_fps = source_fps
        self._last_ns: int | None = None  # of the last frame taken
        self.set_fps(fps)

    def set_fps(self, fps: float) -> None:
        """Turn the knob: the next frame is taken at most 1/fps after the last one.

        Raises ValueError: fps is not a finite number > 0.
        """
        self._rate = exact_rate(fps)
        self._takes_all = fps >= self._source_fps

    def take(self, pts_ns: int) -> bool:
        """Tell whether the frame with this time is taken; times never decrease, the first is taken."""
        last_ns = self._last_ns
        if last_ns is None or self._takes_all or slot(pts_ns, self._rate) > slot(last_ns, self._rate):
            self._last_ns = pts_ns
            return True
        return False
