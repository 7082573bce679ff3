"""The generative model of a stream, built from its spec alone: the arrays that pymdp calls A, B, C, D.

Hidden are the levels of the knobs (the agent's own doing, seen exactly) and, of each stage, one slow factor
that no knob moves: its capacity, in units of the spec's relative cost. An SLO with memory has its backlog as
a further factor: the bin its ratio was in when the interval began, which was seen exactly too. Between knobs
and observations stands the demand, what a joint setting costs: `agents.aif.costs` holds a belief about it.

All likelihoods are functions of u = demand / capacity alone, of the stage where that is largest. Demands and
capacities share one logarithmic grid, as wide for every stage, so they are tables over u, and A for any
belief about costs is read from them: nothing is built anew.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.aif import likelihood
from agents.aif.costs import CostPrior, demand_prior
from agents.common.bins import N_BINS, N_FULFILLED, ratio_edges
from agents.common.bottleneck import can_be_pressed, in_pressure
from agents.common.settings import grid_of
from envs.spec import ElasticitySpec, Sense

Array = NDArray[np.float64]

FLOOR, CEILING = 0.5, 3.0  # capacities reach from FLOOR x the lowest cost to CEILING x the highest
NEAR = 0.1  # of what is seen of a setting, the share that counts for one that is a level away
AS_DECLARED = CostPrior(1.0, 0.0, 0.0, 0.0)  # of costs that nothing is seen of
BEYOND = 4.5  # demands reach so many fold beyond the spec's costs, for they may prove to be others


@dataclass(frozen=True, slots=True)
class Tunables:
    """The figures of conf/agent/aif.yaml that shape the model.

    Attributes:
        n_capacities: bins of capacity, >= 24.
        n_pressures: bins of pressure, >= 10.
        noise: log-standard deviation of a measured load about demand / capacity, > 0, at the least.
        drift: log-standard deviation of the capacity's walk in one interval, > 0.
        jump: probability in an interval that the capacity goes anywhere: a worker is lost, or back.
        quality_nats: what the highest setting is worth over the lowest, in nats, > 0.
        violation: what each bin that a ratio is above 1 costs, in units of `quality_nats`, > 1.
        infers_capacity: false = the capacity is taken for known and constant, as if no worker were ever lost.
    """

    n_capacities: int
    n_pressures: int
    noise: float
    drift: float
    jump: float
    quality_nats: float
    violation: float
    infers_capacity: bool

    def __post_init__(self) -> None:
        where = "(conf/agent/aif.yaml)"
        if self.n_capacities < 24 or self.n_pressures < 10:
            raise ValueError(
                f"expected at least 24 capacities and 10 pressures, got {self.n_capacities} and "
                f"{self.n_pressures} {where}"
            )
        if min(self.noise, self.drift, self.quality_nats) <= 0 or self.violation <= 1:
            raise ValueError(
                f"noise, drift and quality_nats must be > 0 and violation > 1, got {self.noise}, "
                f"{self.drift}, {self.quality_nats} and {self.violation} {where}"
            )
        if not 0 < self.jump < 1:
            raise ValueError(f"jump must be in (0, 1), got {self.jump} {where}")


@dataclass(frozen=True, slots=True)
class Model:
    """Arrays over i = stages, a = joint settings, c = capacities, x = demands, u = demand / capacity,
    o = bins of a ratio, p = bins of pressure, s = SLOs, k = distinct tables.

    Attributes:
        settings: level per knob, shape (a, n_knobs).
        capacity: of each bin, in cost units, shape (i, c).
        demand: logarithm at each bin's centre, as far apart as those of the capacities, shape (i, x).
        ln_u: demand less capacity, both logarithms, shape (u,) = (x + c - 1,); demand i less capacity j is
            at i - j + c - 1.
        A_slo: P(bin | bin before, u) of each distinct kind of SLO, shape (k, o, o, u), bins before first.
        kind: row of A_slo per SLO, shape (s,).
        A_pressure: P(bin | u), shape (p, u).
        B: P(capacity | capacity before) without jumps, shape (c, c).
        jump: probability of a jump to any capacity. It moves the belief, but is not planned for: a loss that
            comes whatever the agent does would only make it timid.
        C_slo: log-preference per bin of a ratio, shape (o,).
        C_setting: log-preference per joint setting, shape (a,).
        D: P(capacity) when an episode begins, shape (c,).
        weight: share of each SLO's evidence that counts, shape (s,).
        pressure_weight: 1 if any SLO is in the pressure or any load can be measured, else 0.
        costs: mean and covariance before anything was seen, see `agents.aif.costs`; shapes (i, a + 1) and
            (i, a + 1, a + 1).
        cheapest: setting that costs each stage least, shape (i,).
        nearness: how much what is seen at one setting tells of another, shape (a, a).
    """

    settings: NDArray[np.int64]
    capacity: Array
    demand: Array
    ln_u: Array
    A_slo: Array
    kind: NDArray[np.int64]
    A_pressure: Array
    B: Array
    jump: float
    C_slo: Array
    C_setting: Array
    D: Array
    weight: Array
    pressure_weight: float
    costs: tuple[Array, Array]
    cheapest: NDArray[np.intp]
    nearness: Array


def capacities(costs: Array, n: int) -> Array:
    """Return the bins of each stage's capacity, equally spaced in the logarithm, shape (n_stages, n).

    All as far apart, as the stage needs it whose costs, shape (a, n_stages), differ most.
    """
    lowest, spread = costs.min(axis=0), (costs.max(axis=0) / costs.min(axis=0)).max()
    return FLOOR * lowest[:, None] * np.geomspace(1.0, CEILING / FLOOR * spread, n)


def demands(costs: Array, width: float) -> Array:
    """Return ln demands per stage, `width` apart: from BEYOND below its lowest cost to BEYOND above any."""
    lowest = np.log(costs.min(axis=0) / BEYOND)
    reach = (np.log(costs.max(axis=0) * BEYOND) - lowest).max()
    return lowest[:, None] + width * np.arange(int(np.ceil(reach / width)) + 1)


def random_walk(n: int, width: float, drift: float) -> Array:
    """Return P(bin | bin before) where the capacity stays or walks to a neighbour, shape (n, n).

    Args:
        n: bins, each `width` wide in the logarithm.
        drift: log-standard deviation of the walk in one interval; one wider than a bin counts as a bin.
    """
    leave = min(drift / width, 1.0) ** 2
    walk = (1 - leave) * np.eye(n) + leave / 2 * (np.eye(n, k=1) + np.eye(n, k=-1))
    walk[0, 0] += leave / 2
    walk[-1, -1] += leave / 2
    return walk


def graded(violation: float) -> Array:
    """Return ln C per bin of a ratio: all fulfilled ones are alike, each above 1 is worse; shape (o,)."""
    return -violation * np.maximum(np.arange(N_BINS) - N_FULFILLED + 1, 0.0)


def evidence_weights(spec: ElasticitySpec) -> Array:
    """Return how much each SLO tells of the capacity, shape (n_slos,).

    Those in the pressure tell through it. The others all watch the same queue: together they count as one.
    """
    others = ~in_pressure(spec)
    return others / max(others.sum(), 1)


def slo_likelihoods(spec: ElasticitySpec, ln_u: Array, noise: float) -> tuple[Array, NDArray[np.int64]]:
    """Return A_slo and kind, see `Model`; SLOs of one kind and one warn_at share their table."""
    keys = [(slo.warn_at, slo.memory, slo.sense) for slo in spec.slos]
    kinds = sorted(set(keys))
    tables = np.zeros((len(kinds), N_BINS, ln_u.size, N_BINS))
    for i, (warn_at, memory, sense) in enumerate(kinds):
        shape = likelihood.proportional if sense is Sense.AT_MOST else likelihood.limiting
        shape = likelihood.remembering if memory else shape
        tables[i] = shape(ln_u, noise, ratio_edges(warn_at))
    return tables.swapaxes(-1, -2), np.array([kinds.index(key) for key in keys], dtype=np.int64)


def nearness(settings: NDArray[np.int64]) -> Array:
    """Return NEAR to the power of the levels between two settings, of all knobs together, shape (a, a)."""
    apart = np.abs(settings[:, None] - settings).sum(-1)
    return NEAR ** apart.astype(float)


def build(spec: ElasticitySpec, tunables: Tunables, prior: CostPrior) -> Model:
    """Return the model of any spec.

    Raises:
        ValueError: more joint settings than MAX_SETTINGS.
    """
    grid = grid_of(spec)
    capacity = capacities(grid.costs, tunables.n_capacities)
    n = capacity.shape[1]
    width = float(np.log(capacity[0, 1] / capacity[0, 0]))
    demand = demands(grid.costs, width)
    ln_u = demand[0, 0] - np.log(capacity[0, -1]) + width * np.arange(demand.shape[1] + n - 1)
    spread = float(np.hypot(tunables.noise, width / np.sqrt(12)))  # within its bin the capacity is anywhere
    tables, kind = slo_likelihoods(spec, ln_u, spread)
    pressure = likelihood.proportional(ln_u, spread, likelihood.pressure_edges(tunables.n_pressures))
    infers, has_pressure = tunables.infers_capacity, can_be_pressed(spec)
    prior = prior if has_pressure else AS_DECLARED
    costs = [
        demand_prior(spec, i, grid.settings, prior, float(np.log(middle)), not infers)
        for i, middle in enumerate(capacity[:, n // 2])
    ]
    means, covs = zip(*costs, strict=True)
    return Model(
        settings=grid.settings,
        capacity=capacity,
        demand=demand,
        ln_u=ln_u,
        A_slo=tables,
        kind=kind,
        A_pressure=pressure.swapaxes(-1, -2),
        B=random_walk(n, width, tunables.drift) if infers else np.eye(n),
        jump=tunables.jump if infers else 0.0,
        C_slo=tunables.quality_nats * graded(tunables.violation),
        C_setting=tunables.quality_nats * grid.worth,
        D=np.full(n, 1 / n) if infers else np.eye(n)[n // 2],
        weight=evidence_weights(spec),
        pressure_weight=float(has_pressure),
        costs=(np.stack(means), np.stack(covs)),
        cheapest=grid.costs.argmin(axis=0),
        nearness=nearness(grid.settings),
    )
