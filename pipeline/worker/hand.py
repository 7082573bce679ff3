"""Which tasks a worker has in hand, and which of them it could not process."""

from collections import deque
from collections.abc import Iterable

from pipeline.messages import Failure, TaskHeader


class Hand:
    """Tasks are done, and leave, in the order in which they came."""

    def __init__(self) -> None:
        self._tasks: deque[TaskHeader] = deque()
        self._failures: deque[Failure] = deque()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Say what the producer has not heard yet."""
        return tuple(self._failures)

    def take(self, tasks: Iterable[TaskHeader]) -> None:
        """Take what came."""
        self._tasks.extend(tasks)

    def leave(self, n: int) -> None:
        """Drop the first n, which are done with."""
        for _ in range(n):
            self._tasks.popleft()

    def fail(self, failure: Failure) -> None:
        """Note one that could not be processed."""
        self._failures.append(failure)

    def told(self, n: int) -> None:
        """Drop the first n failures, of which the producer has heard."""
        for _ in range(n):
            self._failures.popleft()

    def forget_failures(self) -> None:
        """Drop all failures: the producer takes back everything anyway."""
        self._failures.clear()

    def break_over_first(self, reason: str) -> None:
        """Inference broke over the first task."""
        if self._tasks:
            task = self._tasks[0]
            self._failures.append(Failure(task.stream, task.id, task.episode, reason))
