"""How long what is in flight is waited for when an episode ends.

First for the workers: until a deadline, or until all have been gone for as long as one may be silent. Then
the rest is given up, and the collector, which may have some of it, is waited for: until a second deadline.
"""


class Drain:
    """The wait of one episode.

    Args:
        drain_ns: how long for the workers.
        silent_ns: after how long without any worker there is no use in it.

    Attributes:
        gave_up: what the workers have not brought is given up.
    """

    def __init__(self, drain_ns: int, silent_ns: int, now_ns: int) -> None:
        self.gave_up = False
        self._until_ns = now_ns + drain_ns
        self._deserted_ns = now_ns + silent_ns

    def give_up(self, until_ns: int) -> None:
        """Wait for the collector's word from now on, until then."""
        self.gave_up, self._until_ns = True, until_ns

    def must_wait(self, has_workers: bool, has_collector: bool, now_ns: int) -> bool:
        """Tell whether somebody may still bring, or judge, what is in flight."""
        if self.gave_up:
            return has_collector and now_ns < self._until_ns
        return (has_workers or now_ns <= self._deserted_ns) and now_ns < self._until_ns
