"""The rule of the Kubernetes Horizontal Pod Autoscaler, turned from replicas to what a stream costs.

There, desired replicas = current replicas x metric / target, the largest over all metrics, unless the
quotient is within a tolerance of 1; what was recommended within a stabilisation window holds back a change
for the worse (kubernetes.io, "Horizontal Pod Autoscaling", algorithm details). Here replicas are given and
the demand is not, so that along the stream's Pareto front, of the most demanding metric,

    desired cost = current cost × target / metric,    unless |metric / target − 1| ≤ tolerance
"""

from agents.common.front import Front, Patience
from agents.common.frontier import Frontier
from agents.common.pressure import Reading
from envs.spec import ElasticitySpec


class Hpa(Frontier):
    """Proportional to how far the most demanding metric is from its target.

    Metrics without memory lead where there are any; an SLO with memory joins in while it is violated.

    Args:
        spec: the stream.
        target: what the metric is held at, as a share of where WARNING begins, in (0, 1).
        tolerance: quotients closer to 1 than this change nothing, in [0, 1).
        cool_down, window, probation, first_bar, longest_bar: see `agents.common.front.Patience`.

    Raises:
        ValueError: a figure out of range.
    """

    def __init__(
        self,
        spec: ElasticitySpec,
        target: float,
        tolerance: float,
        cool_down: int,
        window: int,
        probation: int,
        first_bar: int,
        longest_bar: int,
    ):
        if not (0 < target < 1 and 0 <= tolerance < 1):
            raise ValueError(
                f"target must be in (0, 1) and tolerance in [0, 1), got {target} and {tolerance} "
                "(conf/agent/hpa.yaml)"
            )
        self._target, self._tolerance = target, tolerance
        super().__init__(spec, Patience(cool_down, window, probation, first_bar, longest_bar))

    def _wish(self, reading: Reading, asked: float | None, now: int) -> int:
        return now if asked is None else desired(self._front, now, asked / self._target, self._tolerance)


def desired(front: Front, now: int, quotient: float, tolerance: float) -> int:
    """Return the position whose cost is that of `now` over metric / target; `now` where that is near 1."""
    if abs(quotient - 1) <= tolerance:
        return now
    if quotient <= 0:
        return front.top
    return front.within(front.costs[now] / quotient)
