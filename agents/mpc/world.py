"""The world as regressions see it: how a reading changes what is known.

At a setting a with features φ(a) every SLO's ratio r, with SOFT added if it has memory, and the *demand* uᵢ
on each stage, in units of its capacity, are log-linear, with the coefficients w as agents.mpc.regression fits
them; the stage that binds is that of the largest, and SLOs that follow the work at once are taken to follow
it:

    ln r = w·φ(a) + noise,    ln uᵢ = wᵢ·φ(a) + noise,    u = max uᵢ

A demand is read off the pressure of its stage (agents.common.bottleneck). Where none was measured, that of
the stage expected to bind is read off the largest ratio with memory, which rises by ρ (1 − 1/u) in an
interval (agents.mpc.backlog), and if that is at rest, each constant falls by what was expected beyond
AT_REST, and by `optimism`:

    ln uᵢ = ln pressureᵢ               where it is known
    ln u = −ln(1 − Δr/ρ)               else, where a ratio with memory moved
    ln u = max(w·φ(a), 0) + STUCK      where it is broken and stays so

A reading may be behind the settings. So its variance is larger by what a change was expected to do and may
not show yet, λ' = LAG_LEFT λ + LAG |w·Δφ|, or by twice what it moved, if that is less and nothing is queued;
and SLOs that are told of by the past, or by an overload, are trusted the less.

Source: Sedlak et al. 2025 (RASK) for regressions of the metrics that are fitted online; the rest is ours.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from agents.common.bottleneck import Stages, in_pressure
from agents.common.demand import LAG, LAG_LEFT, MENDED, SOFT, TINY, UNKNOWN
from agents.common.settings import Grid, grid_of
from agents.mpc import backlog
from agents.mpc.regression import Fit, forget, update
from envs.spec import RATIO_CAP, ElasticitySpec, Observed

Array = NDArray[np.float64]

STANDSTILL = 0.03  # change of a ratio in one interval that is taken for jitter
AT_REST = -0.1  # ln(demand) that ratios at rest are taken to be a sign of, at the most
STUCK = 0.3  # by how much ln(demand) is above what was believed, if a broken ratio with memory stays so
VAGUE = 0.3  # log-standard deviation of a demand that was read off from ratios with memory
RESIDUAL, CALM = (0.1, 0.04)  # log-standard deviations left open at first, CALM of ratios with memory
REST_DOUBT = 0.3  # log-standard deviation of what a knob may do to SLOs that do not follow the work


@dataclass(frozen=True)
class World:
    """What the regressions of one spec take for given.

    Attributes:
        grid: the joint settings.
        stages: read their pressures.
        memory, prompt: which SLOs carry the past, and which follow the work at once, shape (n_slos,).
        drift: log-standard deviation of what no knob explains, from one interval to the next, > 0.
        fade: likewise of what the knobs explain, >= 0.
        cost_doubt: share by which the spec's ln(cost) of a knob may be wrong, a standard deviation, > 0.
        optimism: by how much ln(demand) is taken to fall in an interval in which nothing tells it, >= 0.
    """

    grid: Grid
    stages: Stages
    memory: NDArray[np.bool_]
    prompt: NDArray[np.bool_]
    drift: float
    fade: float
    cost_doubt: float
    optimism: float

    @classmethod
    def of(cls, spec: ElasticitySpec, drift: float, fade: float, cost_doubt: float, optimism: float) -> Self:
        """Return the world of a spec. Raises ValueError: it has too many joint settings."""
        memory = np.array([slo.memory for slo in spec.slos])
        return cls(grid_of(spec), Stages(spec), memory, in_pressure(spec), drift, fade, cost_doubt, optimism)

    @cached_property
    def soft(self) -> Array:
        """Return what is added to each ratio before its logarithm is taken, shape (n_slos,)."""
        return np.where(self.memory, SOFT, 0.0)

    @property
    def n_stages(self) -> int:
        """Return how many rows of the fit are demands: the last."""
        return len(self.grid.spans)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known at the end of an interval.

    Attributes:
        fit: of every SLO's ln(ratio), and of each stage's ln(demand) in the last rows.
        growth: sums for the rates of `agents.mpc.backlog`, shape (2, n_slos).
        lag: how much of a change a reading may not show yet, per row of the fit, shape (n_rows,).
        row: of the setting in force, -1 before the first reading.
        ratios: last known, 0 before, shape (n_slos,).
        is_backlog: which SLOs with memory are held up by the past, shape (n_slos,).
        demand: ln of the last interval's on each stage, NaN where it is unknown, shape (n_stages,).
        readings: taken in so far.
    """

    fit: Fit
    growth: Array
    lag: Array
    row: int
    ratios: Array
    is_backlog: NDArray[np.bool_]
    demand: Array
    readings: int


