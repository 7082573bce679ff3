"""How contenders are measured: turn by turn in alternated rounds, since a machine's speed drifts."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")


class BenchmarkError(Exception):
    """A contender does not work; the message names it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a contender.

    Attributes:
        n: pieces of work that it did, >= 1: frames, environment steps or decisions.
        elapsed_s: how long it took, > 0.
        cpu_s: processor time of all its processes and threads.
    """

    n: int
    elapsed_s: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Pieces per second."""
        return self.n / self.elapsed_s

    @property
    def cpu_ms(self) -> float:
        """Processor time per piece."""
        return 1e3 * self.cpu_s / self.n


def alternate(
    contenders: Mapping[str, Callable[[], Turn]], rounds: int, title: str, console: Console
) -> dict[str, list[Turn]]:
    """Let each contender take one turn per round, in opposite order every second round.

    Args:
        contenders: by name; each call is a turn.
        rounds: how many, >= 1.
        title: of the progress bar.
        console: shows how far it is, where it is a terminal.

    Returns:
        Turns by contender, one per round.
    """
    turns: dict[str, list[Turn]] = {name: [] for name in contenders}
    forth = list(contenders)
    order = [name for i in range(rounds) for name in (forth if i % 2 == 0 else reversed(forth))]
    for name in watched(order, lambda name: f"{title}: {name}", console):
        turns[name].append(contenders[name]())
    return turns


def watched(items: Sequence[Item], describe: Callable[[Item], str], console: Console) -> Iterable[Item]:
    """Yield the items, with a progress bar that says which one is at work."""
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(items))
        for item in items:
            progress.update(task, description=describe(item))
            yield item
            progress.advance(task)


def spread(key: str, values: Sequence[float]) -> dict[str, float]:
    """Return the median of one value per round under KEY, their range under KEY_lowest and KEY_highest."""
    return {key: statistics.median(values), f"{key}_lowest": min(values), f"{key}_highest": max(values)}


def ratio(key: str, ones: Sequence[Turn], others: Sequence[Turn]) -> dict[str, float]:
    """Return the spread of one contender's rate divided by another's in the same round."""
    return spread(key, [one.per_s / other.per_s for one, other in zip(ones, others, strict=True)])
