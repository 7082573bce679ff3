"""How long a worker waits for what."""

HEARTBEAT_SHARE = 0.8  # of the heartbeat: sent this early, it arrives within one
REPLY_HEARTBEATS = 3  # the producer answers within one
LEAST_REPLY_NS = 1_000_000_000  # a busy host may take this long to answer at all
FIRST_BACK_OFF_NS = 100_000_000
LAST_BACK_OFF_NS = 800_000_000  # resuming within 2 s must include one reply deadline
LEAST_WAIT_NS = 20_000_000  # between requests of one worker that find nothing to do
END_WAIT_S = 5.0  # the producer has said END: nobody waits for what is in hand but for completeness
STOP_WAIT_S = 2.0  # what takes longer is done by another worker


class BackOff:
    """Pauses that double, up to a bound."""

    def __init__(self) -> None:
        self._next_ns = FIRST_BACK_OFF_NS

    @property
    def is_first(self) -> bool:
        """Whether there was no pause since the last success."""
        return self._next_ns == FIRST_BACK_OFF_NS

    def take_ns(self) -> int:
        """The next pause."""
        pause_ns = self._next_ns
        self._next_ns = min(2 * self._next_ns, LAST_BACK_OFF_NS)
        return pause_ns

    def succeed(self) -> None:
        """Begin anew."""
        self._next_ns = FIRST_BACK_OFF_NS
