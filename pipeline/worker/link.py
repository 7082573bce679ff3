"""An emulated link: when what goes over it arrives."""

import math

NS_PER_MS = 1e6
BIT_NS_PER_BYTE = 8e3  # ns for a byte at 1 Mbit/s


class Link:
    """One direction of a link: messages leave one after the other, and travel side by side.

    Args:
        delay_ms: one way, >= 0.
        mbit_s: > 0; infinite = a message takes no time beyond the delay.

    Attributes:
        delay_ns: one way, for an empty message.
        mbit_s: at present; may be set from another thread, and holds for the messages that follow.
    """

    def __init__(self, delay_ms: float = 0.0, mbit_s: float = math.inf) -> None:
        self.mbit_s = mbit_s
        self.delay_ns = round(delay_ms * NS_PER_MS)
        self._free_ns = 0  # when everything so far has left

    @property
    def is_ideal(self) -> bool:
        """Tell whether everything arrives at once."""
        return self.delay_ns == 0 and math.isinf(self.mbit_s)

    def arrival_ns(self, n_bytes: int, now_ns: int) -> int:
        """Say when a message of n_bytes that is put on the link now is there."""
        transfer_ns = int(n_bytes * BIT_NS_PER_BYTE / self.mbit_s + 0.5)
        self._free_ns = max(now_ns, self._free_ns) + transfer_ns
        return self._free_ns + self.delay_ns
