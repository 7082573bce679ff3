"""What inference must load, and which settings bind its tasks: from what the producer says to orders."""

import math
from collections.abc import Iterable

from msgspec import UNSET

from pipeline.messages import (
    Binding,
    Change,
    LoadingMode,
    ProtocolError,
    RegistrationConfirmation,
    TaskHeader,
    Weights,
    WorkLoad,
)
from pipeline.settings import GRADES
from pipeline.worker.events import Bind, Load
from pipeline.worker.jobs import Plan, Prepare

Size = tuple[int, int]
Orders = list[Bind | Load]


class Planning:
    """Numbers every plan that inference gets; it is ready when the last one is.

    What the producer says is checked first: it raises ProtocolError, and nothing has changed then.

    EAGER loads and warms every grade at every size at once; LAZY the current grade, then what changes bring.

    Args:
        weights: path per grade letter, stronger than the producer's.

    Attributes:
        weights: what the loaded models are.
        epoch: of the settings that the producer told last.
        binds_at_hand_out: whether tasks that have not begun take the grade of a change.
    """

    def __init__(self, weights: dict[str, str]) -> None:
        self.weights = Weights.NONE
        self.epoch = 0
        self.binds_at_hand_out = False
        self._own = weights
        self._plan: Plan | None = None  # the whole of what the confirmation asks for
        self._is_eager = True
        self._asked: set[tuple[int, Size | None]] = set()  # LAZY: (grade, size) that inference was told of
        self._grades: set[int] = set()  # of these
        self._n_plans = 0
        self._n_ready = 0

    @property
    def is_ready(self) -> bool:
        """Tell whether everything asked for is loaded and warm."""
        return 0 < self._n_plans == self._n_ready

    def prepared(self, number: int, weights: Weights) -> None:
        """Note that inference is done with this plan."""
        self._n_ready, self.weights = number, weights

    def confirmed(self, confirmation: RegistrationConfirmation) -> Orders:
        """List what inference must be told; it loads nothing if it has been told the very same."""
        problem = _problem_with(confirmation)
        if problem:
            raise ProtocolError(f"wrong confirmation: {problem}")
        plan = Plan(
            work_type=confirmation.work_type,
            grades=confirmation.grades,
            weights={**confirmation.weights, **self._own},
            sizes=confirmation.sizes,
            load=tuple(range(len(confirmation.grades))),
            return_frames=confirmation.return_frames,
        )
        is_eager = confirmation.loading_mode == LoadingMode.EAGER
        is_known = plan == self._plan and is_eager == self._is_eager
        self._plan, self._is_eager = plan, is_eager
        if not is_known:
            self._asked.clear()
            self._grades.clear()
        grade = WorkLoad[confirmation.work_load].value
        self.binds_at_hand_out = confirmation.binding is Binding.HAND_OUT
        bind = self._bind(confirmation.epoch, grade)
        if is_eager:
            return [bind] if is_known else [bind, self._numbered(plan)]
        return [bind, *self._at_need(grade, None)]

    def changed(self, change: Change) -> Orders:
        """List what inference must be told when the settings change."""
        grade = change.CHANGE_WORK_LOAD
        if grade is UNSET:
            self.epoch = change.epoch
            return []
        self._check(grade, "CHANGE_WORK_LOAD")
        size = None if change.CHANGE_SIZE is UNSET else change.CHANGE_SIZE
        bind = self._bind(change.epoch, grade)
        return [bind] if self._is_eager else [bind, *self._at_need(grade, size)]

    def needed(self, tasks: Iterable[TaskHeader]) -> list[Load]:
        """List what inference must be told before these tasks."""
        for task in tasks:
            self._check(task.grade, "a task's grade")
        plans = []
        for task in tasks if not self._is_eager else ():
            plans += [] if task.grade in self._grades else self._at_need(task.grade, None)
        return plans

    def _check(self, grade: int, what: str) -> None:
        assert self._plan is not None, "work follows a confirmation"
        last = len(self._plan.grades) - 1
        if not 0 <= grade <= last:
            raise ProtocolError(f"{what} must be in 0..{last}, got {grade}")

    def _bind(self, epoch: int, grade: int) -> Bind:
        """Take notice of the settings in force; who binds at capture means no task already handed out."""
        self.epoch = epoch
        return Bind(epoch if self.binds_at_hand_out else 0, grade)

    def _at_need(self, grade: int, size: Size | None) -> list[Load]:
        plan = self._plan
        assert plan is not None, "a change follows a confirmation"
        if (grade, size) in self._asked:
            return []
        self._asked.add((grade, size))
        self._grades.add(grade)
        sizes = () if size is None else (size,)
        part = Plan(plan.work_type, plan.grades, plan.weights, sizes, (grade,), plan.return_frames)
        return [self._numbered(part)]

    def _numbered(self, plan: Plan) -> Load:
        self._n_plans += 1
        return Load(Prepare(self._n_plans, plan))


def _problem_with(confirmation: RegistrationConfirmation) -> str:
    """Say what is wrong with it; "" if nothing."""
    grades = confirmation.grades
    if not grades or not set(grades) <= set(GRADES):
        return f"grades must be letters of {', '.join(GRADES)}, got {list(grades)}"
    if confirmation.work_load not in WorkLoad.__members__ or WorkLoad[confirmation.work_load] >= len(grades):
        return f"work_load must name one of {len(grades)} grades, got {confirmation.work_load!r}"
    if not (math.isfinite(confirmation.heartbeat_s) and confirmation.heartbeat_s > 0):
        return f"heartbeat_s must be a finite number > 0, got {confirmation.heartbeat_s}"
    return ""
