"""What is to be expected of every setting, and how probably it keeps the SLOs.

The regressions' errors are normal, and the ratio r of an SLO with memory, in an interval of demand u, is
where it rests at the setting or where the past has taken it, whichever is more (agents.mpc.backlog; ρ is its
rate). With μ and σ of ln r at rest, less ln of the threshold, residual included, and with n intervals held,

    P(kept) = Φ(−μ/σ) · P(drained),    P(drained) = Φ((ln b − E ln u) / σ_u)   with memory, else 1

where u is the demand on the stage that is expected to bind at the setting; with

    b = 1 / (1 − (1 − r) / (n ρ))      the demand that takes r to 1 in n intervals

A decision keeps a margin of m residual standard deviations ε to every threshold: μ + m ε and E ln u + m ε_u.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from agents.mpc import backlog
from agents.mpc.regression import predict
from agents.mpc.world import Known, World
from envs.spec import RATIO_CAP

Array = NDArray[np.float64]

LARGEST = 20.0  # ln(demand) up to which demands are told apart


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected of every setting, n of them; of ratios that rest, without the past.

    Attributes:
        ln_ratio: mean per SLO, less the ratio's own threshold: broken above 0, shape (n, n_slos).
        sigma: its standard deviation, residual included, shape (n, n_slos).
        residual: of it, what the regression leaves open, shape (n, n_slos).
        ratio: its median, shape (n, n_slos).
        ln_demand, demand_sigma, demand_residual: likewise of the stage that binds, shape (n,).
        demand_doubt: what of that is want of knowledge, shape (n,).
        binding: that stage, shape (n,).
        rates: of the backlogs, shape (n_slos,).
    """

    ln_ratio: Array
    sigma: Array
    residual: Array
    ratio: Array
    ln_demand: Array
    demand_sigma: Array
    demand_residual: Array
    demand_doubt: Array
    binding: NDArray[np.intp]
    rates: Array


def outlook_of(world: World, known: Known, rows: NDArray[np.intp] | slice = slice(None)) -> Outlook:
    """Return what is to be expected of these settings, as they are in the grid."""
    mean, variance = predict(known.fit, world.grid.features[rows])
    n_slos, soft = len(world.memory), world.soft
    binding = mean[:, n_slos:].argmax(axis=1)
    demand = np.arange(len(mean)), n_slos + binding
    # what each SLO follows: itself, or the demand if it is prompt
    of = np.where(world.prompt, demand[1][:, None], np.arange(n_slos))
    mean, variance = (
        np.hstack([part[demand][:, None], np.take_along_axis(part, of, 1)]) for part in (mean, variance)
    )
    residual = np.hstack([known.fit.variance[demand[1]][:, None], known.fit.variance[of]])
    sigma = np.sqrt(variance + residual)
    residual = np.sqrt(residual)
    return Outlook(
        ln_ratio=mean[:, 1:] - np.log1p(soft),
        sigma=sigma[:, 1:],
        residual=residual[:, 1:],
        ratio=np.clip(np.exp(mean[:, 1:]) - soft, 0.0, RATIO_CAP),
        ln_demand=mean[:, 0],
        demand_sigma=sigma[:, 0],
        demand_residual=residual[:, 0],
        demand_doubt=np.sqrt(variance[:, 0]),
        binding=binding,
        rates=backlog.learned_rates(known.growth),
    )


def p_fulfilled(world: World, known: Known, outlook: Outlook, intervals: float) -> Array:
    """Return P(SLO fulfilled) so many intervals (>= 1) after each setting was set, shape (n, n_slos)."""
    at_rest = ndtr(-outlook.ln_ratio / outlook.sigma)
    return at_rest * p_drained(world, known, outlook, intervals, np.zeros(1))


def p_kept(world: World, known: Known, outlook: Outlook, intervals: float, margin: Array) -> Array:
    """Return the same as a decision should see it: `margin` residual deviations away from every threshold.

    What an SLO does that does not follow the work is taken for what the regression says, as RASK does: to
    avoid all that is uncertain about it would be never to find out.
    """
    sigma = np.where(world.prompt, outlook.sigma, outlook.residual)
    at_rest = ndtr(-(outlook.ln_ratio + margin[:, None] * outlook.residual) / sigma)
    return at_rest * p_drained(world, known, outlook, intervals, margin)


def p_drained(world: World, known: Known, outlook: Outlook, intervals: float, margin: Array) -> Array:
    """Return P(what is queued keeps an SLO by then), 1 for those without memory, shape (n, n_slos)."""
    breaking = backlog.breaking_demand(known.ratios, outlook.rates, intervals)
    slack = breaking - (outlook.ln_demand + margin * outlook.demand_residual)[:, None]
    return np.where(world.memory, ndtr(slack / outlook.demand_sigma[:, None]), 1.0)


def worst_ratio(world: World, known: Known, outlook: Outlook, intervals: float) -> Array:
    """Return the worst ratio to be expected by then, the demand itself among them, shape (n,)."""
    demand = np.exp(np.minimum(outlook.ln_demand, LARGEST))[:, None]
    past = backlog.carried(known.ratios, outlook.rates, demand, intervals)
    ratios = np.where(world.memory, np.maximum(past, outlook.ratio), outlook.ratio)
    return np.maximum(ratios.max(axis=1), demand[:, 0])
