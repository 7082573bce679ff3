"""When the network has become wrong: the surprise of the last intervals against what is usual.

The surprise of a batch is -2 ln L of its SLOs given what they hang on; none of them leads to another, so in
an interval their Markov blankets are their parents. intelligentVehicle adds k ln n, with k the parameters of
the network: that is hundreds for a batch of ten, whatever is in it, so that a threshold relative to the
median is never reached. Without it a floor is needed, for the median of a world without surprises is near 0.
"""

from collections import deque
from collections.abc import Iterable
from statistics import median

USUAL = 10  # batches whose median is the usual surprise, and surprises of a setting whose median is its own
FACTOR = 1.5  # above the usual: out of the ordinary


class Surprise:
    """Remembers surprises, of batches and of settings.

    Args:
        batch: intervals of one, >= 1.
        floor: surprise per interval below which no batch is out of the ordinary, >= 0.
    """

    def __init__(self, batch: int, floor: float) -> None:
        self._floor = floor
        self._recent: deque[float] = deque(maxlen=batch)
        self._batches: deque[float] = deque(maxlen=USUAL)
        self._of_setting: dict[int, deque[float]] = {}
        self._medians: dict[int, float] = {}

    def add(self, setting: int, surprise: float) -> bool:
        """Add one interval at a setting; return whether its batch is out of the ordinary, which ends it."""
        own = self._of_setting.setdefault(setting, deque(maxlen=USUAL))
        own.append(surprise)
        self._medians[setting] = median(own)
        self._recent.append(surprise)
        if len(self._recent) < (self._recent.maxlen or 0):
            return False
        is_unusual = len(self._batches) == USUAL and self.batch > max(self._floor, FACTOR * self.usual)
        self._batches.append(self.batch)
        if is_unusual:
            self._recent.clear()
        return is_unusual

    @property
    def batch(self) -> float:
        """Return the surprise of the last intervals, per interval; 0 before any."""
        return sum(self._recent) / len(self._recent) if self._recent else 0.0

    @property
    def usual(self) -> float:
        """Return the median of the last batches; 0 before any."""
        return median(self._batches) if self._batches else 0.0

    def excess(self) -> dict[int, float]:
        """Return, per setting seen, its median surprise over all settings' median, less 1, per visit."""
        overall = median(self._medians.values()) if self._medians else 0.0
        if overall <= 0:
            return dict.fromkeys(self._medians, 0.0)
        return {
            setting: (value / overall - 1) / len(self._of_setting[setting])
            for setting, value in self._medians.items()
        }

    def history(self) -> list[list[float]]:
        """Return everything, to be read by `remember`."""
        rows = [[float(setting), *surprises] for setting, surprises in self._of_setting.items()]
        return [list(self._recent), list(self._batches), *rows]

    def remember(self, history: Iterable[Iterable[float]]) -> None:
        """Take over what `history` returned."""
        recent, batches, *rows = map(list, history)
        self._recent.clear()
        self._recent.extend(recent)
        self._batches.clear()
        self._batches.extend(batches)
        self._of_setting = {int(setting): deque(own, maxlen=USUAL) for setting, *own in rows}
        self._medians = {setting: median(own) for setting, own in self._of_setting.items()}
