"""The published predecessor's heuristic, the rival of its active inference; to be beaten in the open.

The predecessor is the repository JohnnyElaine/bsc_aif_parallel_pipeline (2025) and the bachelor's thesis at
TU Wien that it belongs to. Re-implemented from its description and not improved. When an SLO is CRITICAL, the
knob with the highest level / (levels - 1) is lowered; knobs within 0.05 of it count as equal, and an order
decides. When all SLOs are OK, every ratio is at most 0.7 and none has an upward slope over 12 samples, the
knob with the lowest is raised. After a move there are 6 cycles without one, and no move ever undoes the last
one.

Not known, and so chosen: the slope is that of the least-squares line; before there are 12 samples nothing is
raised; an undoing move is one of the same knob in the other direction, and the next knob is taken instead;
equal knobs are raised in the same order; a ratio that was not measured is 0.
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Agent, State
from agents.common.settings import Levels
from envs.spec import ElasticitySpec

Move = tuple[int, int]  # knob, and +1 or -1


class ThesisHeuristic(Agent):
    """One knob by one level at a time.

    Args:
        spec: the stream.
        room: ratios up to this leave room for a raise, in (0, 1].
        samples: over which no ratio may rise before a raise, >= 2.
        cool_down: cycles after a move without one, >= 0.
        tie: knobs whose level / (levels - 1) differ by at most this are equal, >= 0.
        tie_order: knobs, by their place in the spec, the first moved first; for a spec with another number of
            knobs, from the last to the first.

    Raises:
        ValueError: a figure out of range.
    """

    def __init__(
        self,
        spec: ElasticitySpec,
        room: float,
        samples: int,
        cool_down: int,
        tie: float,
        tie_order: Sequence[int],
    ):
        super().__init__(spec)
        where = "(conf/agent/heuristic_thesis.yaml)"
        if not 0 < room <= 1 or samples < 2 or cool_down < 0 or tie < 0:
            raise ValueError(
                "room must be in (0, 1], samples >= 2, cool_down and tie >= 0, got "
                f"{room}, {samples}, {cool_down} and {tie} {where}"
            )
        if sorted(tie_order) != list(range(len(tie_order))):
            raise ValueError(f"tie_order must name each knob once, from 0 on, got {list(tie_order)} {where}")
        n_knobs = len(spec.knobs)
        self._room, self._cool_down, self._tie, self._samples = room, cool_down, tie, samples
        self._order = list(tie_order) if len(tie_order) == n_knobs else list(reversed(range(n_knobs)))
        self._warn_at = np.array([slo.warn_at for slo in spec.slos])
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode; nothing here is random."""
        self._history: deque[list[float]] = deque(maxlen=self._samples)
        self._last: Move | None = None
        self._waits = 0  # cycles for which nothing is moved yet
        self._figures = {"worst_ratio": 0.0, "steepest": 0.0, "waits": 0.0}

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the levels in force, or one of them moved by one."""
        seen = self.spec.decode(observation)
        self._history.append(seen.ratios.tolist())
        rising = steepest(self._history)
        levels = tuple(int(level) for level in seen.levels)
        move = None
        if self._waits == 0:
            if np.any(seen.ratios > 1):
                move = self._choose(levels, -1)
            elif self._has_room(seen.ratios, rising):
                move = self._choose(levels, +1)
        self._waits = self._cool_down if move else max(self._waits - 1, 0)
        self._figures = {
            "worst_ratio": float(seen.ratios.max()),
            "steepest": rising,
            "waits": float(self._waits),
        }
        if move:
            self._last = move
            seen.levels[move[0]] += move[1]
        return seen.levels

    def explain(self) -> dict[str, float]:
        """Return the worst ratio, the steepest slope of one (per sample), and cycles left without a move."""
        return self._figures

    def _has_room(self, ratios: NDArray[np.float64], rising: float) -> bool:
        is_ok = np.all(ratios <= np.minimum(self._warn_at, self._room))
        return bool(is_ok) and len(self._history) == self._samples and rising <= 0

    def _choose(self, levels: Levels, step: int) -> Move | None:
        """Return the knob to move in that direction: the highest one down, the lowest one up."""
        positions = self.spec.positions(levels)
        movable = [
            knob
            for knob in self._order
            if 0 <= levels[knob] + step < self.spec.n_levels[knob] and self._last != (knob, -step)
        ]
        if not movable:
            return None
        furthest = max(-step * positions[knob] for knob in movable)
        equal = (knob for knob in movable if -step * positions[knob] >= furthest - self._tie)
        return next(equal), step

    def _checkpoint(self) -> State:
        kept = {"history": list(self._history), "last": self._last, "waits": self._waits}
        return {"state": np.array(json.dumps(kept))}

    def _restore(self, state: State) -> None:
        self.reset(0)
        kept = json.loads(str(state["state"]))
        self._history.extend(kept["history"])
        self._last = None if kept["last"] is None else tuple(kept["last"])
        self._waits = kept["waits"]


def steepest(history: Sequence[Sequence[float]]) -> float:
    """Return the largest slope per sample of least-squares lines through each column; 0 of one row.

    Args:
        history: ratios per SLO, one row per sample.
    """
    if len(history) < 2:
        return 0.0
    rows = np.asarray(history)
    t = np.arange(len(rows)) - (len(rows) - 1) / 2
    slopes = t @ (rows - rows[0]) / (t @ t)
    return float(slopes.max())
