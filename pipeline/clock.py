"""How far the producer's clock is ahead of ours, from request round trips."""

FRESH_NS = 30_000_000_000  # oscillators drift by up to 50 ppm: 1.5 ms in this time


class ClockOffset:
    """Offset of a peer's monotonic clock: of the samples so far, that of the shortest round trip.

    The peer spoke at some time of the round trip, so the error is at most half of it if the middle is taken.
    Processes of one host share their clock: where 0 is possible, it is taken, and exact. Between hosts,
    whose clocks count from when they were started, it practically never is.
    """

    def __init__(self) -> None:
        self.offset_ns = 0
        self._round_trip_ns: int | None = None
        self._taken_ns = 0
        self._is_shared = False

    @property
    def error_ns(self) -> int | None:
        """By how much the offset may be wrong; None while it is not known."""
        if self._round_trip_ns is None:
            return None
        return 0 if self._is_shared else self._round_trip_ns // 2

    @property
    def delay_ns(self) -> int:
        """Half of the shortest round trip: one way, if both take as long; 0 while there is no sample."""
        return (self._round_trip_ns or 0) // 2

    @property
    def is_known(self) -> bool:
        """Tell whether there is a sample of this peer."""
        return self._round_trip_ns is not None

    def is_fresh(self, now_ns: int) -> bool:
        """Tell whether a sample was taken lately."""
        return self._round_trip_ns is not None and now_ns - self._taken_ns < FRESH_NS

    def sample(self, sent_ns: int, received_ns: int, peer_ns: int) -> None:
        """Take a round trip: sent at sent_ns, answered at received_ns; in between the peer said peer_ns."""
        round_trip_ns = received_ns - sent_ns
        best = self._round_trip_ns
        if best is None or round_trip_ns <= best or not self.is_fresh(received_ns):
            self._round_trip_ns, self._taken_ns = round_trip_ns, received_ns
            self._is_shared = sent_ns <= peer_ns <= received_ns
            self.offset_ns = 0 if self._is_shared else peer_ns - (sent_ns + received_ns) // 2

    def reset(self) -> None:
        """Another producer may answer from now on."""
        self._round_trip_ns, self.offset_ns = None, 0
