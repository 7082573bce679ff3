"""Additive increase, multiplicative decrease of the position on a stream's Pareto front.

Source: Chiu and Jain 1989, "Analysis of the increase and decrease algorithms for congestion avoidance in
computer networks", Computer Networks and ISDN Systems 17(1). With x the position on the front,

    x ← x + increase · top    while all is well,    x ← decrease · x    when an SLO breaks

Near a position that failed the increase is
halved, as CUBIC does near its last window (Ha, Rhee, Xu 2008), and what failed is barred for a while: see
`agents.common.front`.
"""

import math

from agents.common.front import Patience
from agents.common.frontier import Frontier
from agents.common.pressure import Reading
from envs.spec import ElasticitySpec


class Aimd(Frontier):
    """Climbs by equal steps while all is well, and falls by a share of the way when an SLO breaks.

    Args:
        spec: the stream.
        increase: of the position in one decision, as a share of the front's length, in (0, 1].
        decrease: what the position is multiplied by, in [0, 1).
        cool_down, window, probation, first_bar, longest_bar: see `agents.common.front.Patience`.

    Raises:
        ValueError: a figure out of range.
    """

    def __init__(
        self,
        spec: ElasticitySpec,
        increase: float,
        decrease: float,
        cool_down: int,
        window: int,
        probation: int,
        first_bar: int,
        longest_bar: int,
    ):
        if not (0 < increase <= 1 and 0 <= decrease < 1):
            raise ValueError(
                f"increase must be in (0, 1] and decrease in [0, 1), got {increase} and {decrease} "
                "(conf/agent/aimd.yaml)"
            )
        self._increase, self._decrease = increase, decrease
        super().__init__(spec, Patience(cool_down, window, probation, first_bar, longest_bar))

    def _wish(self, reading: Reading, asked: float | None, now: int) -> int:
        if reading.pressure_broken or self._course.is_stuck(self._patience, reading):
            return math.floor(now * self._decrease)
        if not reading.all_ok:
            return now
        step = max(round(self._increase * self._front.top), 1)
        bar = self._course.bar
        if bar is not None and now < bar:
            step = min(step, max((bar - now) // 2, 1))
        return min(now + step, self._front.top)
