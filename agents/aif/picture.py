"""An agent's last decision for people to look at: what it believed, and what it compared."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.aif.beliefs import Belief, Prior, everywhere
from agents.aif.channels import Channels
from agents.aif.explaining import lowest_costs, offsets
from agents.aif.planning import Plan
from agents.aif.settings import Floats
from envs.spec import ElasticitySpec

N_CAPACITIES = 112  # bins of a belief that is drawn
REACH = 8.0  # from this share of the lowest setting's cost, to as many times what the highest costs


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is to draw; policies along the leading axis, nats unless named otherwise.

    Attributes:
        capacities: a grid for each stage, in units of the spec's cost, ascending, shape (i, c).
        belief: P(capacity) of each, after the last observation, shape (i, c).
        settings: where each policy leads, level per knob, shape (n_policies, n_knobs).
        demands: what these settings are expected to cost, in the unit of the capacities, (i, n_policies).
        expected_free_energy: of each policy; the least is best, shape (n_policies,).
        pragmatic, epistemic, waits: its parts, see `agents.aif.explaining`; shape (n_policies,).
        probabilities: of the policies, with what leaving the present setting costs, shape (n_policies,).
    """

    capacities: Floats
    belief: Floats
    settings: NDArray[np.int64]
    demands: Floats
    expected_free_energy: Floats
    pragmatic: Floats
    epistemic: Floats
    waits: Floats
    probabilities: Floats


def picture_of(
    spec: ElasticitySpec, channels: Channels, prior: Prior, belief: Belief, plan: Plan, gamma: float
) -> Picture:
    """Return the picture of a decision; `gamma`: nats per unit of reward."""
    n = channels.n_loads
    lowest = np.array(lowest_costs(spec)[:n])
    mean, variance = np.array(offsets(belief)[:n]).T
    loads = everywhere(prior, belief)[0][belief.likeliest, :n]
    demands = np.exp(loads - mean[:, None])  # of the lowest setting 1
    ends = np.log(1 / REACH), np.log(REACH * demands.max())
    grid = np.linspace(*ends, N_CAPACITIES)
    belief_of = np.exp(
        -0.5 * (grid + mean[:, None]) ** 2 / (variance[:, None] + (grid[1] - grid[0]) ** 2 / 12)
    )
    return Picture(
        capacities=lowest[:, None] * np.exp(grid),
        belief=belief_of / belief_of.sum(axis=1, keepdims=True),
        settings=prior.settings,
        demands=lowest[:, None] * demands,
        expected_free_energy=gamma * (plan.waits - plan.pragmatic - plan.epistemic),
        pragmatic=gamma * plan.pragmatic,
        epistemic=gamma * plan.epistemic,
        waits=gamma * plan.waits,
        probabilities=plan.probabilities,
    )
