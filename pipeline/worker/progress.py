"""What the inference process is at, for its parent to look at: a few aligned words in memory that they share.

Each word is written by one side alone and read at any time; it is whole by itself, and nothing is ever waited
for. One goes the other way: what a task that begins is to be bound to.
"""

from ctypes import c_int64
from multiprocessing.context import BaseContext
from typing import NamedTuple

NEVER_NS = 1 << 62
PATIENCE = 5  # a task may take this many times as long as the longest before
LEAST_PATIENCE_NS = 3_000_000_000  # and so long in any case: the host may be busy
GRACE_NS = 500_000_000

_STARTED, _DUE, _N_TAKEN, _BOUND = range(4)
_GRADE_BITS = 8


class Activity(NamedTuple):
    """What inference is at; times in ns of the worker's clock.

    Attributes:
        started_ns: when the task in progress began; 0 = none.
        due_ns: if it is at the same even after this, it hangs; NEVER_NS where nothing can be said.
    """

    started_ns: int = 0
    due_ns: int = NEVER_NS


class Progress:
    """The words; passed to the inference process when that is started."""

    def __init__(self, context: BaseContext) -> None:
        self._words = context.RawArray(c_int64, 4)
        self._words[_DUE] = NEVER_NS

    # --- inference writes ---

    def wait(self) -> None:
        """Note that it has done all it was told, and waits for the next order."""
        self._words[_DUE] = 0

    def take(self) -> None:
        """Note that it has taken an order; that may take any time."""
        self._words[_DUE] = NEVER_NS
        self._words[_N_TAKEN] += 1

    def begin(self, started_ns: int, due_ns: int) -> None:
        """Note that a task begins, and should be done by due_ns."""
        self._words[_DUE] = due_ns
        self._words[_STARTED] = started_ns

    def end(self) -> None:
        """Note that the task is done; its result may have to wait for somebody who takes it."""
        self._words[_STARTED] = 0
        self._words[_DUE] = NEVER_NS

    @property
    def bound(self) -> tuple[int, int]:
        """(epoch, grade) that its parent was told last."""
        word = self._words[_BOUND]
        return word >> _GRADE_BITS, word & ((1 << _GRADE_BITS) - 1)

    # --- its parent writes ---

    def bind(self, epoch: int, grade: int) -> None:
        """Tasks of an earlier epoch are to be done at this grade."""
        self._words[_BOUND] = epoch << _GRADE_BITS | grade

    # --- its parent reads ---

    @property
    def started_ns(self) -> int:
        """Say when the task in progress began; 0 = none."""
        return self._words[_STARTED]

    @property
    def due_ns(self) -> int:
        """Say when the task in progress should be done; 0 = it waits for orders, NEVER_NS = nobody knows."""
        return self._words[_DUE]

    @property
    def n_taken(self) -> int:
        """Orders that it has taken so far."""
        return self._words[_N_TAKEN]


class Watch:
    """Whether inference hangs: overdue still, some time after it was seen to be.

    A host that has stood still as a whole looks overdue at once: both processes get their time first.
    """

    def __init__(self) -> None:
        self._seen = Activity()
        self._since_ns = 0

    def hangs(self, activity: Activity, now_ns: int) -> bool:
        """Look at it; call a few times a second."""
        if now_ns <= activity.due_ns:
            return False
        if activity != self._seen:
            self._seen, self._since_ns = activity, now_ns
        return now_ns - self._since_ns >= GRACE_NS

    def obituary(self, activity: Activity, now_ns: int) -> str:
        """One sentence about it."""
        if not activity.started_ns:
            return "the inference process hangs: it takes no orders"
        at_s = (now_ns - activity.started_ns) * 1e-9
        return f"the inference process hangs: it has been at one task for {at_s:.1f} s"


class Patience:
    """How long a task may take, from those before it."""

    def __init__(self) -> None:
        self._longest_ns = 0  # of a device that is not slowed down
        self._known: set[tuple[int, tuple[int, ...]]] = set()  # grade, shape

    def forget(self) -> None:
        """Models were exchanged: the next task of each kind may take any time."""
        self._known.clear()

    def due_ns(self, started_ns: int, grade: int, shape: tuple[int, ...], slowdown: float) -> int:
        """Say when a task that begins now should be done; the first of a grade and shape warms up first."""
        if (grade, shape) not in self._known:
            return NEVER_NS
        return started_ns + max(LEAST_PATIENCE_NS, int(PATIENCE * self._longest_ns * slowdown))

    def took(self, service_ns: int, grade: int, shape: tuple[int, ...], slowdown: float) -> None:
        """Note that a task is done."""
        self._longest_ns = max(self._longest_ns, int(service_ns / slowdown))
        self._known.add((grade, shape))
