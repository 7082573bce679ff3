"""The grid of points in time at which control intervals end."""

import time
from collections.abc import Callable

NS_PER_S = 1_000_000_000


def sleep_until(when_ns: int) -> None:
    """Until `time.monotonic_ns()` has reached `when_ns`."""
    while (left_ns := when_ns - time.monotonic_ns()) > 0:
        time.sleep(left_ns / NS_PER_S)


class ControlGrid:
    """Points t0 + k · interval on a monotonic clock.

    Args:
        interval_s: > 0.
        clock, sleep_until: monotonic time in ns.
    """

    def __init__(
        self, interval_s: float, clock: Callable[[], int], sleep_until: Callable[[int], None]
    ) -> None:
        if not interval_s > 0:
            raise ValueError(f"control_interval_s must be > 0, got {interval_s}")
        self._interval_ns = round(interval_s * NS_PER_S)
        self._clock = clock
        self._sleep_until = sleep_until
        self._origin_ns = 0
        self._last = 0  # the point at which the last interval ended

    def begin(self) -> None:
        """t0 is now."""
        self._origin_ns, self._last = self._clock(), 0

    def wait(self) -> bool:
        """Sleep until the next point strictly after now; True if one was missed."""
        point = (self._clock() - self._origin_ns) // self._interval_ns + 1
        missed = point > self._last + 1
        self._last = point
        self._sleep_until(self._origin_ns + point * self._interval_ns)
        return missed
