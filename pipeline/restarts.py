"""How often a program that died by itself is started again."""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RestartBudget:
    """So many restarts in one place within any so many seconds.

    Attributes:
        n: >= 0; 0 = what has died stays dead.
        within_s: finite, > 0.
    """

    n: int
    within_s: float

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"restarts must be >= 0, got {self.n}")
        if not 0 < self.within_s < math.inf:
            raise ValueError(f"restarts_within_s must be a finite number > 0, got {self.within_s}")


NO_RESTARTS = RestartBudget(0, 60.0)


class Restarts:
    """Counts deaths, and decides who comes back.

    Args:
        budget: of each place: a worker's slot, the collector's.
        clock: monotonic, in s.

    Attributes:
        n_deaths: of programs so far.
        n_restarts: of those that were to come back.
    """

    def __init__(self, budget: RestartBudget, clock: Callable[[], float] = time.monotonic) -> None:
        self.n_deaths = self.n_restarts = 0
        self._budget, self._clock = budget, clock
        self._restarted_s: dict[str, list[float]] = defaultdict(list)

    def may_return(self, place: str, obituary: str) -> bool:
        """Note a death, and whether a new program is to take the place of the dead one.

        Args:
            place: what died, for people, e.g. "the collector".
            obituary: how.
        """
        budget, now_s = self._budget, self._clock()
        recent_s = [then_s for then_s in self._restarted_s[place] if now_s - then_s < budget.within_s]
        is_allowed = len(recent_s) < budget.n
        self._restarted_s[place] = [*recent_s, now_s] if is_allowed else recent_s
        self.n_deaths += 1
        self.n_restarts += is_allowed
        what = "is started again" if is_allowed else "stays dead"
        logger.warning(
            "%s\n%s %s: it was started again %d times in the last %g s, %d are allowed",
            *(obituary, place, what, len(recent_s), budget.within_s, budget.n),
        )
        return is_allowed


def part_of(path: str, n: int) -> str:
    """Say what the n-th collector writes instead of this file: x.mp4, x.2.mp4, x.3.mp4, …; "" = nothing."""
    return path if n == 1 or not path else str(Path(path).with_stem(f"{Path(path).stem}.{n}"))
