"""What a training shows: a progress bar in a terminal, a line per evaluation elsewhere."""

from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)

from agents.training import Progress


class TrainingView:
    """A context manager around a training.

    Args:
        console: where to.
        live: whether to draw a bar; None = where the console is a terminal.
        title: what is trained.
    """

    def __init__(self, console: Console, live: bool | None, title: str) -> None:
        self._console = console
        self._is_live = console.is_terminal if live is None else live
        self._title = title
        self._bars = Bars(
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[rewards]}"),
            console=console,
        )
        self._task = self._bars.add_task("steps", total=None, rewards="")
        self._shown_steps = 0

    def __enter__(self) -> Self:
        if self._is_live:
            self._bars.start()
        else:
            self._line(f"training {self._title}")
        return self

    def __exit__(self, *exception: object) -> None:
        self._bars.stop()

    def show(self, progress: Progress) -> None:
        """What has been reached."""
        if self._is_live:
            self._bars.update(
                self._task,
                completed=progress.steps,
                total=progress.total_steps,
                rewards=rewards_text(progress),
            )
        elif progress.is_evaluated:
            self._line(f"{progress.steps:>9} of {progress.total_steps} steps  {rewards_text(progress)}")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def rewards_text(progress: Progress) -> str:
    """The last evaluation and the best, "" before the first."""
    if progress.reward is None or progress.best_reward is None:
        return ""
    return f"reward {progress.reward:+.3f}, best {progress.best_reward:+.3f}"
