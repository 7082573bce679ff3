"""The figures behind a decision, for the trace."""

import math

import numpy as np

from agents.aif.beliefs import Belief
from agents.aif.planning import Plan
from agents.common.settings import stage_costs
from envs.spec import ElasticitySpec

FIGURES = (
    "expected_free_energy",  # of the chosen policy, in nats
    "pragmatic",  # what it promises; likewise
    "epistemic",  # what it would tell
    "waits",  # what is lost until a backlog is gone
    "stage",  # that binds at the chosen setting, by its index; the next four are of it
    "expected_capacity",  # in cost units, the exponential of the expected logarithm
    "belief_entropy",  # of the logarithm of its capacity, in nats: of a Gaussian, it may be negative
    "expected_load",  # demand / capacity of the chosen setting, likewise
    "delay",  # of telemetry, expected, in intervals
    "surprise",  # −ln evidence of what was observed, of densities: it may be negative
    "policy_entropy",  # of the posterior over policies
)


def figures_of(
    spec: ElasticitySpec, plan: Plan, belief: Belief, gamma: float, surprise: float
) -> dict[str, float]:
    """Return the figures of the best policy.

    Args:
        spec: the stream.
        plan: what was compared.
        belief: about the interval before it.
        gamma: nats per unit of reward.
        surprise: of what was observed.
    """
    to = int(plan.value.argmax())
    stage = int(plan.stage[to])
    offset, variance = offsets(belief)[stage]
    p = plan.probabilities[plan.probabilities > 0]
    parts = plan.pragmatic[to], plan.epistemic[to], plan.waits[to]
    pragmatic, epistemic, waits = (gamma * float(part) for part in parts)
    values = (
        waits - pragmatic - epistemic,
        pragmatic,
        epistemic,
        waits,
        float(stage),
        lowest_costs(spec)[stage] * math.exp(-offset),
        0.5 * math.log(2 * math.pi * math.e * max(variance, 1e-12)),
        float(plan.load[to]),
        float(belief.p_delays @ belief.delays),
        surprise,
        float(-(p * np.log(p)).sum()),
    )
    return dict(zip(FIGURES, values, strict=True))


def offsets(belief: Belief) -> list[tuple[float, float]]:
    """Return mean and variance of every channel's offset, as the likeliest delay has it."""
    at = belief.likeliest
    return list(zip(belief.mean[at, :, -1].tolist(), belief.cov[at, :, -1, -1].tolist(), strict=True))


def lowest_costs(spec: ElasticitySpec) -> list[float]:
    """Return the cost of the lowest setting for every stage: the unit of its capacity."""
    return stage_costs(spec, spec.lowest)
