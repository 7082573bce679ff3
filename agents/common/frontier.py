"""What the controllers that move along a Pareto front have in common; each is a wish and its own memory."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Agent, State
from agents.common.checkpoints import packed, unpacked
from agents.common.front import Course, Front, Patience, demand, settle
from agents.common.pressure import Reader, Reading
from envs.spec import ElasticitySpec


class Frontier(Agent):
    """An agent that wishes for a position on the front, and gets it in time.

    Args:
        spec: the stream.
        patience: how slow to change.
    """

    def __init__(self, spec: ElasticitySpec, patience: Patience):
        super().__init__(spec)
        self._patience = patience
        self._first = self._front = Front(spec)
        self._reader = Reader(spec)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode; nothing here is random."""
        self._course, self._front = Course(), self._first
        self._figures = {"position": 0.0, "wish": 0.0, "demand": 0.0, "strikes": 0.0, "barred_for": 0.0}

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the levels of the position that was settled on."""
        reading = self._reader.read(observation)
        self._course, reading = self._course.after(self.spec, reading)
        if self._course.watch.scales != self._front.scales:
            before, self._front = self._front, Front(self.spec, self._course.watch.scales)
            self._course = self._course.moved_to(before, self._front)
        now = self._front.position(reading.levels)
        asked = demand(self._patience, self._course, reading)
        wish = self._wish(reading, asked, now)
        position, self._course = settle(self._patience, self._course, self._front, reading, now, wish)
        self._figures = {
            "position": float(position),
            "wish": float(wish),
            "demand": asked or 0.0,
            "strikes": self._course.watch.drain.strikes,
            "barred_for": float(self._course.bar_left),
        }
        return np.array(self._front.levels[position], dtype=np.int64)

    def explain(self) -> dict[str, float]:
        """Return position and the one wished for, demand (0 where unknown), strikes, and the bar."""
        return self._figures

    @abstractmethod
    def _wish(self, reading: Reading, asked: float | None, now: int) -> int:
        """Return the position that the controller would take at once.

        Args:
            reading: of the last interval.
            asked: see `demand`.
            now: the position in force.
        """

    def _checkpoint(self) -> State:
        return {"course": packed(self._course)}

    def _restore(self, state: State) -> None:
        self.reset(0)
        self._course = unpacked(Course, state["course"])
        self._front = Front(self.spec, self._course.watch.scales or None)
