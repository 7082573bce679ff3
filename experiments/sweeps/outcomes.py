"""What jobs, wherever they are, tell the sweep: a file for each run that has ended."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import msgspec

from experiments.program.files import write_whole

FIGURES = ("slo_fulfilment", "qoe_mean", "reward_mean")  # of a run's summary, for the sweep's own table
LOOK_EVERY_S = 0.5


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a run of a sweep.

    Attributes:
        number: the run's.
        title: for people.
        agent: by whom.
        directory: the run's own, by its name in the folder of all runs; "" = it did not begin.
        status: FINISHED, DEGRADED, FAILED or KILLED; whatever is not FINISHED is played again the next time.
        error: one sentence, "" if it is FINISHED.
        figures: of the summary.
    """

    number: int
    title: str
    agent: str = ""
    directory: str = ""
    status: str
    error: str = ""
    figures: dict[str, float] = {}


def tell(folder: Path, outcome: Outcome) -> None:
    """Leave word; it is there as a whole or not at all."""
    write_whole(folder / f"{outcome.number}.json", msgspec.json.encode(outcome))


def heard(folder: Path, known: set[int]) -> Iterator[Outcome]:
    """What is new; its number is added to those that are known."""
    for path in sorted(folder.glob("*.json")):
        if int(path.stem) not in known:
            known.add(int(path.stem))
            yield msgspec.json.decode(path.read_bytes(), type=Outcome)


class Watch:
    """A context manager around a launch; when it is left, everything that was told has been heard.

    Args:
        folder: where outcomes appear.
        known: numbers of those that were there before; new ones are added.
        on_outcome: called with each new one, by a thread of the watch's own or, at the end, by the caller's.
    """

    def __init__(self, folder: Path, known: set[int], on_outcome: Callable[[Outcome], None]) -> None:
        self._folder, self._known, self._on_outcome = folder, known, on_outcome
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="sweep-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._look()

    def _follow(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        for outcome in heard(self._folder, self._known):
            self._on_outcome(outcome)
