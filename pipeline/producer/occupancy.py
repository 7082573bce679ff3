"""When one worker was busy, as the producer learns it: from heartbeats first, then from results."""

MOST_BOOKED = 4  # spans kept: of tasks whose results are on their way; more are heard of in order

Span = tuple[int, int]  # (from, until) in ns of the producer's clock


class Occupancy:
    """Books every ns of one worker's time once, in the interval in which it passes or becomes known.

    Args:
        since_ns: when the worker registered; what it did before is not booked.
    """

    def __init__(self, since_ns: int) -> None:
        self._booked: list[Span] = [(0, since_ns)]  # without a result yet, ascending
        self._started_ns = 0  # of the task in progress, as the worker last said; 0 = none
        self._running_ns = 0  # how long that had run then
        self._done_ns = 0  # of the last result

    @property
    def running_ns(self) -> int:
        """Say how long the task in progress had run when the worker last spoke; 0 if none is known."""
        return self._running_ns if self._is_running else 0

    def told(self, started_ns: int, running_ns: int) -> None:
        """Note when the worker says that its task began, 0 = it is idle, and how long that has run."""
        self._started_ns, self._running_ns = started_ns, running_ns

    def finished(self, done_ns: int, service_ns: int) -> int:
        """Take a result; returns how much of its service time is not booked yet."""
        began_ns = done_ns - service_ns
        ahead_ns = sum(
            max(0, min(done_ns, until_ns) - max(began_ns, from_ns)) for from_ns, until_ns in self._booked
        )
        self._booked = [span for span in self._booked if span[1] > done_ns]
        self._done_ns = max(self._done_ns, done_ns)
        return service_ns - ahead_ns

    def unbooked_ns(self, now_ns: int) -> int:
        """Say how much of the task in progress is not booked yet."""
        return max(0, now_ns - self._from_ns) if self._is_running else 0

    def book(self, now_ns: int) -> None:
        """Book what is unbooked now as taken into account."""
        if not self.unbooked_ns(now_ns):
            return
        from_ns = self._from_ns
        if self._booked and self._booked[-1][1] == from_ns:
            from_ns = self._booked.pop()[0]
        self._booked = [*self._booked, (from_ns, now_ns)][-MOST_BOOKED:]

    @property
    def _is_running(self) -> bool:
        """Tell whether no result has come yet of what it said it was at."""
        return self._started_ns > 0 and self._started_ns >= self._done_ns

    @property
    def _from_ns(self) -> int:
        return max(self._started_ns, self._booked[-1][1] if self._booked else 0)
