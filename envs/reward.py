"""What a step was worth: quality of experience, and the reward that puts the SLOs first."""

from collections.abc import Iterable, Sequence

from envs.spec import ElasticitySpec
from pipeline.slos import SloReading, SloState

SWITCHING_COST = 0.02  # of changing every knob at once; less than any rung of the default ladders is worth


def qoe(spec: ElasticitySpec, delivered: Sequence[float | None]) -> float:
    """Weighted mean of what was delivered of each knob, in [0, 1].

    QoE = Σ w·(value − lowest)/(highest − lowest), each term clipped, Σ w = 1.

    Args:
        spec: gives each knob's lowest and highest value, and its weight.
        delivered: per knob the value as delivered, not as requested; None where nothing was delivered,
            which is worth nothing.
    """
    total = sum(knob.weight for knob in spec.knobs)
    worth = sum(
        knob.weight * knob.worth(value)
        for knob, value in zip(spec.knobs, delivered, strict=True)
        if value is not None
    )
    return worth / total


def reward(readings: Iterable[SloReading], qoe: float, knobs_changed: int, n_knobs: int) -> float:
    """Reward of one interval, in [-1, 1]: no amount of QoE buys a broken SLO.

    All fulfilled: QoE − SWITCHING_COST · knobs_changed/n_knobs;
    else −(share of SLOs broken) · (½ + ½ · min(1, worst ratio − 1)).
    """
    readings = list(readings)
    broken = [reading for reading in readings if reading.state is SloState.CRITICAL]
    if not broken:
        return qoe - SWITCHING_COST * knobs_changed / n_knobs
    worst = max(reading.ratio for reading in broken)
    return -(len(broken) / len(readings)) * (0.5 + 0.5 * min(1.0, worst - 1.0))
