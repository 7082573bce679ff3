"""Which models inference must have loaded, and whether it has: from confirmations and changes to plans."""

import math

from pipeline.messages import LoadingMode, RegistrationConfirmation, Weights, WorkLoad
from pipeline.settings import GRADES
from pipeline.worker.jobs import Plan, Prepare

Size = tuple[int, int]


class Planning:
    """Numbers every plan that inference gets; it is ready when the last one is.

    EAGER loads and warms every grade at every size at once; LAZY the current grade, then what changes bring.

    Args:
        weights: path per grade letter, stronger than the producer's.
    """

    def __init__(self, weights: dict[str, str]) -> None:
        self.weights = Weights.NONE  # what the loaded models are
        self._own = weights
        self._plan: Plan | None = None  # the whole of what the confirmation asks for
        self._is_eager = True
        self._asked: set[tuple[int, Size | None]] = set()  # LAZY: (grade, size) that inference was told of
        self._grades: set[int] = set()  # of these
        self._n_plans = 0
        self._n_ready = 0

    @property
    def is_ready(self) -> bool:
        """Whether everything asked for is loaded and warm."""
        return 0 < self._n_plans == self._n_ready

    def prepared(self, number: int, weights: Weights) -> None:
        """Inference is done with this plan."""
        self._n_ready, self.weights = number, weights

    def confirmed(self, confirmation: RegistrationConfirmation) -> Prepare | None:
        """What inference must be told; None if it has been told the very same."""
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
        if is_eager:
            return None if is_known else self._numbered(plan)
        return self._at_need(WorkLoad[confirmation.work_load].value, None)

    def changed(self, grade: int, size: Size | None) -> Prepare | None:
        """What inference must be told when the stream goes over to this grade and size (width, height)."""
        return None if self._is_eager else self._at_need(grade, size)

    def needed(self, grade: int) -> Prepare | None:
        """What inference must be told before a task of this grade."""
        return None if self._is_eager or grade in self._grades else self._at_need(grade, None)

    def _at_need(self, grade: int, size: Size | None) -> Prepare | None:
        plan = self._plan
        assert plan is not None, "a change follows a confirmation"
        if (grade, size) in self._asked:
            return None
        self._asked.add((grade, size))
        self._grades.add(grade)
        sizes = () if size is None else (size,)
        return self._numbered(
            Plan(plan.work_type, plan.grades, plan.weights, sizes, (grade,), plan.return_frames)
        )

    def _numbered(self, plan: Plan) -> Prepare:
        self._n_plans += 1
        return Prepare(self._n_plans, plan)


def problem_with(confirmation: RegistrationConfirmation) -> str:
    """What is wrong with it; "" if nothing."""
    grades = confirmation.grades
    if not grades or not set(grades) <= set(GRADES):
        return f"grades must be letters of {', '.join(GRADES)}, got {list(grades)}"
    if confirmation.work_load not in WorkLoad.__members__ or WorkLoad[confirmation.work_load] >= len(grades):
        return f"work_load must name one of {len(grades)} grades, got {confirmation.work_load!r}"
    if not (math.isfinite(confirmation.heartbeat_s) and confirmation.heartbeat_s > 0):
        return f"heartbeat_s must be a finite number > 0, got {confirmation.heartbeat_s}"
    return ""
