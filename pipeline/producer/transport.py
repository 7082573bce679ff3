"""How long frames and results kept a worker's link busy, as stamps tell; waiting for others is no work."""

from dataclasses import dataclass, field
from typing import Self

from pipeline.messages import Received

SHARED_SPANS = 4  # kept of when what links share was busy: results of others may tell of earlier times
OWN_SPANS = 1  # a worker's own results tell of its own link in order
RECENT_SHIFT = 3  # of recent times: a new one counts an eighth

Span = tuple[int, int]  # (from, until) in ns of the producer's clock


class Direction:
    """One direction of a link, as a server that carries one message after the other.

    Args:
        most_spans: of the time when it was busy that are kept.
    """

    def __init__(self, most_spans: int) -> None:
        self._busy: list[Span] = []  # apart from each other, ascending
        self._most_spans = most_spans

    def carried(self, left_ns: int, arrived_ns: int) -> int:
        """Note a message that was on its way; returns for how long it alone was, in ns.

        While others were, too, it waited for them: messages of one reply share its time.

        Args:
            left_ns: when it left, later by what an empty message takes.
        """
        if arrived_ns <= left_ns:
            return 0
        if self._busy and self._busy[-1][0] <= left_ns <= self._busy[-1][1]:  # as ever where much is carried
            from_ns, until_ns = self._busy[-1]
            self._busy[-1] = from_ns, max(until_ns, arrived_ns)
            return max(0, arrived_ns - until_ns)
        return self._carried_apart(left_ns, arrived_ns)

    def _carried_apart(self, left_ns: int, arrived_ns: int) -> int:
        """Likewise of one that left when nothing was known to be on its way, or before the newest did."""
        alone_ns, first_ns, last_ns = arrived_ns - left_ns, left_ns, arrived_ns
        apart = []
        for from_ns, until_ns in self._busy:
            if until_ns < left_ns or from_ns > arrived_ns:
                apart.append((from_ns, until_ns))
            else:
                alone_ns -= min(until_ns, arrived_ns) - max(from_ns, left_ns)
                first_ns, last_ns = min(first_ns, from_ns), max(last_ns, until_ns)
        self._busy = sorted([*apart, (first_ns, last_ns)])[-self._most_spans :]
        return alone_ns


class Carrier:
    """Both directions of a link, or of a medium that several links share."""

    def __init__(self, most_spans: int = OWN_SPANS) -> None:
        self.down, self.up = Direction(most_spans), Direction(most_spans)

    @classmethod
    def shared(cls) -> Self:
        """What the links of several workers share."""
        return cls(SHARED_SPANS)


@dataclass(slots=True)
class Transport:
    """A worker's link.

    Attributes:
        medium: its name, if it is shared; "" = the link is the worker's own.
        carrier: what it shares, or its own.
        delay_ns: one way for an empty message, as the worker last said; 0 = not known.
        recent_down_ns, recent_up_ns: what a frame to it, a result from it has kept it busy of late.
        is_known: whether any has come that tells.
    """

    medium: str = ""
    carrier: Carrier = field(default_factory=Carrier)
    delay_ns: int = 0
    recent_down_ns: int = 0
    recent_up_ns: int = 0
    is_known: bool = False

    def told(self, delay_ns: int) -> None:
        """Note how far away the worker says that it is; 0 = it does not know."""
        self.delay_ns = delay_ns or self.delay_ns

    def carried(self, item: Received) -> tuple[int, int]:
        """Take a result; returns for how long its frame and it kept the link busy (down, up), in ns."""
        if item.sent_ns is None:
            return 0, 0
        down_ns = self.carrier.down.carried(item.sent_ns + self.delay_ns, item.sent_ns + item.transfer_ns)
        up_ns = self.carrier.up.carried(item.done_ns + self.delay_ns, item.done_ns + item.return_ns)
        if self.is_known:
            self.recent_down_ns += (down_ns - self.recent_down_ns) >> RECENT_SHIFT
            self.recent_up_ns += (up_ns - self.recent_up_ns) >> RECENT_SHIFT
        else:
            self.recent_down_ns, self.recent_up_ns, self.is_known = down_ns, up_ns, True
        return down_ns, up_ns