class Demand(NamedTuple):
    """What an interval says of the demand.

    Attributes:
        ln: its logarithm on each stage, NaN where nothing tells it, shape (n_stages,).
        is_measured: whether a pressure does.
        hope: by how much less is to be believed of each, because ratios with memory are at rest; else 0.
    """

    ln: Array
    is_measured: bool
    hope: Array | float = 0.0

    @property
    def top(self) -> float:
        """Return the largest, NaN if nothing tells any."""
        return float(np.fmax.reduce(self.ln))


def prior(world: World) -> Known:
    """Return what the spec alone says: demands go as the cost, the rest hardly as anything."""
    n_slos, demands = len(world.memory), np.ones(world.n_stages, bool)
    largest = world.grid.spans.max(axis=0)
    spans = np.vstack([np.broadcast_to(largest, (n_slos, largest.size)), world.grid.spans])
    follows_work = np.append(world.prompt, demands)[:, None]
    at_least = np.append(~world.memory & ~world.prompt, ~demands)
    mean = np.zeros((len(spans), 1 + 2 * largest.size))
    mean[:, 1::2] = np.where(follows_work, spans, np.where(at_least[:, None], MENDED * spans, 0.0))
    mean[:, 0] = np.where(follows_work[:, 0], 0.0, np.log(0.3)) - 0.5 * mean[:, 1::2].sum(axis=1)
    sigma = np.full_like(mean, UNKNOWN)
    sigma[:, 1::2] = np.where(follows_work, world.cost_doubt * (1 + spans), REST_DOUBT)
    sigma[:, 2::2] = np.where(follows_work, 2 * world.cost_doubt, REST_DOUBT)
    cov = sigma[:, :, None] ** 2 * np.eye(mean.shape[1])
    residual = np.where(np.append(world.memory, ~demands), CALM, RESIDUAL)
    culprits = np.where(
        follows_work[:, :, None], np.eye(mean.shape[1])[0] * np.eye(mean.shape[1]), np.eye(mean.shape[1])
    )
    fit = Fit(mean, cov, residual**2, np.zeros(len(mean)), culprits)
    return begun(Known(fit, np.zeros((2, n_slos)), *nothing(n_slos, world.n_stages), readings=0))


def begun(known: Known) -> Known:
    """Return the same knowledge at the beginning of an episode: the capacity may be another one."""
    cov = known.fit.cov.copy()
    cov[:, 0, 0] = np.maximum(cov[:, 0, 0], UNKNOWN**2)
    fit = replace(known.fit, cov=cov, surprises=np.zeros(len(cov)))
    return Known(fit, known.growth, *nothing(len(known.ratios), len(known.demand)), readings=0)


def nothing(n_slos: int, n_stages: int) -> tuple[Array, int, Array, NDArray[np.bool_], Array]:
    """Return lag, row, ratios, backlogs and demand of `Known` before an episode's first reading."""
    demand = np.full(n_stages, np.nan)
    return np.zeros(n_slos + n_stages), -1, np.zeros(n_slos), np.zeros(n_slos, bool), demand


