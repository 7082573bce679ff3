"""What the producer expects of a worker: how long it takes, when it will be free, when it would be done.

All is integer arithmetic on ns: the simulator compiles the same functions, and comes to the same numbers.
A time of 0 is one that is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.producer.config import TICK_NS
from pipeline.settings import GRADES, Ladders

# --- what was measured ---


def smoothed(estimate_ns: int, measured_ns: int) -> int:
    """Return an estimate after one more measurement: each counts a third more than the one before it."""
    return estimate_ns + ((measured_ns - estimate_ns) >> 2) if estimate_ns > 0 else measured_ns


def scaled(estimate_ns: int, cost: int, seen_cost: int) -> int:
    """Return what takes `cost` > 0 if what takes `seen_cost` > 0 takes the estimate; at least 1 ns."""
    return max(1, estimate_ns * cost // seen_cost)


# --- what follows ---


def free_after(free_ns: int, now_ns: int, in_hand: int, started_ns: int, service_ns: int) -> int:
    """Return when a worker will be free that says how many tasks it has in hand, and when it began the first.

    Args:
        free_ns: when it was thought to be, which stands if it does not say when it began (0).
        service_ns: what each of them is thought to take.
    """
    if in_hand == 0:
        return now_ns
    if started_ns == 0 or service_ns == 0:
        return free_ns
    return max(now_ns, started_ns + service_ns) + (in_hand - 1) * service_ns


def next_done_ns(now_ns: int, clear_ns: int, free_ns: int, transfer_ns: int, service_ns: int) -> int:
    """Return when a worker would be done with the next task that it gets.

    Args:
        clear_ns: when its link has carried what is under way to it.
        free_ns: when it has finished what it has in hand.
    """
    return max(max(now_ns, clear_ns) + transfer_ns, free_ns) + service_ns


def n_done_before(until_ns: int, first_ns: int, period_ns: int) -> int:
    """Count the tasks done before a time by one who does a first at first_ns, then one each period_ns > 0."""
    return (until_ns - first_ns - 1) // period_ns + 1 if first_ns < until_ns else 0


def near_from_ns(free_ns: int, transfer_ns: int, service_ns: int) -> int:
    """Return from when on a task that leaves comes just in time: sooner would bind it for nothing.

    A transfer before the worker is free, and by how much the plan may be late: it is made again with each
    tick at least, and the task in progress may take less than others did.
    """
    return free_ns - transfer_ns - TICK_NS - (service_ns >> 2)


PATIENCE_NS = 2 * TICK_NS  # after which a worker that should have asked again is not counted on


def is_overdue(now_ns: int, clear_ns: int, free_ns: int) -> bool:
    """Tell whether a worker without a request here should have asked long ago: it hangs, loads or is dead."""
    return now_ns > max(clear_ns, free_ns) + PATIENCE_NS


# --- estimates that grow old ---

STALE_NS = 10_000_000_000  # a worker that has brought nothing for so long may be another than it was
TRIAL_SHARE = 100  # trials take one in so many of the time, of all workers together


def next_trial_ns(now_ns: int, done_ns: int) -> int:
    """Return when the next may begin after one from now until done_ns."""
    return now_ns + TRIAL_SHARE * (done_ns - now_ns)


@dataclass(frozen=True, slots=True)
class Costs:
    """What grades and sizes cost in proportion, by level.

    Attributes:
        grades: in 0.1 GFLOPs for one picture.
        sizes: in px.
        levels: of a size, by height in px.
    """

    grades: tuple[int, ...]
    sizes: tuple[int, ...]
    levels: dict[int, int]


def grade_costs(grades: Sequence[str]) -> tuple[int, ...]:
    """Return what these letters cost, in 0.1 GFLOPs."""
    return tuple(round(10 * GRADES[grade].gflops) for grade in grades)


def costs_of(ladders: Ladders) -> Costs:
    """Return what their levels cost."""
    levels = {height: level for level, (_, height) in enumerate(ladders.sizes)}
    return Costs(grade_costs(ladders.grades), tuple(w * h for w, h in ladders.sizes), levels)


@dataclass(slots=True)
class Outlook:
    """What is expected of one worker under the settings in force.

    A (grade, size) that it has not done yet is scaled from the one that it did last, by the grades' GFLOPs
    and by pixels.

    Attributes:
        costs: of the levels.
        grade, size: levels in force.
        service_ns, transfer_ns: what a task takes it under them, and its link; 0 = nothing is known.
        free_ns: when it has finished what it has in hand.
        clear_ns: when its link has carried what is under way to it.
        in_hand: tasks, when it last spoke, less those brought since without a word of how long they took.
        measured_ns: when the last result of it came.
        trial: id of the last that it was given and has not done; 0 = none.
    """

    costs: Costs
    grade: int
    size: int
    service_ns: int = 0
    transfer_ns: int = 0
    free_ns: int = 0
    clear_ns: int = 0
    in_hand: int = 0
    measured_ns: int = 0
    trial: int = 0
    _services_ns: dict[tuple[int, int], int] = field(default_factory=dict)
    _transfers_ns: dict[int, int] = field(default_factory=dict)
    _last: tuple[int, int] = (0, 0)  # grade and size that it did last

    def bind(self, grade: int, size: int) -> None:
        """Other settings are in force."""
        self.grade, self.size = grade, size
        if not self._services_ns:
            return
        costs, (last_grade, last_size) = self.costs, self._last
        px, last_px = costs.sizes[size], costs.sizes[last_size]
        self.service_ns = self._services_ns.get((grade, size), 0)
        if not self.service_ns:
            of_size_ns = scaled(self._services_ns[self._last], px, last_px)
            self.service_ns = scaled(of_size_ns, costs.grades[grade], costs.grades[last_grade])
        self.transfer_ns = self._transfers_ns.get(size, 0)
        if not self.transfer_ns:
            self.transfer_ns = scaled(self._transfers_ns[last_size], px, last_px)

    def measure(self, grade: int, size: int, service_ns: int, transfer_ns: int, now_ns: int) -> None:
        """A result has come of a task that took so long, at these levels."""
        key = grade, size
        self._services_ns[key] = smoothed(self._services_ns.get(key, 0), max(1, service_ns))
        self._transfers_ns[size] = smoothed(self._transfers_ns.get(size, 0), max(1, transfer_ns))
        self._last, self.measured_ns = key, now_ns
        self.bind(self.grade, self.size)

    def ends_trial(self, task_id: int) -> bool:
        """Tell whether a result is that of its trial, and the first time that this is said."""
        is_its = task_id == self.trial != 0
        if is_its:
            self.trial = 0
        return is_its

    def brought(self) -> None:
        """A result has come that says nothing of how long it took: there is one task less in its hand."""
        self.in_hand = max(0, self.in_hand - 1)

    def told(self, now_ns: int, in_hand: int, started_ns: int) -> None:
        """It asks: what was under way to it has come."""
        self.in_hand, self.clear_ns = in_hand, now_ns
        self.free_ns = free_after(self.free_ns, now_ns, in_hand, started_ns, self.service_ns)

    def answered(self, now_ns: int) -> None:
        """It is told something, no task: it will ask again."""
        self.clear_ns = max(self.clear_ns, now_ns)

    def hand(self, now_ns: int) -> None:
        """A task is on its way to it."""
        self.free_ns = self.done_ns(now_ns)
        self.clear_ns = max(now_ns, self.clear_ns) + self.transfer_ns

    def done_ns(self, now_ns: int) -> int:
        """Return when it would be done with the next task."""
        return next_done_ns(now_ns, self.clear_ns, self.free_ns, self.transfer_ns, self.service_ns)

    @property
    def near_from_ns(self) -> int:
        """Return from when on the next task comes just in time."""
        return near_from_ns(self.free_ns, self.transfer_ns, self.service_ns)

    @property
    def period_ns(self) -> int:
        """Return the time between two tasks of a stretch, which link or device sets."""
        return max(self.service_ns, self.transfer_ns)
