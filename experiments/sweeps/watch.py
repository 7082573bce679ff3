"""Hears what jobs tell, while a launcher is busy with them."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from experiments.sweeps.outcomes import Outcome, heard

LOOK_EVERY_S = 0.5


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