def see(world: World, known: Known, seen: Observed) -> Known:
    """Return what is known one interval later."""
    row = world.grid.row(seen.levels)
    if not seen.known.any():
        nothing_seen = np.full(world.n_stages, np.nan)
        return replace(known, row=row, ratios=np.zeros(len(seen.ratios)), demand=nothing_seen)
    ratios = np.where(seen.known, seen.ratios, known.ratios)
    is_first = known.readings == 0
    growth = np.zeros(len(ratios)) if is_first else ratios - known.ratios
    demands = np.ones(world.n_stages)
    drift = np.append(np.where(world.memory, 0.2, 1.0), demands) * world.drift
    fit = known.fit if is_first else forget(known.fit, drift, world.fade)
    lag = lag_of(world, known, row)
    n_slos, point = len(ratios), world.grid.features[row]
    demand = demand_of(world, known, seen, fit.mean[n_slos:] @ point, growth)
    if np.any(demand.hope):
        mean = fit.mean.copy()
        mean[n_slos:, 0] -= demand.hope
        fit = replace(fit, mean=mean)
    is_backlog = backlogs_of(world, known, growth, demand)
    readings = np.append(np.log(np.maximum(ratios, TINY) + world.soft), demand.ln)
    before = np.append(np.log(np.maximum(known.ratios, TINY) + world.soft), known.demand)
    moved = np.zeros(len(lag)) if is_first else np.nan_to_num(readings - before)
    still = ~world.memory | (row == known.row) | is_first  # what carries the past, carries a change's too
    usable = np.append(seen.known & ~is_backlog & still, np.isfinite(demand.ln))
    expected = fit.mean @ point
    capped = np.append(ratios >= RATIO_CAP, demand.ln >= np.log(RATIO_CAP))
    usable &= ~(capped & (expected > readings))
    doubt = doubt_of(world, lag, moved, demand, bool(is_backlog.any()))
    fit = update(fit, point, np.nan_to_num(readings), usable, doubt)
    sums = known.growth
    if demand.is_measured and demand.top > 0 and not is_first:
        sums = backlog.count_growth(sums, growth, np.exp(demand.top), world.memory & seen.known)
    return Known(fit, sums, lag, row, ratios, is_backlog, demand.ln, known.readings + 1)


def lag_of(world: World, known: Known, row: int) -> Array:
    """Return how much of the changes a reading at this setting may not show yet, λ', shape (n_rows,)."""
    lag = known.lag * LAG_LEFT[int(known.is_backlog.any())]
    if known.row < 0 or row == known.row:
        return lag
    step = world.grid.features[row] - world.grid.features[known.row]
    return lag + LAG * np.abs(known.fit.mean @ step)


def demand_of(world: World, known: Known, seen: Observed, expected: Array, growth: Array) -> Demand:
    """Return what an interval says of the demands; `expected`: ln of them, by the fit."""
    pressures = world.stages.pressures(seen.ratios, seen.known, seen.loads)
    if not np.isnan(pressures).all():
        return Demand(np.log(np.maximum(pressures, TINY)), True)
    tells, nothing_told = np.flatnonzero(world.memory & seen.known), np.full(len(expected), np.nan)
    if not tells.size or not known.readings:
        return Demand(nothing_told, False)
    binding = np.arange(len(expected)) == expected.argmax()
    most = float(expected.max())
    worst = tells[np.argmax(seen.ratios[tells])]
    ratio, grown = float(seen.ratios[worst]), float(growth[worst])
    if abs(grown) > STANDSTILL:
        rate = float(backlog.learned_rates(known.growth)[worst])
        read = backlog.implied_demand(ratio, float(known.ratios[worst]), rate)
        is_drained = grown < 0 and ratio < STANDSTILL
        return Demand(np.where(binding, min(read, most) if is_drained else read, np.nan), False)
    if ratio > 1:  # as long as it can be, or it would go on growing
        return Demand(np.where(binding, max(most, 0.0) + STUCK, np.nan), False)
    return Demand(nothing_told, False, hope=np.maximum(expected - AT_REST, 0.0) + world.optimism)


def backlogs_of(world: World, known: Known, growth: Array, demand: Demand) -> NDArray[np.bool_]:
    """Return which ratios with memory speak of the past: they rise under overload, or fall after one."""
    overload = np.nan_to_num(demand.top) > 0 and known.readings > 0
    rising = overload & (growth > STANDSTILL)
    staying = known.is_backlog & ((growth < -STANDSTILL) | overload)
    return world.memory & (rising | staying)


def doubt_of(world: World, lag: Array, moved: Array, demand: Demand, has_backlog: bool) -> Array:
    """Return the variance of each reading beyond the residual one, shape (n_rows,).

    Args:
        lag: see `lag_of`.
        moved: by how much each logarithm changed in the interval, shape (n_rows,).
        demand: in it.
        has_backlog: whether work of the past is waiting.
    """
    doubt = lag**2 if has_backlog else np.minimum(lag**2, 4 * moved**2)
    n_slos = len(world.memory)
    doubt[:n_slos] += np.where(world.prompt, 0.0, (2 * max(np.nan_to_num(demand.top), 0.0)) ** 2)
    doubt[:n_slos] += np.where(world.memory, moved[:n_slos] ** 2, 0.0)
    doubt[n_slos:] += 0.0 if demand.is_measured else VAGUE**2
    return doubt
