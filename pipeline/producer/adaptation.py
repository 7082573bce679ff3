"""How long settings take from being set until a frame is emitted that was processed under them."""

MOST_WAITING = 1000  # settings; those set after so many that no frame has shown are not waited for


class Adaptation:
    """The settings of one episode that no emitted frame has shown yet."""

    def __init__(self) -> None:
        self._set_ns: dict[int, int] = {}  # by epoch, ascending

    def set(self, epoch: int, now_ns: int) -> None:
        """Settings of a later epoch than all before are in force from now on."""
        if len(self._set_ns) < MOST_WAITING:
            self._set_ns[epoch] = now_ns

    def shown(self, epoch: int, emitted_ns: int) -> int:
        """Note an emitted frame that was processed under this epoch: it shows its settings and all before.

        Returns how long, in ns, the slowest of those took that had not been shown; 0 if there were none.
        """
        shown = [earlier for earlier in self._set_ns if earlier <= epoch]
        return max((emitted_ns - self._set_ns.pop(earlier) for earlier in shown), default=0)

    def waiting_ns(self, now_ns: int) -> int:
        """Return how long the oldest of those that wait has waited; 0 if none does."""
        return now_ns - next(iter(self._set_ns.values()), now_ns)
