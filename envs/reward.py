"""What a step was worth: quality of experience, and the reward that puts the SLOs first."""

import math
from collections.abc import Iterable, Sequence

from envs.spec import ElasticitySpec
from pipeline.slos import SloReading, SloState

SWITCHING_COST = 0.02  # of changing every knob at once; less than any rung of the default ladders is worth


def qoe(spec: ElasticitySpec, delivered: Sequence[float]) -> float:
    """Weighted mean of what was delivered of each knob, in [0, 1].

    QoE = Σ w·(value − lowest)/(highest − lowest), each term clipped, Σ w = 1.

    Args:
        spec: gives each knob's lowest and highest value, and its weight.
        delivered: per knob the value as delivered, not as requested; NaN where nothing was delivered,
            which is worth nothing.
    """
    total, gained = 0.0, 0.0
    for knob, value in zip(spec.knobs, delivered, strict=True):
        total += knob.weight
        if not math.isnan(value):
            gained += knob.weight * knob.worth(value)
    return gained / total


def reward(readings: Iterable[SloReading], qoe: float, knobs_changed: int, n_knobs: int) -> float:
    """Reward of one interval, see `step_reward`.

    An SLO that was not measured is not broken, and that buys nothing: QoE is of what was delivered.
    """
    ratios = [(reading.state is SloState.CRITICAL, reading.ratio) for reading in readings]
    broken = [ratio for is_broken, ratio in ratios if is_broken]
    return step_reward(len(broken), len(ratios), max(broken, default=0.0), qoe, knobs_changed, n_knobs)


def step_reward(
    n_broken: int, n_slos: int, worst_ratio: float, qoe: float, knobs_changed: int, n_knobs: int
) -> float:
    """Reward of one interval, in [-1, 1]: no amount of QoE buys a broken SLO.

    All fulfilled: QoE − SWITCHING_COST · knobs_changed/n_knobs;
    else −(share of SLOs broken) · (½ + ½ · min(1, worst ratio − 1)), the worst of the broken ones.
    """
    if n_broken == 0:
        return qoe - SWITCHING_COST * knobs_changed / n_knobs
    return -(n_broken / n_slos) * (0.5 + 0.5 * min(1.0, worst_ratio - 1.0))
