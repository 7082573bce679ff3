"""A file's own timestamps with the jumps taken out.

Timestamps jump where recordings were put one behind the other, where a counter wrapped, or where a camera
was started again. With the jump the stream would stand still for hours, or play all that follows at once.
"""

from fractions import Fraction

# A longer silence than both is a jump: nothing tells it from a still picture, and variable rates have those.
LONGEST_STILL_S = 5
LONGEST_STILL_PERIODS = 50
# Timestamps further back than this are another beginning; nearer ones are only out of order.
DISORDER_PERIODS = 2
NS_PER_S = 1_000_000_000


class Timeline:
    """When the pictures of one pass are shown; what jumps is placed one period after what came before.

    Jumps back are found in the packets, in the order of decoding: a decoder that meets with damage brings
    pictures out of order by a second and more. Jumps forward are found in the pictures: an encoder announces
    those earlier, in packets of pictures before.

    Args:
        fps: nominal rate of the stream, > 0.
        time_base: unit of its timestamps, in s.

    Attributes:
        n_jumps: those taken out so far.
        last_jump_s: by how much the last of them would have gone on (> 0) or back (< 0).
    """

    def __init__(self, fps: float, time_base: Fraction) -> None:
        self._time_base = time_base
        self._period = max(1, round(1 / fps / time_base))  # like all that follows in units of the time base
        self._longest = max(round(LONGEST_STILL_S / time_base), LONGEST_STILL_PERIODS * self._period)
        self._last_dts: int | None = None
        self._ahead = 0  # by how much packets are moved, to make up for jumps back
        self._first: int | None = None  # the file's time that is our 0, whatever was taken out since
        self._last = -self._period
        self.n_jumps, self.last_jump_s = 0, 0.0

    def shift(self, dts: int) -> int:
        """Say what is to be added to the timestamps of the next packet, which has this time of decoding."""
        step = 0 if self._last_dts is None else dts - self._last_dts
        self._last_dts = dts
        if step < -DISORDER_PERIODS * self._period:
            self._ahead += self._jump(step)
        return self._ahead

    def place(self, pts: int | None) -> int:
        """Time (ns) since the first picture of the next one, from its timestamp; None if it has none."""
        now = self._last + self._period
        if pts is not None:
            self._first = pts - now if self._first is None else self._first
            step = pts - self._first - self._last
            if step > self._longest:
                self._first -= self._jump(step)
            now = max(self._last, pts - self._first)
        self._last = now
        return round(now * self._time_base * NS_PER_S)

    def _jump(self, step: int) -> int:
        """Say what makes a period of a step, which is counted."""
        self.n_jumps += 1
        self.last_jump_s = float(step * self._time_base)
        return self._period - step
